"""What the ledger hands out and takes in: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from devsecops_eda.model import Identity, Subject


class Memory(Enum):
    """Whether an event was seen before."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Message:
    """One event the gate says. The first time it was said fixed its bytes."""

    id: str
    flow: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """One flow that asks one gate, and how far it got.

    ``answered`` is false while an answer is owed; ``decision`` is the last one given.
    ``reopened_at`` is when the same flow was told again after an error.
    """

    flow: str
    gate: str
    environment: str | None
    subject: Subject
    ref: str | None
    target: str | None
    decision: str | None
    answered: bool
    reopened_at: datetime | None


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One recorded event that makes checks look at a subject (``check`` None: all of them)."""

    identity: Identity
    check: str | None
    target: str | None
    flow: str
    time: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One recorded outcome: its slot, whether it failed, when it was last told, its event."""

    slot: str
    failed: bool
    seen_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """What a recorded decision said, and under which policy."""

    verdict: str
    policy_digest: str
