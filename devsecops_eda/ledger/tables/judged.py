"""Tables of what is asked and what was decided."""

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
    text,
)

from devsecops_eda.ledger.tables.columns import METADATA, Instant

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
    Index("asks_repo", "repo"),
    Index("asks_decision", "decision"),
    # Few are open among all that ever were.
    Index(
        "asks_open",
        "gate",
        "asked_at",
        sqlite_where=text("answered IS 0"),
        postgresql_where=text("answered IS false"),
    ),
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
    # The name of an artifact alone does not say whose it is.
    Column("repo", String(512), nullable=False, server_default=""),
    Index("decisions_subject", "subject"),
)

# Which decision stands: the one that was recorded last for its key, be it for the first time or
# again, because the facts came back to what they were.
effective = Table(
    "effective",
    METADATA,
    Column("subject", String(700), primary_key=True),
    Column("repo", String(512), primary_key=True),
    Column("gate", String(128), primary_key=True),
    Column("target", String(512), primary_key=True),
    Column("environment", String(128), primary_key=True),
    Column("decision", String(36), ForeignKey("decisions.id"), nullable=False),
    Column("since", Instant, nullable=False),
    Index("effective_decision", "decision"),
)

policies = Table(
    "policies",
    METADATA,
    Column("digest", String(80), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)

archive = Table(
    "archive",
    METADATA,
    Column("decision", String(36), ForeignKey("decisions.id"), primary_key=True),
    Column("flow", String(36), nullable=False),
    Column("repo", String(512), nullable=False),
    Column("gate", String(128), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("policy_source", String(80), nullable=False),
    Column("evaluator", Text, nullable=False),
    Index("archive_decided_at", "decided_at"),
    Index("archive_policy_source", "policy_source"),
)

# The outcomes that the facts of an archived decision name: they stay as long as it does.
rests_on = Table(
    "rests_on",
    METADATA,
    Column("decision", String(36), ForeignKey("archive.decision"), primary_key=True),
    Column("outcome", Integer, ForeignKey("outcomes.seq"), primary_key=True),
    Index("rests_on_outcome", "outcome"),
)
