"""Tables of what the gate says, and of whose timer works."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from devsecops_eda.ledger.tables.columns import METADATA, Instant

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
    # The decision that it tells, where it tells one.
    Column("decision", String(36), nullable=True),
    Index("messages_cause", "cause"),
    Index("messages_sent", "sent_at"),
    Index("messages_flow", "flow"),
    Index("messages_created_at", "created_at", "id"),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Instant, nullable=False),
)
