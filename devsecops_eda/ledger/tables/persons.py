"""Tables of what people ask, vote, waive and override."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from devsecops_eda.ledger.tables.columns import METADATA, Instant

requests = Table(
    "requests",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("flow", String(36), nullable=False),
    Column("subject", String(700), nullable=False),
    Column("repo", String(512), nullable=False),
    Column("environment", String(128), nullable=False),
    Column("user", String(255), nullable=False),
    Column("requester", Text, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("recorded_at", Instant, nullable=False),
    Index("requests_subject", "subject"),
)

rounds = Table(
    "rounds",
    METADATA,
    Column("approval", String(36), primary_key=True),
    # In which flow people are asked, and the ask it was opened for.
    Column("flow", String(36), nullable=False),
    Column("ask_flow", String(36), nullable=False),
    Column("repo", String(512), nullable=False),
    Column("gate", String(128), nullable=False),
    Column("environment", String(128), nullable=False),
    Column("subject", String(700), nullable=False),
    # The event id of the request to deploy, where there is one.
    Column("request", String(256), nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closing", String(16), nullable=True),
    Column("closed_at", Instant, nullable=True),
    ForeignKeyConstraint(
        ["ask_flow", "repo", "gate", "environment"],
        ["asks.flow", "asks.repo", "asks.gate", "asks.environment"],
    ),
    Index("rounds_subject", "subject"),
    Index("rounds_closing", "closing", "opened_at"),
)

views = Table(
    "views",
    METADATA,
    Column("approval", String(36), ForeignKey("rounds.approval"), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("seen", LargeBinary, nullable=False),
)

votes = Table(
    "votes",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("event_id", String(256), nullable=False),
    Column("approval", String(36), nullable=False),
    Column("user", String(255), nullable=False),
    Column("person", Text, nullable=True),
    Column("groups", Text, nullable=False),
    Column("vote", String(16), nullable=False),
    Column("view", String(80), nullable=False),
    Column("comment", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Index("votes_approval", "approval"),
)

waivers = Table(
    "waivers",
    METADATA,
    Column("waiver", String(36), primary_key=True),
    Column("seq", Integer, ForeignKey("inbox.seq"), nullable=False),
    Column("repo", String(512), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("event", String(256), nullable=False),
    Column("user", String(255), nullable=False),
    Column("person", Text, nullable=True),
    Column("requested_at", Instant, nullable=False),
    Column("revoker_user", String(255), nullable=True),
    Column("revoker", Text, nullable=True),
    Column("revoke_reason", Text, nullable=True),
    Column("revoke_event", String(256), nullable=True),
    Column("revoked_at", Instant, nullable=True),
    Index("waivers_repo", "repo"),
    Index("waivers_seq", "seq"),
    Index("waivers_expires_at", "expires_at"),
)

# Every grant is kept: one that counts for nothing must not stand in the place of one that does.
grants = Table(
    "grants",
    METADATA,
    Column("waiver", String(36), ForeignKey("waivers.waiver"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("event", String(256), nullable=False),
    Column("user", String(255), nullable=False),
    Column("person", Text, nullable=True),
    Column("groups", Text, nullable=False),
    Column("granted_at", Instant, nullable=False),
)

# Grants and revocations of a waiver, and reviews of an override, that counted for nothing when
# they came: who said it may not, or nobody had asked for the waiver yet. It may never be there, so
# there is no key to what they are about.
remarks = Table(
    "remarks",
    METADATA,
    Column("seq", Integer, ForeignKey("inbox.seq"), primary_key=True),
    Column("about", String(36), nullable=False),
    Column("reason", Text, nullable=False),
    Index("remarks_about", "about"),
)

announced = Table(
    "announced",
    METADATA,
    Column("waiver", String(36), ForeignKey("waivers.waiver"), primary_key=True),
    Column("mark", String(64), primary_key=True),
    Column("announced_at", Instant, nullable=False),
)

overrides = Table(
    "overrides",
    METADATA,
    Column("override", String(36), primary_key=True),
    Column("seq", Integer, ForeignKey("inbox.seq"), nullable=False),
    # No key into decisions: one that was refused may name a decision that never was.
    Column("decision", String(36), nullable=False),
    Column("repo", String(512), nullable=False),
    Column("state", String(16), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("review_due", Instant, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("reviewer", Text, nullable=True),
    Column("reviewed_at", Instant, nullable=True),
    Column("review", String(256), nullable=True),
    Column("justified", Boolean, nullable=True),
    Column("comment", Text, nullable=True),
    Index("overrides_decision", "decision"),
    Index("overrides_repo", "repo"),
    Index("overrides_seq", "seq"),
    Index("overrides_state", "state", "expires_at"),
)
