"""What people saw when they voted, and whether it got worse since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from devsecops_eda.model import Requirement, RequirementState
from devsecops_eda.policy.facts import Seen
from devsecops_eda.policy.model import ApprovalsRule

# How good the good ones are, the best first. Among the others none is better than another: who
# saw that a scan failed did not see what it would have found.
_GOOD = {
    RequirementState.SATISFIED: 0,
    RequirementState.NOT_APPLICABLE: 1,
    RequirementState.WAIVED: 2,
}


def view_of(lines: Iterable[Requirement]) -> tuple[str, tuple[Seen, ...]]:
    """Return all ``lines`` that do not ask people as a voter sees them, with their digest.

    Order, sentences and times are not in it.
    """
    seen = tuple(sorted((_seen(line) for line in not_of_people(lines)), key=lambda one: one.id))
    meaning = [[one.id, one.state.value, one.harmless, sorted(one.blocking)] for one in seen]
    text = json.dumps(["view/1", meaning], separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest(), seen


def not_of_people(lines: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Return the ``lines`` that people see when they vote: all but those about votes."""
    return tuple(line for line in lines if line.kind != ApprovalsRule.kind)


def worse_than(seen: Sequence[Seen], lines: Iterable[Requirement]) -> tuple[str, ...]:
    """Return the ids of the ``lines`` that are worse than they were ``seen``, sorted.

    Worse is a state further from satisfied, another fingerprint that blocks, and another waiver
    that is needed. A line that was not seen is worse unless it is satisfied or harmless.
    """
    before = {one.id: one for one in seen}
    return tuple(
        sorted(
            line.id for line in not_of_people(lines) if _is_worse(before.get(line.id), _seen(line))
        )
    )


def _seen(line: Requirement) -> Seen:
    # A finding that is waived since blocks nothing, but nobody saw it either.
    blocking = frozenset(finding.fingerprint for finding in line.blocking) | set(line.waivers)
    return Seen(line.id, line.state, line.harmless, blocking)


def _is_worse(before: Seen | None, after: Seen) -> bool:
    rank = _rank(after)
    if before is None:
        return rank is None or rank > _GOOD[RequirementState.NOT_APPLICABLE]
    if not after.blocking <= before.blocking:
        return True
    if rank is None:
        return (after.state, after.harmless) != (before.state, before.harmless)
    seen_rank = _rank(before)
    return seen_rank is not None and rank > seen_rank


def _rank(one: Seen) -> int | None:
    """Return how far from satisfied a good one is, None for one that is not good."""
    if one.state is RequirementState.NOT_APPLICABLE and not one.harmless:
        return None
    return _GOOD.get(one.state)
