"""Which rules of a policy apply to what is judged: all that match, of each id the most specific.

More specific is, in this order: a rule whose repository is named exactly, then by a longer
pattern, then a shorter one, then none; the same for the environment; then one that names a class
of branches. Of several patterns of a rule the best that matches counts. What is equal in all that
is decided by the name of the policy: the first in the alphabet.

While the most specific rule is outside its dates, the next one holds: that an exception ends, or
has not begun, never leaves a gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from devsecops_eda.model import branch_name
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import when
from devsecops_eda.policy.model import AnyRule, BranchClass, GateSpec, Policy, Selector

MAX_NAME_CHARS = 128
"""So long the name of a policy may be in an event."""

_Span = tuple[datetime, datetime]
_Rank = tuple[tuple[bool, int], tuple[bool, int], bool]

_ALWAYS: _Span = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Selected:
    """One rule of one policy: whether it ``applies`` to what is judged, and ``why`` (not)."""

    rule: str
    policy: str
    applies: bool
    why: str


def applied(policy: Policy, facts: Facts) -> Policy | None:
    """Return the part of ``policy`` that applies to what is judged, None where no rule does.

    Of each id at most one rule is in force at any instant. The part does not change with what the
    documents say about anything else, and so does not its digest.
    """
    held = [(rule, spans) for rule, spans, _ in _held(policy, facts) if spans]
    if not held:
        return None
    waivers, glass = policy.waivers, policy.break_glass
    return Policy(
        joined(sorted({rule.policy or policy.name for rule, _ in held})),
        # What asks the gate is no part of what it answers.
        (GateSpec(facts.gate),),
        tuple(piece for rule, spans in held for piece in _pieces(rule, spans)),
        waivers if waivers and not _unmatched(waivers.selectors, facts) else None,
        glass if glass and not _unmatched(glass.selectors, facts) else None,
    )


def explain(policy: Policy, facts: Facts) -> tuple[Selected, ...]:
    """Return every rule that any document has for the judged gate, in the policy's order."""
    held = {id(rule): (spans, over) for rule, spans, over in _held(policy, facts)}
    found = []
    for rule in policy.rules_of(facts.gate):
        unmatched = _unmatched(rule.selectors, facts)
        spans, over = held.get(id(rule), ((), ()))
        why = unmatched or _why(rule, spans, over, facts)
        found.append(Selected(rule.id, rule.policy, bool(spans), why))
    return tuple(found)


def joined(names: Sequence[str]) -> str:
    """Return the names of documents as that of one policy, bounded as the wire wants it."""
    for count in range(len(names), 1, -1):
        more = f" + {len(names) - count} more" if count < len(names) else ""
        name = " + ".join(names[:count]) + more
        if len(name) <= MAX_NAME_CHARS:
            return name
    return names[0] if len(names) == 1 else f"{names[0]} + {len(names) - 1} more"


def _held(
    policy: Policy, facts: Facts
) -> Iterator[tuple[AnyRule, tuple[_Span, ...], tuple[AnyRule, ...]]]:
    """Yield each rule that matches, when it holds, and the more specific ones of its id."""
    rules = [rule for rule in policy.rules_of(facts.gate) if not _unmatched(rule.selectors, facts)]
    by_id: defaultdict[str, list[AnyRule]] = defaultdict(list)
    for rule in sorted(rules, key=lambda one: one.policy):
        by_id[rule.id].append(rule)
    for same in by_id.values():
        same.sort(key=lambda one: _rank(one.selectors, facts), reverse=True)
    for rule in rules:
        same = by_id[rule.id]
        over = tuple(same[: next(at for at, one in enumerate(same) if one is rule)])
        yield rule, tuple(_left(_span(rule), [_span(one) for one in over])), over


def _span(rule: AnyRule) -> _Span:
    return rule.begins or _ALWAYS[0], rule.ends or _ALWAYS[1]


