"""A case as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    Ballot,
    Package,
    People,
    RequirementState,
    Severity,
    SubjectKind,
    Verdict,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When a case happens that does not say so: a Monday."""


@dataclass(frozen=True, slots=True)
class GivenFinding:
    """One finding of a check; one that is not ``new`` is in the base too."""

    name: str
    severity: Severity
    rule: str = "rule"
    path: str = "app.py"
    line: int = 1
    new: bool = True
    package: Package | None = None
    fix: str | None = None
    cwe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenOutcome:
    """How one check stands. ``age`` is how long before now its scan was caused."""

    check: str
    findings: tuple[GivenFinding, ...] = ()
    failed: FailureReason | None = None
    silent: bool = False
    nothing: bool = False
    nothing_before: bool = True
    gaps: tuple[str, ...] = ()
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class GivenVote:
    """One vote by a person, so long before now."""

    by: str
    vote: Ballot
    age: timedelta


@dataclass(frozen=True, slots=True)
class GivenWaiver:
    """One waiver: of a finding by its name, of an advisory in a package, or of a requirement.

    It ``expires`` so long after now, or ``expired`` so long before.
    """

    finding: str = ""
    advisory: str = ""
    package: str = ""
    requirement: str = ""
    requested_by: str = ""
    granted_by: str = ""
    granted: timedelta = timedelta(hours=1)
    expires: timedelta = timedelta(days=1)
    expired: timedelta | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """What another gate said about the subject, or about what it was built from."""

    gate: str
    verdict: Verdict
    target: str
    age: timedelta


@dataclass(frozen=True, slots=True)
class Given:
    """Everything a case says, completed by what holds where it says nothing."""

    gate: str
    kind: SubjectKind = SubjectKind.COMMIT
    repository: str = "acme/app"
    known: bool = True
    target: str | None = "main"
    protected: bool = True
    environment: str | None = None
    at: datetime = NOON
    pushed: timedelta = timedelta(minutes=1)
    base: bool = True
    author: str = "author@cases.invalid"
    committers: tuple[str, ...] = ()
    changed: tuple[str, ...] = ("app.py",)
    requesters: tuple[str, ...] | None = None
    outcomes: tuple[GivenOutcome, ...] = ()
    votes: tuple[GivenVote, ...] = ()
    waivers: tuple[GivenWaiver, ...] = ()
    decisions: tuple[GivenDecision, ...] = ()
    people: People = field(default_factory=People)


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to come out; requirements that are not named may stand as they like."""

    verdict: Verdict | None
    requirements: Mapping[str, RequirementState]
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case with its name and the place it stands at, as ``file:line``."""

    name: str
    place: str
    given: Given
    expected: Expected
