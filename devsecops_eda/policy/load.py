"""From the text of a policy file to a policy, or to an error that names the place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

from devsecops_eda.model import EventType, Mode, Severity
from devsecops_eda.policy.document import read_yaml
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import COMMIT_CHECK
from devsecops_eda.policy.model import (
    AnyRule,
    CoverageRule,
    FindingsRule,
    GateSpec,
    IfNothing,
    Policy,
    ScanRule,
    Scope,
)
from devsecops_eda.policy.reading import At

VERSION = 1
MAX_RULES = 256
"""As many requirement lines a decision may carry."""

ASKING = (EventType.COMMIT_PUSHED,)
"""The facts that may ask a gate by themselves; ``decision.requested`` always may."""

_TOP = ("version", "name", "within", "gates", "rules")
_COMMON = ("id", "kind", "gates", "mode", "message", "solution", "from", "until")
_CHECK = ("check", "within", "max_age", "if_nothing")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a rule is read against: what there is, and what holds where it says nothing."""

    gates: Collection[str]
    checks: Collection[str]
    within: timedelta | None


def default_policy_text() -> str:
    """Return the policy that holds where the operator gives none."""
    return (resources.files("devsecops_eda.policy") / "default.yaml").read_text("utf-8")


def load_policy(text: str, *, file: str, checks: Collection[str]) -> Policy:
    """Return the policy in ``text``; ``checks`` are those there are, ``file`` is for messages.

    Raises:
        InvalidPolicyError: with file, line, column, key path and the nearest valid name.
    """
    root = At(read_yaml(text, file=file), "")
    top = root.fields(_TOP, required=("version", "name", "gates", "rules"))
    if top["version"].number() != VERSION:
        raise top["version"].refusal(f"this program reads version {VERSION} only")
    name = top["name"].name()
    gates = _gates(top["gates"])
    within = top["within"].duration() if "within" in top else None
    frame = _Frame(tuple(gate.name for gate in gates), checks, within)
    items = top["rules"].items("rules")
    if len(items) > MAX_RULES:
        raise items[MAX_RULES].refusal(f"a policy has at most {MAX_RULES} rules")
    rules = tuple(_rule(item, frame) for item in items)
    _check_ids(items, rules)
    judged = frozenset().union(*(rule.gates for rule in rules))
    for key in top["gates"].key_words():
        if key.name() not in judged:
            # An empty conjunction is true: it would let everything through.
            raise key.refusal("no rule judges this gate: it would let everything through")
    return Policy(name, gates, rules)


def _gates(at: At) -> tuple[GateSpec, ...]:
    entries = at.entries("gates")
    names = [key.name() for key in at.key_words()]
    return tuple(GateSpec(name, _asked_by(entries[name])) for name in names)


def _asked_by(at: At) -> frozenset[EventType]:
    fields = at.fields(("asked_by",))
    if "asked_by" not in fields:
        return frozenset()
    known = {type_.value: type_ for type_ in ASKING}
    types = _unique(fields["asked_by"], "types of events", lambda item: item.text(), known, "event")
    return frozenset(known[type_] for type_ in types)


def _unique(
    at: At,
    plural: str,
    read: Callable[[At], str],
    known: Collection[str],
    noun: str,
) -> tuple[str, ...]:
    """Return the words of a list, each of which is known and stands once."""
    found: list[str] = []
    for item in at.items(plural):
        word = read(item)
        if word not in known:
            raise item.unknown(word, noun, known)
        if word in found:
            raise item.refusal(f"{word!r} stands in this list a second time")
        found.append(word)
    return tuple(found)


def _check_ids(items: tuple[At, ...], rules: tuple[AnyRule, ...]) -> None:
    first: dict[str, int] = {}
    for at, (item, rule) in enumerate(zip(items, rules, strict=True)):
        if rule.id in first:
            raise item.refusal(
                f"the id {rule.id!r} is that of rules[{first[rule.id]}] already: one id, one rule"
            )
        first[rule.id] = at


