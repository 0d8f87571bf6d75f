"""Which findings to mend so that no more are left than the limits allow, in few steps."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice

from packaging.utils import canonicalize_name

from devsecops_eda.model import Finding, StepKind
from devsecops_eda.policy.merging import worst_first

MAX_TRIED = 2000
"""So many choices are compared where one step may count against several limits."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing to do about all of these ``findings``, the worst first.

    It is an upgrade of a package for which fixed versions are known, else a fix: of one place in
    the code, or of a package that has to be replaced.
    """

    kind: StepKind
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """At least ``need`` of these findings have to go, each as often as it counts."""

    need: int
    findings: tuple[Finding, ...]


def repairs_for(findings: Iterable[Finding]) -> tuple[Repair, ...]:
    """Return what can be done about ``findings``, what is to be preferred first.

    Each finding is in exactly one: all of one package and version that an upgrade may mend are in
    one, so are all places with one fingerprint.
    """
    groups: defaultdict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in dict.fromkeys(worst_first(findings)):
        groups[_key(finding)].append(finding)
    repairs = [
        Repair(StepKind.UPGRADE if key[0] == "upgrade" else StepKind.FIX, tuple(group))
        for key, group in groups.items()
    ]
    # The groups come in the order of their worst finding, and sorting keeps that among equals.
    return tuple(
        sorted(repairs, key=lambda one: (-one.findings[0].severity, one.kind is StepKind.FIX))
    )


def fewest(repairs: Sequence[Repair], demands: Sequence[Demand]) -> tuple[Repair, ...]:
    """Return those of ``repairs`` that meet all ``demands``, none of which could be left out.

    Where only one demand is not met by all that is needed in any case, or where there are few
    enough choices, no fewer would do. Equal ones are taken in the order in which they come.
    """
    covers = _covers(repairs, demands)
    needs = [demand.need for demand in demands]
    chosen = {
        at
        for at, counts in enumerate(covers)
        for which, number in counts.items()
        if len(demands[which].findings) - number < needs[which]
    }
    left = _left(needs, (covers[at] for at in chosen))
    more = _greedy(covers, left, chosen)
    if sum(need > 0 for need in left) > 1:
        more = _fewer(covers, left, more, chosen)
    return tuple(repairs[at] for at in sorted({*chosen, *more}))


def _key(finding: Finding) -> tuple[str, ...]:
    package = finding.package
    if package is None:
        return ("fix", finding.fingerprint)
    what = "upgrade" if package.fixed_versions else "replace"
    return (what, package.ecosystem, canonicalize_name(package.name), package.version)


def _covers(repairs: Sequence[Repair], demands: Sequence[Demand]) -> list[Counter[int]]:
    """Return for each repair how much of which demand it meets."""
    where = {finding: at for at, repair in enumerate(repairs) for finding in repair.findings}
    covers: list[Counter[int]] = [Counter() for _ in repairs]
    for which, demand in enumerate(demands):
        for finding in demand.findings:
            covers[where[finding]][which] += 1
    return covers


def _left(needs: Sequence[int], done: Iterable[Mapping[int, int]]) -> list[int]:
    left = list(needs)
    for counts in done:
        for which, number in counts.items():
            left[which] -= number
    return left


def _gain(counts: Mapping[int, int], left: Sequence[int]) -> int:
    return sum(min(number, max(left[which], 0)) for which, number in counts.items())


def _greedy(covers: Sequence[Mapping[int, int]], left: list[int], chosen: set[int]) -> list[int]:
    """Return more repairs, those first that do most; none of them could be left out."""
    left, more = list(left), list[int]()
    waiting = [(-_gain(one, left), at) for at, one in enumerate(covers) if at not in chosen]
    heapq.heapify(waiting)
    while any(need > 0 for need in left):
        _, at = heapq.heappop(waiting)
        gain = _gain(covers[at], left)
        # What it does only shrinks while others are taken: look again before it is.
        if waiting and (-gain, at) > waiting[0]:
            heapq.heappush(waiting, (-gain, at))
            continue
        more.append(at)
        left = _left(left, [covers[at]])
    for at in reversed(more):
        without = [left[which] + covers[at].get(which, 0) for which in range(len(left))]
        if all(need <= 0 for need in without):
            more = [one for one in more if one != at]
            left = without
    return more


def _fewer(
    covers: Sequence[Mapping[int, int]], left: Sequence[int], more: list[int], chosen: set[int]
) -> list[int]:
    """Return the smallest choice that does as well as ``more``, as far as is tried."""
    useful = [at for at, one in enumerate(covers) if at not in chosen and _gain(one, left)]
    choices = chain.from_iterable(combinations(useful, size) for size in range(1, len(more)))
    for choice in islice(choices, MAX_TRIED):
        if all(need <= 0 for need in _left(left, (covers[at] for at in choice))):
            return list(choice)
    return more
