"""What the ledger hands out and takes in: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from devsecops_eda.model import (
    ApprovalRequested,
    Identity,
    OverrideTold,
    Subject,
    Verdict,
    WaiverRequested,
)
from devsecops_eda.policy.facts import Round, Waiver


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
    """One recorded outcome: its slot, whether it failed, when it was last told, its event.

    ``seq`` is its place in the inbox, by which archived facts name it.
    """

    slot: str
    failed: bool
    seen_at: datetime
    body: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """What a recorded decision said about what, and under which policy.

    ``since`` is when it was last recorded: the facts may have come back to what they were.
    """

    id: str
    gate: str
    subject: Subject
    target: str | None
    environment: str | None
    verdict: Verdict
    policy_digest: str
    decided_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One round of voting: what people were asked in which flow, for which ask, how it stands.

    The ask is the one of flow ``ask_flow`` and ``repo`` at the gate and environment of ``request``.
    """

    request: ApprovalRequested
    flow: str
    ask_flow: str
    repo: str | None
    round: Round


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One recorded grant of a waiver, whether it counts or not."""

    event: str
    user: str
    person: str | None
    groups: frozenset[str]
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class RemarkRow:
    """What was said of a waiver or override and counted for nothing: its event, and why."""

    seq: int
    user: str
    event: str
    body: bytes
    recorded_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """One recorded waiver. Persons stand under their names, users who are nobody under theirs.

    ``candidates`` is the waiver once per recorded grant, or once without: it holds where one of
    them does. ``events`` are the ids of the events that made it what it is.
    """

    candidates: tuple[Waiver, ...]
    request: WaiverRequested
    requester: str
    requester_user: str
    requested_at: datetime
    grants: tuple[GrantRow, ...]
    revoked_by: str
    revoked_at: datetime | None
    revoke_reason: str
    events: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the id of the waiver."""
        return self.candidates[0].id

    @property
    def waiver(self) -> Waiver:
        """Return it with its latest grant."""
        return self.candidates[-1]


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One recorded override and its review, where there was one; ``review`` is its event's id."""

    told: OverrideTold
    requested_at: datetime
    reviewer: str
    reviewed_at: datetime | None
    justified: bool | None
    comment: str
    review: str


@dataclass(frozen=True, slots=True)
class ArchivedRow:
    """What one decision rests on, as bytes that ``archive`` writes and reads."""

    decision: str
    flow: str
    repo: str
    gate: str
    decided_at: datetime
    body: bytes
    facts: bytes
    policy_source: str
    evaluator: str
