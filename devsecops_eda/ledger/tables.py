"""The tables of the gate's memory. ``migrations`` holds how they came to be."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A UTC instant, kept as text that sorts in time order on every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write an aware datetime as RFC 3339 UTC with microseconds."""
        if value is None:
            return None
        # Not strftime: it does not pad the years before 1000, and text would not sort.
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read it back as an aware datetime."""
        return None if value is None else datetime.fromisoformat(value)


METADATA = MetaData()

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

asks = Table(
    "asks",
    METADATA,
    Column("flow", String(36), primary_key=True),
    Column("repo", String(512), primary_key=True),
    Column("gate", String(128), primary_key=True),
    Column("environment", String(128), primary_key=True),
    Column("subject", String(700), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("reopened_at", Instant, nullable=True),
    Column("due", Instant, nullable=True),
    Column("decision", String(36), nullable=True),
    Column("answered", Boolean, nullable=False),
    ForeignKeyConstraint(["flow", "repo"], ["flows.flow", "flows.repo"]),
    Index("asks_subject", "subject"),
    Index("asks_due", "due"),
)

baselines = Table(
    "baselines",
    METADATA,
    Column("flow", String(36), primary_key=True),
    Column("repo", String(512), primary_key=True),
    Column("gate", String(128), primary_key=True),
    Column("environment", String(128), primary_key=True),
    Column("check_name", String(64), primary_key=True),
    Column("subject", String(700), primary_key=True),
    Column("request", String(36), primary_key=True),
    Column("requested_at", Instant, nullable=False),
    Index("baselines_subject", "subject"),
)

decisions = Table(
    "decisions",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("gate", String(128), nullable=False),
    Column("subject", String(700), nullable=False),
    Column("target", String(512), nullable=True),
    Column("merge_base", String(80), nullable=True),
    Column("environment", String(128), nullable=True),
    Column("policy_digest", String(80), nullable=False),
    Column("inputs_digest", String(80), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("supersedes", String(36), nullable=True),
    Column("decided_at", Instant, nullable=False),
    Index("decisions_subject", "subject"),
)

messages = Table(
    "messages",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("cause", Integer, ForeignKey("inbox.seq"), nullable=True),
    Column("flow", String(36), nullable=False),
    Column("key", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=True),
    Index("messages_cause", "cause"),
    Index("messages_sent", "sent_at"),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Instant, nullable=False),
)
