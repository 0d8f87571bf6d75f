"""Reading one rule: what every rule has, and the kinds that judge by checks and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from devsecops_eda.model import Mode, Severity, branch_name
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import COMMIT_CHECK
from devsecops_eda.policy.loading.expression_text import ExpressionError
from devsecops_eda.policy.loading.expressions import check_expression
from devsecops_eda.policy.loading.frame import Frame, by_severity, severity_of, unique
from devsecops_eda.policy.loading.people import read_approvals
from devsecops_eda.policy.loading.reading import At, nearest
from devsecops_eda.policy.loading.selectors import read_selector
from devsecops_eda.policy.loading.windows import read_window
from devsecops_eda.policy.model import (
    AnyRule,
    ApprovalsRule,
    CoverageRule,
    DecisionRule,
    FindingsRule,
    IfNothing,
    Of,
    ScanRule,
    Scope,
    Selector,
    WindowRule,
)

_COMMON = (
    *("id", "kind", "gates", "mode", "message", "solution", "from", "until"),
    "applies_to",
)
_CHECK = ("check", "within", "max_age", "if_nothing")

_Reader = Callable[[At, Mapping[str, At], dict[str, Any], Frame], AnyRule]


class _Kind(NamedTuple):
    """The keys a kind has beside those of every rule, those it needs, and what reads it."""

    keys: tuple[str, ...]
    required: tuple[str, ...]
    read: _Reader


def read_rule(at: At, frame: Frame) -> AnyRule:
    """Return the rule that stands at ``at``.

    Raises:
        InvalidPolicyError: with place, key path and the nearest valid name.
    """
    # The kind first: which other keys there are depends on it.
    every = {*_COMMON, *(key for kind in _KINDS.values() for key in kind.keys)}
    word_at = at.fields(every, required=("id", "kind"))["kind"]
    word = word_at.text()
    if word not in _KINDS:
        raise word_at.unknown(word, "kind", _KINDS)
    kind = _KINDS[word]
    required = ("id", "kind", "gates", *kind.required)
    fields = at.fields((*_COMMON, *kind.keys), required=required)
    return kind.read(at, fields, _common(fields, frame), frame)


def _common(fields: Mapping[str, At], frame: Frame) -> dict[str, Any]:
    names = unique(fields["gates"], "gates", At.name, frame.gates, "gate")
    found: dict[str, Any] = {"id": fields["id"].name(), "gates": frozenset(names)}
    found["policy"], found["selectors"] = frame.policy, frame.selectors
    if "applies_to" in fields:
        found["selectors"] = (*frame.selectors, _own_selector(fields["applies_to"], frame))
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


def _own_selector(at: At, frame: Frame) -> Selector:
    own = read_selector(at)
    for outer in frame.selectors:
        if own.branch and outer.branch and own.branch is not outer.branch:
            raise at.refusal(f"the document applies to {outer.branch} branches: this never would")
    return own


def _rests_on_check(at: At, fields: Mapping[str, At], frame: Frame) -> dict[str, Any]:
    check = fields["check"].name()
    if check not in frame.checks:
        raise fields["check"].refusal(
            f"no check {check!r} runs here; {nearest(check, frame.checks)}"
        )
    within = frame.span_within(at, fields, "how long may the check take?")
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


def _scan(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame) -> AnyRule:
    return ScanRule(**common, **_rests_on_check(at, fields, frame))


def _findings(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame) -> AnyRule:
    if "at_most" not in fields:
        raise at.refusal("the key 'at_most' is missing: how many findings are allowed?")
    found = {**common, **_rests_on_check(at, fields, frame)}
    _needs_scanner(fields, "findings")
    for key in ("new_only", "fix_available"):
        if key in fields:
            found[key] = fields[key].flag()
    if found.get("new_only"):
        frame.needs_commit(fields["new_only"], "what is new")
    if "where" in fields:
        found["where"] = _predicate(fields["where"])
    if "leeway" in fields:
        found["leeway"] = _leeway(fields["leeway"])
    return FindingsRule(**found, at_most=_limits(fields["at_most"]))


def _coverage(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame) -> AnyRule:
    found = {**common, **_rests_on_check(at, fields, frame)}
    _needs_scanner(fields, "files")
    scope = fields["of"].word(Scope, "set of files") if "of" in fields else Scope.CHANGED_FILES
    if scope is Scope.CHANGED_FILES:
        frame.needs_commit(fields.get("of", at), "which files changed")
    return CoverageRule(**found, of=scope)


def _decision(at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame) -> AnyRule:
    gate = fields["gate"].name()
    if gate not in frame.gates:
        raise fields["gate"].unknown(gate, "gate", frame.gates)
    target = None
    if "target" in fields:
        target = branch_name(fields["target"].text())
        if not target or any(char.isspace() for char in target):
            raise fields["target"].refusal("is no name of a branch")
    return DecisionRule(
        **common,
        gate=gate,
        within=frame.span_within(at, fields, "how long may the other gate take?"),
        of=fields["of"].word(Of, "subject") if "of" in fields else Of.SUBJECT,
        target=target,
        max_age=fields["max_age"].duration() if "max_age" in fields else None,
    )


def _needs_scanner(fields: Mapping[str, At], what: str) -> None:
    if fields["check"].name() == COMMIT_CHECK:
        raise fields["check"].refusal(f"the check {COMMIT_CHECK} is about no {what}")


def _predicate(at: At) -> str:
    text = at.expression()
    try:
        check_expression(text)
    except ExpressionError as error:
        raise at.refusal_at(error.offset, error.detail) from error
    return text


def _leeway(at: At) -> tuple[tuple[Severity, timedelta], ...]:
    spans = by_severity(at, At.duration)
    return tuple(sorted((severity_of(word), span) for word, span in spans.items()))


def _limits(at: At) -> tuple[tuple[Severity, int], ...]:
    numbers = by_severity(at, At.number)
    limits = {severity_of(word): number for word, number in numbers.items()}
    entries = at.entries("severities")
    for severity, limit in limits.items():
        lower = [(other, most) for other, most in limits.items() if other < severity]
        for other, most in lower:
            if most < limit:
                raise entries[severity.word].refusal(
                    f"{other.word}: {most} counts {severity.word} ones too,"
                    f" so {limit} of them can never be allowed"
                )
    return tuple(sorted(limits.items()))


_KINDS: dict[str, _Kind] = {
    ScanRule.kind: _Kind(_CHECK, ("check",), _scan),
    FindingsRule.kind: _Kind(
        (*_CHECK, "at_most", "new_only", "where", "fix_available", "leeway"),
        ("check",),
        _findings,
    ),
    CoverageRule.kind: _Kind((*_CHECK, "of"), ("check",), _coverage),
    ApprovalsRule.kind: _Kind(
        ("n", "groups", "at_least", "exclude", "unknown_author", "deadline", "within"),
        ("n", "groups", "deadline"),
        read_approvals,
    ),
    WindowRule.kind: _Kind(("zone", "open", "freeze"), ("zone",), read_window),
    DecisionRule.kind: _Kind(("gate", "of", "target", "within", "max_age"), ("gate",), _decision),
}
