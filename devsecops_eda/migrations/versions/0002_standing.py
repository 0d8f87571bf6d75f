"""Which decisions stand, what they rested on, and from what artifacts were built."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables, and say of what was decided before which decisions stand."""
    _more_about_what_there_is()
    _what_was_decided()
    _say_which_stand()


def _more_about_what_there_is() -> None:
    op.create_index("asks_decision", "asks", ["decision"], unique=False)
    op.create_index("asks_repo", "asks", ["repo"], unique=False)
    op.add_column(
        "decisions", sa.Column("repo", sa.String(length=512), server_default="", nullable=False)
    )
    op.add_column("messages", sa.Column("decision", sa.String(length=36), nullable=True))
    op.create_index("messages_flow", "messages", ["flow"], unique=False)
    op.create_index("messages_created_at", "messages", ["created_at", "id"], unique=False)


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
    op.drop_index("messages_created_at", table_name="messages")
    op.drop_index("messages_flow", table_name="messages")
    op.drop_column("messages", "decision")
    op.drop_column("decisions", "repo")
    op.drop_index("asks_repo", table_name="asks")
    op.drop_index("asks_decision", table_name="asks")
    for table in ("rests_on", "origins", "effective", "archive", "policies"):
        op.drop_table(table)
