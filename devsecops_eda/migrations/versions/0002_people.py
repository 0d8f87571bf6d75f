"""What people say, waive and override; what stands; what decisions rested on."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables, and say of what was decided before which decisions stand."""
    _more_about_what_there_is()
    _what_was_decided()
    _what_people_say()
    _what_counts_for_nothing()
    _say_which_stand()


def _more_about_what_there_is() -> None:
    op.create_index("asks_decision", "asks", ["decision"], unique=False)
    op.create_index("asks_repo", "asks", ["repo"], unique=False)
    op.add_column(
        "decisions", sa.Column("repo", sa.String(length=512), server_default="", nullable=False)
    )
    op.add_column("messages", sa.Column("decision", sa.String(length=36), nullable=True))
    op.create_index("messages_flow", "messages", ["flow"], unique=False)


def _what_was_decided() -> None:
    op.create_table(
        "policies",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "archive",
        sa.Column("decision", sa.String(length=36), nullable=False),
        sa.Column("flow", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("decided_at", sa.String(length=27), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("policy_source", sa.String(length=80), nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"],
            ["decisions.id"],
        ),
        sa.PrimaryKeyConstraint("decision"),
    )
    op.create_index("archive_decided_at", "archive", ["decided_at"], unique=False)
    op.create_index("archive_policy_source", "archive", ["policy_source"], unique=False)
    op.create_table(
        "effective",
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("gate", sa.String(length=128), nullable=False),
        sa.Column("target", sa.String(length=512), nullable=False),
        sa.Column("environment", sa.String(length=128), nullable=False),
        sa.Column("decision", sa.String(length=36), nullable=False),
        sa.Column("since", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"],
            ["decisions.id"],
        ),
        sa.PrimaryKeyConstraint("subject", "repo", "gate", "target", "environment"),
    )
    op.create_index("effective_decision", "effective", ["decision"], unique=False)
    op.create_table(
        "origins",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("artifact", sa.String(length=80), nullable=False),
        sa.Column("repo", sa.String(length=512), nullable=False),
        sa.Column("built_from", sa.String(length=700), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["inbox.seq"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("origins_artifact", "origins", ["artifact"], unique=False)
    op.create_index("origins_built_from", "origins", ["built_from"], unique=False)


def _what_people_say() -> None:
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
        "rests_on",
        sa.Column("decision", sa.String(length=36), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"],
            ["archive.decision"],
        ),
        sa.ForeignKeyConstraint(
            ["outcome"],
            ["outcomes.seq"],
        ),
        sa.PrimaryKeyConstraint("decision", "outcome"),
    )
    op.create_index("rests_on_outcome", "rests_on", ["outcome"], unique=False)
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


def _what_counts_for_nothing() -> None:
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


def _say_which_stand() -> None:
    decisions = sa.table(
        "decisions",
        *map(sa.column, ("id", "subject", "repo", "gate", "target", "environment", "decided_at")),
    )
    effective = sa.table(
        "effective",
        *map(
            sa.column,
            ("subject", "repo", "gate", "target", "environment", "decision", "since"),
        ),
    )
    connection = op.get_bind()
    latest: dict[tuple[str, ...], tuple[str, str]] = {}
    rows = connection.execute(sa.select(decisions).order_by(decisions.c.decided_at)).mappings()
    for row in rows.all():
        # Until now only commits of repositories and trees without one were judged.
        repo = row["subject"].rpartition("@")[0]
        connection.execute(
            sa.update(decisions).where(decisions.c.id == row["id"]).values(repo=repo)
        )
        key = (row["subject"], repo, row["gate"], row["target"] or "", row["environment"] or "")
        latest[key] = (row["id"], row["decided_at"])
    for values in _rows(latest):
        connection.execute(sa.insert(effective).values(**values))


def _rows(latest: dict[tuple[str, ...], tuple[str, str]]) -> Iterator[dict[str, str]]:
    names = ("subject", "repo", "gate", "target", "environment", "decision", "since")
    for key, value in latest.items():
        yield dict(zip(names, (*key, *value), strict=True))


def downgrade() -> None:
    """Drop what was added, and with it everything recorded there."""
    op.drop_index("messages_flow", table_name="messages")
    op.drop_column("messages", "decision")
    op.drop_column("decisions", "repo")
    op.drop_index("asks_repo", table_name="asks")
    op.drop_index("asks_decision", table_name="asks")
    for table in (
        *(
            "remarks",
            "views",
            "rounds",
            "rests_on",
            "grants",
            "announced",
            "waivers",
            "votes",
            "requests",
        ),
        *("overrides", "origins", "effective", "archive", "policies"),
    ):
        op.drop_table(table)
