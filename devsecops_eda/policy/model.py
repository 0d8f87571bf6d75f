"""A policy as values: gates and the rules that hold at them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import ClassVar

from devsecops_eda.model import EventType, Mode, Severity


class IfNothing(StrEnum):
    """What a check that found nothing to look at means, where the rule says so."""

    ALLOW = "allow"
    DENY = "deny"


class Scope(StrEnum):
    """Which files a coverage rule is about."""

    CHANGED_FILES = "changed_files"
    ALL_FILES = "all_files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. It holds from ``begins`` on, at ``ends`` it holds no longer.

    ``message`` and ``solution`` are the policy's own words, empty where it has none.
    """

    kind: ClassVar[str]

    id: str
    gates: frozenset[str]
    mode: Mode = Mode.ENFORCE
    message: str = ""
    solution: str = ""
    begins: datetime | None = None
    ends: datetime | None = None

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
    """At most so many findings of a severity *and above*; with ``new_only`` not in the baseline."""

    kind: ClassVar[str] = "findings"

    at_most: tuple[tuple[Severity, int], ...]
    new_only: bool = False

    def __post_init__(self) -> None:
        # Without a limit every number of findings is within it.
        if not self.at_most:
            raise ValueError("a findings rule needs at least one limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRule(CheckRule):
    """The check looked at every file it should have looked at."""

    kind: ClassVar[str] = "coverage"

    of: Scope = Scope.CHANGED_FILES


AnyRule = ScanRule | FindingsRule | CoverageRule


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
        return frozenset(rule.check for rule in self.rules)

    def asked_by(self, type_: EventType) -> tuple[str, ...]:
        """Return the gates that an event of ``type_`` asks by itself, sorted."""
        return tuple(sorted(gate.name for gate in self.gates if type_ in gate.asked_by))

    def rules_of(self, gate: str) -> tuple[AnyRule, ...]:
        """Return the rules of ``gate``, whether in force or not, in the order of the file."""
        return tuple(rule for rule in self.rules if gate in rule.gates)

    @property
    def digest(self) -> str:
        """Return ``sha256:<hex>`` of the meaning: names, gates, rules and their order."""
        meaning = [
            "policy/1",
            self.name,
            sorted([gate.name, sorted(gate.asked_by)] for gate in self.gates),
            [[rule.kind, _meaning(rule)] for rule in self.rules],
        ]
        text = json.dumps(meaning, separators=(",", ":"), ensure_ascii=True)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _meaning(rule: Rule) -> list[list[object]]:
    return [[field.name, _plain(getattr(rule, field.name))] for field in fields(rule)]


def _plain(value: object) -> object:
    match value:
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.astimezone(UTC).isoformat()
        case frozenset():
            return sorted(str(one) for one in value)
        case tuple():
            return sorted([severity.word, limit] for severity, limit in value)
        case Enum():
            return value.value
        case _:
            return value
