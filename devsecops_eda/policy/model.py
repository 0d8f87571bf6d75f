"""A policy as values: gates and the rules that hold at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import ClassVar

from devsecops_eda.model import EventType, Mode, Severity
from devsecops_eda.policy.digest import digest_of


class IfNothing(StrEnum):
    """What a check that found nothing to look at means, where the rule says so."""

    ALLOW = "allow"
    DENY = "deny"


class Scope(StrEnum):
    """Which files a coverage rule is about."""

    CHANGED_FILES = "changed_files"
    ALL_FILES = "all_files"


class BranchClass(StrEnum):
    """Whether the branch that is judged for is one of the operator's protected ones."""

    PROTECTED = "protected"
    UNPROTECTED = "unprotected"


@dataclass(frozen=True, slots=True)
class Selector:
    """What a rule is about: all that is said has to match; nothing said matches everything.

    ``repositories`` and ``environments`` are patterns as ``fnmatchcase`` takes them.
    """

    repositories: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    branch: BranchClass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. It holds from ``begins`` on, at ``ends`` it holds no longer.

    ``message`` and ``solution`` are the policy's own words, empty where it has none.
    ``selectors`` all have to match what is judged (the one of its policy, and its own);
    ``policy`` is the name of the policy it stands in.
    """

    kind: ClassVar[str]

    id: str
    gates: frozenset[str]
    mode: Mode = Mode.ENFORCE
    message: str = ""
    solution: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    selectors: tuple[Selector, ...] = ()
    policy: str = ""

    def in_force(self, now: datetime) -> bool:
        """Return whether the rule gives a line at ``now``."""
        begun = self.begins is None or now >= self.begins
        return begun and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRule(Rule):
    """A rule that rests on the outcome of one check, and so requires that there is one.

    ``within`` is how long the check may take from the record of its cause on; ``max_age`` how old
    its scan may be. ``if_nothing`` None: nothing to look at is harmless unless a baseline had it.
    """

    check: str
    within: timedelta
    max_age: timedelta | None = None
    if_nothing: IfNothing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRule(CheckRule):
    """The check completed."""

    kind: ClassVar[str] = "scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsRule(CheckRule):
    """At most so many findings of a severity *and above*; with ``new_only`` not in the baseline.

    Only those count that the CEL predicate ``where`` matches (all if empty), that have a fix or
    have none (``fix_available``), and whose ``leeway`` by severity since publication is over.
    """

    kind: ClassVar[str] = "findings"

    at_most: tuple[tuple[Severity, int], ...]
    new_only: bool = False
    where: str = ""
    fix_available: bool | None = None
    leeway: tuple[tuple[Severity, timedelta], ...] = ()

    def __post_init__(self) -> None:
        # Without a limit every number of findings is within it.
        if not self.at_most:
            raise ValueError("a findings rule needs at least one limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRule(CheckRule):
    """The check looked at every file it should have looked at."""

    kind: ClassVar[str] = "coverage"

    of: Scope = Scope.CHANGED_FILES


class Exclusion(StrEnum):
    """Whose votes do not count."""

    AUTHOR = "author"
    COMMITTERS = "committers"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsRule(Rule):
    """``n`` people of the groups vote for it; at least so many of the groups in ``at_least``.

    A round is open for ``deadline`` from when the gate opened it. ``within`` is how long what git
    says about the author may take. ``unknown_author`` true lets a commit pass whose author or
    committer is nobody the operator named.
    """

    kind: ClassVar[str] = "approvals"

    n: int
    groups: tuple[str, ...]
    deadline: timedelta
    within: timedelta
    at_least: tuple[tuple[str, int], ...] = ()
    exclude: frozenset[Exclusion] = frozenset(Exclusion)
    unknown_author: bool = False


class Weekday(IntEnum):
    """A day of the week as ``datetime.weekday`` counts it."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


@dataclass(frozen=True, slots=True)
class OpenHours:
    """Local wall-clock minutes of a day from which on, and until which, a window is open.

    Where ``until_min`` is not after ``from_min`` it is on the next day.
    """

    days: frozenset[Weekday]
    from_min: int
    until_min: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whole local days on which a window is closed, the last one included."""

    first: date
    last: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule(Rule):
    """It is an open hour (always, if none is named) and no frozen day, in ``zone`` (IANA)."""

    kind: ClassVar[str] = "window"

    zone: str
    opens: tuple[OpenHours, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    def __post_init__(self) -> None:
        if not self.opens and not self.freezes:
            raise ValueError("a window rule needs open hours or frozen days")


class Of(StrEnum):
    """Whose decision of another gate is meant."""

    SUBJECT = "subject"
    BUILT_FROM = "built_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule(Rule):
    """The effective decision of ``gate`` on the subject, or on what it was built from, is allow.

    It has to be about the branch ``target``; without one, about a protected branch.
    """

    kind: ClassVar[str] = "decision"

    gate: str
    within: timedelta
    of: Of = Of.SUBJECT
    target: str | None = None
    max_age: timedelta | None = None


AnyRule = ScanRule | FindingsRule | CoverageRule | ApprovalsRule | WindowRule | DecisionRule


@dataclass(frozen=True, slots=True)
class WaiverTerms:
    """How long a waiver may be, by the finding's severity now, and who may grant one.

    ``longest`` has every severity; ``otherwise`` is for a requirement, which has none.
    ``announce`` are the spans before the end at which it is announced; ``selectors`` as of a rule.
    """

    granters: tuple[str, ...]
    longest: tuple[tuple[Severity, timedelta], ...]
    otherwise: timedelta
    announce: tuple[timedelta, ...] = (timedelta(days=14), timedelta(days=3), timedelta(days=1))
    selectors: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may override, for how long, reviewed within what; ``selectors`` as those of a rule."""

    groups: tuple[str, ...]
    longest: timedelta
    review_within: timedelta
    selectors: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate: a question that is asked by itself by the types of events in ``asked_by``."""

    name: str
    asked_by: frozenset[EventType] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """Gates and rules, with the digest of what they mean; comments and layout are not in it."""

    name: str
    gates: tuple[GateSpec, ...]
    rules: tuple[AnyRule, ...]
    waivers: WaiverTerms | None = None
    break_glass: BreakGlass | None = None

    def __post_init__(self) -> None:
        # An empty conjunction is true: such a policy would let everything through.
        if not self.gates or not self.rules:
            raise ValueError("a policy needs at least one gate and one rule")

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Return the names of all gates, sorted."""
        return tuple(sorted(gate.name for gate in self.gates))

    @property
    def checks(self) -> frozenset[str]:
        """Return every check a rule rests on."""
        return frozenset(rule.check for rule in self.rules if isinstance(rule, CheckRule))

    def asked_by(self, type_: EventType) -> tuple[str, ...]:
        """Return the gates that an event of ``type_`` asks by itself, sorted."""
        return tuple(sorted(gate.name for gate in self.gates if type_ in gate.asked_by))

    def rules_of(self, gate: str) -> tuple[AnyRule, ...]:
        """Return the rules of ``gate``, whether in force or not, in the order of the file."""
        return tuple(rule for rule in self.rules if gate in rule.gates)

    @property
    def digest(self) -> str:
        """Return ``sha256:<hex>`` of the meaning: names, gates, rules and their order, terms."""
        gates = frozenset(self.gates)
        return digest_of((self.name, gates, self.rules, self.waivers, self.break_glass))
