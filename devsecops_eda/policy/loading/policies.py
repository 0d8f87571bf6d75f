"""From the texts of policy documents to one policy, or to an error that names the place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy.loading.document import read_yaml
from devsecops_eda.policy.loading.frame import Frame
from devsecops_eda.policy.loading.gates import check_waits, read_gates, together
from devsecops_eda.policy.loading.people import read_break_glass, read_waivers
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.loading.rules import read_rule
from devsecops_eda.policy.loading.selectors import read_selector
from devsecops_eda.policy.model import (
    AnyRule,
    BreakGlass,
    GateSpec,
    Policy,
    Selector,
    WaiverTerms,
)
from devsecops_eda.policy.selecting import joined

VERSION = 1
MAX_RULES = 256
"""As many requirement lines a decision may carry."""

MAX_DOCUMENTS = 256

_REQUIRED = ("version", "name", "gates", "rules")
_TOP = (*_REQUIRED, "within", "applies_to", "waivers", "break_glass")
_NO_GROUPS: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy document; ``file`` is for messages only."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class _Document:
    """One document whose gates are read, and whose rules wait for those of all others."""

    name: str
    top: Mapping[str, At]
    gates: tuple[GateSpec, ...]
    rules: tuple[At, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A rule and where it stands."""

    at: At
    rule: AnyRule


def default_policy_text() -> str:
    """Return the policy that holds where the operator gives none."""
    return (resources.files("devsecops_eda.policy") / "default.yaml").read_text("utf-8")


def load_policy(
    text: str,
    *,
    file: str,
    checks: Collection[str],
    groups: Mapping[str, frozenset[str]] = _NO_GROUPS,
) -> Policy:
    """Return the policy in one ``text``, as ``load_policies`` does.

    Raises:
        InvalidPolicyError: with file, line, column, key path and the nearest valid name.
    """
    return load_policies((PolicyText(file, text),), checks=checks, groups=groups)


def load_policies(
    texts: Sequence[PolicyText],
    *,
    checks: Collection[str],
    groups: Mapping[str, frozenset[str]] | None,
) -> Policy:
    """Return what all documents say together; their order has no meaning.

    ``checks`` are those there are, ``groups`` the persons in each group there is; None where
    nobody says who is who and nobody will be asked (a local scan): any group is taken then.

    Raises:
        InvalidPolicyError: with file, line, column, key path and the nearest valid name.
    """
    if not texts:
        raise InvalidPolicyError("there is no policy document: nothing would ever be judged")
    if len(texts) > MAX_DOCUMENTS:
        raise InvalidPolicyError(f"{len(texts)} policy documents, at most {MAX_DOCUMENTS}")
    documents = sorted((_document(one) for one in texts), key=lambda one: one.name)
    _check_names(documents)
    gates = together(gate for one in documents for gate in one.gates)
    names = frozenset(gate.name for gate in gates)
    frames = [_frame(one, names, checks, groups) for one in documents]
    placed = [
        _Placed(at, rule)
        for document, frame in zip(documents, frames, strict=True)
        for at, rule in zip(document.rules, _rules(document, frame), strict=True)
    ]
    _check_selectors(placed)
    _check_judged(documents, placed)
    check_waits([(one.at, one.rule) for one in placed])
    return Policy(
        joined([one.name for one in documents]),
        gates,
        tuple(one.rule for one in placed),
        _waivers(documents, frames),
        _break_glass(documents, frames),
    )


def _document(text: PolicyText) -> _Document:
    top = At(read_yaml(text.text, file=text.file), "").fields(_TOP, required=_REQUIRED)
    if top["version"].number() != VERSION:
        raise top["version"].refusal(f"this program reads version {VERSION} only")
    name = top["name"].name()
    gates = read_gates(top["gates"])
    rules = top["rules"].items("rules")
    if len(rules) > MAX_RULES:
        raise rules[MAX_RULES].refusal(f"a policy has at most {MAX_RULES} rules")
    return _Document(name, top, gates, rules)


def _frame(
    document: _Document,
    gates: Collection[str],
    checks: Collection[str],
    groups: Mapping[str, frozenset[str]] | None,
) -> Frame:
    top = document.top
    within = top["within"].duration() if "within" in top else None
    selectors: tuple[Selector, ...] = ()
    if "applies_to" in top:
        selectors = (read_selector(top["applies_to"]),)
    return Frame(gates, checks, groups, document.name, within, selectors)


def _rules(document: _Document, frame: Frame) -> tuple[AnyRule, ...]:
    rules = tuple(read_rule(at, frame) for at in document.rules)
    first: dict[str, int] = {}
    for number, (at, rule) in enumerate(zip(document.rules, rules, strict=True)):
        if rule.id in first:
            raise at.refusal(
                f"the id {rule.id!r} is that of rules[{first[rule.id]}] already: one id, one rule"
            )
        first[rule.id] = number
    return rules


def _check_names(documents: Sequence[_Document]) -> None:
    first: dict[str, At] = {}
    for document in documents:
        at = document.top["name"]
        if document.name in first:
            raise at.refusal(
                f"{document.name!r} is the name of the policy in"
                f" {first[document.name].node.place.file} already: one name, one document"
            )
        first[document.name] = at


def _check_selectors(placed: Iterable[_Placed]) -> None:
    first: dict[tuple[object, ...], _Placed] = {}
    for one in placed:
        # What the document and the rule say has to match both: who says what is no difference.
        said = one.rule.selectors
        key = (
            one.rule.id,
            frozenset(each.repositories for each in said if each.repositories),
            frozenset(each.environments for each in said if each.environments),
            frozenset(each.branch for each in said if each.branch),
        )
        other = first.setdefault(key, one)
        if other is not one:
            place = other.at.node.place
            raise one.at.refusal(
                f"the policy {other.rule.policy!r} has a rule {one.rule.id!r} that applies to the"
                f" same ({place.file}:{place.line}): give one of them another id, or an applies_to"
                " of its own"
            )


def _check_judged(documents: Iterable[_Document], placed: Sequence[_Placed]) -> None:
    ids: dict[str, set[str]] = {}
    for one in placed:
        for gate in sorted(one.rule.gates):
            # Rules of one id share a line, so that these are as many as a decision can have.
            ids.setdefault(gate, set()).add(one.rule.id)
            if len(ids[gate]) > MAX_RULES:
                raise one.at.refusal(f"the gate {gate!r} has more than {MAX_RULES} rules")
    for document in documents:
        for key in document.top["gates"].key_words():
            if key.name() not in ids:
                # An empty conjunction is true: it would let everything through.
                raise key.refusal("no rule judges this gate: it would let everything through")


def _waivers(documents: Sequence[_Document], frames: Sequence[Frame]) -> WaiverTerms | None:
    found = _only(documents, "waivers", "terms for waivers")
    if found is None:
        return None
    return read_waivers(documents[found].top["waivers"], frames[found])


def _break_glass(documents: Sequence[_Document], frames: Sequence[Frame]) -> BreakGlass | None:
    found = _only(documents, "break_glass", "terms for overrides")
    if found is None:
        return None
    return read_break_glass(documents[found].top["break_glass"], frames[found])


def _only(documents: Sequence[_Document], key: str, noun: str) -> int | None:
    """Return the number of the one document that has ``key``, None where none has."""
    having = [number for number, one in enumerate(documents) if key in one.top]
    if len(having) > 1:
        first, second = (documents[number] for number in having[:2])
        raise second.top[key].refusal(
            f"the policy {first.name!r} has {noun} already: one document has them for all"
        )
    return having[0] if having else None
