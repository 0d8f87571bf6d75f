"""What the gate said about one subject, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devsecops_eda.model.finding import Finding
from devsecops_eda.model.subject import Subject

DEFAULT_GATE = "merge"
"""The gate that is meant where nobody names one."""

MAX_INLINE_FINDINGS = 50
"""As many blocking findings a decision carries; more are counted."""


class Verdict(StrEnum):
    """The four answers. Deny is what the judged can mend, error is what the machinery owes."""

    ALLOW = "allow"
    DENY = "deny"
    PENDING = "pending"
    ERROR = "error"


class RequirementState(StrEnum):
    """How one requirement stands."""

    SATISFIED = "satisfied"
    WAIVED = "waived"
    FAILED = "failed"
    MISSING = "missing"
    RUNNING = "running"
    ERRORED = "errored"
    STALE = "stale"
    NOT_APPLICABLE = "not_applicable"


class Mode(StrEnum):
    """How much a rule's requirement weighs; only ``enforce`` is waited for and blocks."""

    OBSERVE = "observe"
    WARN = "warn"
    ENFORCE = "enforce"


class StepKind(StrEnum):
    """What kind of step leads nearer to an allow."""

    UPGRADE = "upgrade"
    FIX = "fix"
    WAIVE = "waive"
    VOTE = "vote"
    RESCAN = "rescan"
    WAIT = "wait"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the shortest way to an allow, and the requirements it mends.

    ``what`` names its object for a program: a package with version, a fingerprint, a waiver's
    scope, an approval's id, a check, an instant.
    """

    kind: StepKind
    requirements: tuple[str, ...]
    text: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a policy applied to a subject.

    ``message`` says what was found, ``solution`` what would mend it. ``evidence`` are the ids of
    the outcomes it rests on. ``blocking`` are the findings that count against it. ``due`` is
    when a running one turns to missing. ``harmless`` says that a not_applicable one is allowed,
    ``votes`` that it waits for people. ``waivers`` are the ids of those in force that it needs.
    ``policy`` is the name of the policy the rule stands in.
    """

    id: str
    kind: str
    state: RequirementState
    message: str
    solution: str = ""
    mode: Mode = Mode.ENFORCE
    since: datetime | None = None
    due: datetime | None = None
    evidence: tuple[str, ...] = ()
    blocking: tuple[Finding, ...] = ()
    harmless: bool = False
    votes: bool = False
    waivers: tuple[str, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow, deny, pending or error with its requirements, at one instant.

    Its key is gate, subject, target with merge base, environment, policy digest and inputs
    digest; ``id`` is derived from that key. ``blocking_total`` counts all blocking findings,
    of which requirements on the wire carry at most ``MAX_INLINE_FINDINGS``. ``way`` is the
    shortest way to an allow, empty where there is none to go.
    """

    id: str
    gate: str
    subject: Subject
    verdict: Verdict
    requirements: tuple[Requirement, ...]
    policy: str
    policy_digest: str
    inputs_digest: str
    evaluated_at: datetime
    message: str = ""
    target: str | None = None
    merge_base: str | None = None
    environment: str | None = None
    supersedes: str | None = None
    blocking_total: int = 0
    way: tuple[Step, ...] = ()
