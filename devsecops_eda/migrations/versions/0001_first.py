"""The first shape of the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _what_came_in()
    _what_came_of_it()


def _what_came_in() -> None:
    op.create_table(
        "baselines",
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("environment", sa.String(length=128), nullable=False),
        sa.Column("check_name", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("requested_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint(
            "flow", "repo", "gate", "environment", "check_name", "subject", "request"
        ),
    )
    op.create_index("baselines_subject", "baselines", ["subject"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("target", sa.String(length=512), nullable=True),
        sa.Column("merge_base", sa.String(length=80), nullable=True),
        sa.Column("environment", sa.String(length=128), nullable=True),
        sa.Column("policy_digest", sa.String(length=80), nullable=False),
        sa.Column("inputs_digest", sa.String(length=80), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("supersedes", sa.String(length=36), nullable=True),
        sa.Column("decided_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decisions_subject", "decisions", ["subject"], unique=False)
    op.create_table(
        "flows",
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=512), nullable=True),
        sa.Column("target", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("flow", "repo"),
    )
    op.create_table(
        "inbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=1024), nullable=False),
        sa.Column("id", sa.String(length=256), nullable=False),
        sa.Column("variant", sa.String(length=80), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("time", sa.String(length=27), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.Column("seen_at", sa.String(length=27), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("user", "source", "id", "variant"),
    )
    op.create_index("inbox_flow", "inbox", ["flow"], unique=False)
    op.create_index("inbox_id", "inbox", ["id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _what_came_of_it() -> None:
    op.create_table(
        "asks",
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("environment", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("asked_at", sa.String(length=27), nullable=False),
        sa.Column("reopened_at", sa.String(length=27), nullable=True),
        sa.Column("due", sa.String(length=27), nullable=True),
        sa.Column("decision", sa.String(length=36), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow", "repo"],
            ["flows.flow", "flows.repo"],
        ),
        sa.PrimaryKeyConstraint("flow", "repo", "gate", "environment"),
    )
    op.create_index("asks_due", "asks", ["due"], unique=False)
    op.create_index("asks_subject", "asks", ["subject"], unique=False)
    op.create_table(
        "causes",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=1024), nullable=False),
        sa.Column("event_id", sa.String(length=256), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("check_name", sa.String(length=64), nullable=True),
        sa.Column("target", sa.String(length=512), nullable=True),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("time", sa.String(length=27), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("causes_subject", "causes", ["subject"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("sent_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["cause"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("messages_cause", "messages", ["cause"], unique=False)
    op.create_index("messages_sent", "messages", ["sent_at"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("check_name", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("outcomes_subject", "outcomes", ["subject"], unique=False)


def downgrade() -> None:
    """Drop all tables, and with them everything that was recorded."""
    op.drop_index("outcomes_subject", table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_index("messages_sent", table_name="messages")
    op.drop_index("messages_cause", table_name="messages")
    op.drop_table("messages")
    op.drop_index("causes_subject", table_name="causes")
    op.drop_table("causes")
    op.drop_index("asks_subject", table_name="asks")
    op.drop_index("asks_due", table_name="asks")
    op.drop_table("asks")
    op.drop_table("leases")
    op.drop_index("inbox_id", table_name="inbox")
    op.drop_index("inbox_flow", table_name="inbox")
    op.drop_table("inbox")
    op.drop_table("flows")
    op.drop_index("decisions_subject", table_name="decisions")
    op.drop_table("decisions")
    op.drop_index("baselines_subject", table_name="baselines")
    op.drop_table("baselines")
