"""What people ask, vote, waive and override."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    _waiving_and_overriding()
    _asking_and_voting()


def _waiving_and_overriding() -> None:
    op.create_table(
        "waivers",
        sa.Column("waiver", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("event", sa.String(length=256), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.String(length=27), nullable=False),
        sa.Column("revoker_user", sa.String(length=255), nullable=True),
        sa.Column("revoker", sa.Text(), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.Column("revoke_event", sa.String(length=256), nullable=True),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("waiver"),
    )
    op.create_index("waivers_expires_at", "waivers", ["expires_at"], unique=False)
    op.create_index("waivers_repo", "waivers", ["repo"], unique=False)
    op.create_index("waivers_seq", "waivers", ["seq"], unique=False)
    op.create_table(
        "grants",
        sa.Column("waiver", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=256), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["waiver"],
            ["waivers.waiver"],
        ),
        sa.PrimaryKeyConstraint("waiver", "number"),
    )
    op.create_table(
        "announced",
        sa.Column("waiver", sa.String(length=36), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("announced_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["waiver"],
            ["waivers.waiver"],
        ),
        sa.PrimaryKeyConstraint("waiver", "mark"),
    )
    op.create_table(
        "remarks",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("waiver", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("remarks_waiver", "remarks", ["waiver"], unique=False)
    op.create_table(
        "overrides",
        sa.Column("override", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("review_due", sa.String(length=27), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", sa.String(length=27), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.String(length=27), nullable=True),
        sa.Column("review", sa.String(256), nullable=True),
        sa.Column("justified", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("override"),
    )
    op.create_index("overrides_decision", "overrides", ["decision"], unique=False)
    op.create_index("overrides_repo", "overrides", ["repo"], unique=False)
    op.create_index("overrides_seq", "overrides", ["seq"], unique=False)
    op.create_index("overrides_state", "overrides", ["state", "expires_at"], unique=False)


def _asking_and_voting() -> None:
    op.create_table(
        "requests",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("environment", sa.String(length=128), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=True),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("requests_subject", "requests", ["subject"], unique=False)
    op.create_table(
        "rounds",
        sa.Column("approval", sa.String(length=36), nullable=False),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("ask_flow", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("environment", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("request", sa.String(length=256), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.String(length=27), nullable=False),
        sa.Column("closing", sa.String(length=16), nullable=True),
        sa.Column("closed_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["ask_flow", "repo", "gate", "environment"],
            ["asks.flow", "asks.repo", "asks.gate", "asks.environment"],
        ),
        sa.PrimaryKeyConstraint("approval"),
    )
    op.create_index("rounds_closing", "rounds", ["closing", "opened_at"], unique=False)
    op.create_index("rounds_subject", "rounds", ["subject"], unique=False)
    op.create_table(
        "views",
        sa.Column("approval", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval"],
            ["rounds.approval"],
        ),
        sa.PrimaryKeyConstraint("approval", "digest"),
    )
    op.create_table(
        "votes",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=256), nullable=False),
        sa.Column("approval", sa.String(length=36), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("vote", sa.String(length=16), nullable=False),
        sa.Column("view", sa.String(length=80), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("votes_approval", "votes", ["approval"], unique=False)


def downgrade() -> None:
    """Drop the tables, and with them everything recorded there."""
    for table in (
        *("remarks", "views", "rounds", "announced", "grants", "waivers", "votes", "requests"),
        "overrides",
    ):
        op.drop_table(table)