def _left(span: _Span, taken: Iterable[_Span]) -> list[_Span]:
    """Return what is left of a half-open span without those that are ``taken``, in order."""
    left = [span] if span[0] < span[1] else []
    for first, last in taken:
        if first >= last:
            # A rule that never holds takes nothing, and cuts nothing in two.
            continue
        parts = [
            part
            for begins, ends in left
            for part in ((begins, min(ends, first)), (max(begins, last), ends))
        ]
        left = [(begins, ends) for begins, ends in parts if begins < ends]
    return left


def _pieces(rule: AnyRule, spans: Sequence[_Span]) -> Iterator[AnyRule]:
    for begins, ends in spans:
        yield replace(
            rule,
            begins=None if begins == _ALWAYS[0] else begins,
            ends=None if ends == _ALWAYS[1] else ends,
        )


def _unmatched(selectors: Iterable[Selector], facts: Facts) -> str:
    """Return which of ``selectors`` does not match and why, empty where all do."""
    return next((why for one in selectors if (why := _mismatch(one, facts))), "")


def _mismatch(selector: Selector, facts: Facts) -> str:
    repo, environment = facts.subject.repo, facts.environment
    if selector.repositories and not _matching(selector.repositories, repo):
        about = f"the repository {repo}" if repo else "what is judged has no repository: it"
        return f"{about} matches none of {', '.join(selector.repositories)}"
    if selector.environments and not _matching(selector.environments, environment):
        about = f"the environment {environment}" if environment else "no environment is asked: it"
        return f"{about} matches none of {', '.join(selector.environments)}"
    if selector.branch not in (None, _branch(facts)):
        return f"{_about_branch(facts)}, and it applies to {selector.branch} ones"
    return ""


def _matching(patterns: Iterable[str], name: str | None) -> list[str]:
    return [one for one in patterns if name is not None and fnmatchcase(name, one)]


def _branch(facts: Facts) -> BranchClass | None:
    # What is for no branch is for none of either class.
    if facts.target is None:
        return None
    return BranchClass.PROTECTED if facts.protected else BranchClass.UNPROTECTED


def _about_branch(facts: Facts) -> str:
    if facts.target is None:
        return "what is judged is for no branch"
    return f"the branch {branch_name(facts.target)} is {_branch(facts)}"


def _rank(selectors: Sequence[Selector], facts: Facts) -> _Rank:
    """Return how specific selectors that match are; higher is more specific."""
    repositories = [one for selector in selectors for one in selector.repositories]
    environments = [one for selector in selectors for one in selector.environments]
    return (
        _best(repositories, facts.subject.repo),
        _best(environments, facts.environment),
        any(selector.branch is not None for selector in selectors),
    )


def _best(patterns: Iterable[str], name: str | None) -> tuple[bool, int]:
    ranks = [(one == name, len(one)) for one in _matching(patterns, name)]
    return max(ranks, default=(False, 0))


def _why(rule: AnyRule, spans: Sequence[_Span], over: Sequence[AnyRule], facts: Facts) -> str:
    """Return by what a rule that matches applies, or which ones hold instead of it."""
    others = ", ".join(f"that of {one.policy} ({_selected_by(one, facts)})" for one in over)
    if not spans:
        return f"a more specific rule of this id holds: {others}"
    said = _selected_by(rule, facts)
    if over:
        said += f"; a more specific rule of this id holds in its own dates: {others}"
    if any(span != _ALWAYS for span in spans):
        said += f"; it holds {' and '.join(_during(span) for span in spans)}"
    return said


def _during(span: _Span) -> str:
    begins, ends = span
    parts = []
    if begins != _ALWAYS[0]:
        parts.append(f"from {when(begins)}")
    if ends != _ALWAYS[1]:
        parts.append(f"until {when(ends)}")
    return " ".join(parts)


def _selected_by(rule: AnyRule, facts: Facts) -> str:
    parts = []
    for selector in rule.selectors:
        named = _matching(selector.repositories, facts.subject.repo)
        parts += [f"repository {max(named, key=len)}"] if named else []
        named = _matching(selector.environments, facts.environment)
        parts += [f"environment {max(named, key=len)}"] if named else []
        parts += [f"{selector.branch} branches"] if selector.branch else []
    return f"it applies to {', '.join(parts)}" if parts else "it applies to everything"