def _rule(at: At, frame: _Frame) -> AnyRule:
    # The kind first: which other keys there are depends on it.
    every = {*_COMMON, *_CHECK, "at_most", "new_only", "of"}
    kind_at = at.fields(every, required=("id", "kind"))["kind"]
    kind = kind_at.text()
    if kind not in _KINDS:
        raise kind_at.unknown(kind, "kind", _KINDS)
    own, read = _KINDS[kind]
    fields = at.fields((*_COMMON, *_CHECK, *own), required=("id", "kind", "gates", "check"))
    return read(at, fields, {**_common(fields, frame), **_rests_on_check(at, fields, frame)}, frame)


def _common(fields: Mapping[str, At], frame: _Frame) -> dict[str, Any]:
    names = _unique(fields["gates"], "gates", lambda item: item.name(), frame.gates, "gate")
    found: dict[str, Any] = {"id": fields["id"].name(), "gates": frozenset(names)}
    if "mode" in fields:
        found["mode"] = fields["mode"].word(Mode, "mode")
    for key in ("message", "solution"):
        if key in fields:
            found[key] = fields[key].text()
    for key, field in (("from", "begins"), ("until", "ends")):
        if key in fields:
            found[field] = fields[key].instant()
    if "begins" in found and "ends" in found and found["begins"] >= found["ends"]:
        raise fields["until"].refusal("ends before it begins, or at that very instant")
    return found


def _rests_on_check(at: At, fields: Mapping[str, At], frame: _Frame) -> dict[str, Any]:
    check = fields["check"].name()
    if check not in frame.checks:
        raise fields["check"].unknown(check, "check", frame.checks)
    within = fields["within"].duration() if "within" in fields else frame.within
    if within is None:
        raise at.refusal(
            "how long may the check take? within (as 30m) stands neither here nor at the top"
        )
    found: dict[str, Any] = {"check": check, "within": within}
    if "max_age" in fields:
        found["max_age"] = fields["max_age"].duration()
        if found["max_age"] <= within:
            raise fields["max_age"].refusal(
                f"a scan may take {show_duration(within)} (within): it could be too old at once"
            )
    if "if_nothing" in fields:
        found["if_nothing"] = fields["if_nothing"].word(IfNothing, "answer")
    return found


def _scan(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: _Frame) -> AnyRule:
    return ScanRule(**common)


def _findings(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: _Frame) -> AnyRule:
    if "at_most" not in fields:
        raise at.refusal("the key 'at_most' is missing: how many findings are allowed?")
    _needs_scanner(fields, "findings")
    new_only = fields["new_only"].flag() if "new_only" in fields else False
    if new_only:
        _needs_commit(fields["new_only"], frame, "what is new")
    return FindingsRule(**common, at_most=_limits(fields["at_most"]), new_only=new_only)


def _coverage(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: _Frame) -> AnyRule:
    _needs_scanner(fields, "files")
    scope = fields["of"].word(Scope, "set of files") if "of" in fields else Scope.CHANGED_FILES
    if scope is Scope.CHANGED_FILES:
        _needs_commit(fields.get("of", at), frame, "which files changed")
    return CoverageRule(**common, of=scope)


def _needs_scanner(fields: Mapping[str, At], what: str) -> None:
    if fields["check"].name() == COMMIT_CHECK:
        raise fields["check"].refusal(f"the check {COMMIT_CHECK} is about no {what}")


def _needs_commit(at: At, frame: _Frame, what: str) -> None:
    if COMMIT_CHECK not in frame.checks:
        raise at.refusal(f"{what} is said by the check {COMMIT_CHECK}, which is not configured")


def _limits(at: At) -> tuple[tuple[Severity, int], ...]:
    known = {severity.word: severity for severity in Severity}
    limits: dict[Severity, int] = {}
    entries = at.entries("severities")
    for key in at.key_words():
        word = key.text()
        if word not in known:
            raise key.unknown(word, "severity", known)
        limits[known[word]] = entries[word].number()
    for severity, limit in limits.items():
        lower = [(other, most) for other, most in limits.items() if other < severity]
        for other, most in lower:
            if most < limit:
                raise entries[severity.word].refusal(
                    f"{other.word}: {most} counts {severity.word} ones too,"
                    f" so {limit} of them can never be allowed"
                )
    return tuple(sorted(limits.items()))


_Reader = Callable[[At, Mapping[str, At], dict[str, Any], _Frame], AnyRule]

_KINDS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    ScanRule.kind: ((), _scan),
    FindingsRule.kind: (("at_most", "new_only"), _findings),
    CoverageRule.kind: (("of",), _coverage),
}
