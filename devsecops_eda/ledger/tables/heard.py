"""Tables of what came in: events, flows, causes, outcomes, origins of artifacts."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from devsecops_eda.ledger.tables.columns import METADATA, Instant

inbox = Table(
    "inbox",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("user", String(255), nullable=False),
    Column("source", String(1024), nullable=False),
    Column("id", String(256), nullable=False),
    # What an outcome means: one slot may be filled twice with other meanings, both are kept.
    Column("variant", String(80), nullable=False),
    Column("type", String(64), nullable=False),
    Column("flow", String(36), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("time", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("user", "source", "id", "variant"),
    Index("inbox_flow", "flow"),
    Index("inbox_id", "id"),
)

flows = Table(
    "flows",
    METADATA,
    # A flow is a flow of one repository: nobody can take another's by naming its id first.
    Column("flow", String(36), primary_key=True),
    Column("repo", String(512), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("revision", String(80), nullable=False),
    Column("ref", String(512), nullable=True),
    Column("target", String(512), nullable=True),
)

causes = Table(
    "causes",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("user", String(255), nullable=False),
    Column("source", String(1024), nullable=False),
    Column("event_id", String(256), nullable=False),
    Column("subject", String(700), nullable=False),
    Column("check_name", String(64), nullable=True),
    Column("target", String(512), nullable=True),
    Column("flow", String(36), nullable=False),
    Column("time", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Index("causes_subject", "subject"),
)

outcomes = Table(
    "outcomes",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("subject", String(700), nullable=False),
    Column("check_name", String(64), nullable=False),
    Column("cause", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Index("outcomes_subject", "subject"),
)

origins = Table(
    "origins",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("artifact", String(80), nullable=False),
    # Whose artifact it is said to be: nobody speaks about the artifact of another repository.
    Column("repo", String(512), nullable=False),
    Column("built_from", String(700), nullable=False),
    Index("origins_artifact", "artifact"),
    Index("origins_built_from", "built_from"),
)
