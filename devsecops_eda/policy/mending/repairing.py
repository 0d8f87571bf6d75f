"""Which findings to mend so that no more are left than the limits allow, in few steps."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
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

    ``upgrade`` a package for which fixed versions are known; ``fix`` one place in the code, or
    replace a package, which mends all of it; ``waive`` what no version of a package mends.
    """

    kind: StepKind
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """At least ``need`` of these findings have to go, each as often as it counts."""

    need: int
    findings: tuple[Finding, ...]


def repairs_for(
    findings: Iterable[Finding], *, waivable: Callable[[Sequence[Finding]], bool]
) -> tuple[Repair, ...]:
    """Return what can be done about ``findings``, what is to be preferred first.

    ``waivable`` says whether one waiver may cover all of some findings.
    """
    places: defaultdict[str, list[Finding]] = defaultdict(list)
    packages: defaultdict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in dict.fromkeys(worst_first(findings)):
        package = finding.package
        if package is None:
            places[finding.fingerprint].append(finding)
        else:
            key = (package.ecosystem, canonicalize_name(package.name), package.version)
            packages[key].append(finding)
    repairs = [Repair(StepKind.FIX, tuple(group)) for group in places.values()]
    for group in packages.values():
        repairs += _of_package(group, waivable)
    # The groups come in the order of their worst finding, and sorting keeps that among equals.
    return tuple(
        sorted(repairs, key=lambda one: (-one.findings[0].severity, one.kind is StepKind.FIX))
    )


def fewest(repairs: Sequence[Repair], demands: Sequence[Demand]) -> tuple[Repair, ...]:
    """Return those of ``repairs`` that meet all ``demands``, none of which could be left out.

    Where there are few enough choices, or each finding is in one repair and one demand, no fewer
    would do. Equal ones are taken in the order in which they come.
    """
    board = _Board(repairs, demands)
    chosen = board.needed()
    left = board.left(chosen)
    more = board.greedy(chosen, left)
    if len(more) > 1:
        more = board.fewer(chosen, left, more)
    return tuple(repairs[at] for at in sorted({*chosen, *more}))


def _of_package(
    group: Sequence[Finding], waivable: Callable[[Sequence[Finding]], bool]
) -> Iterator[Repair]:
    fixed = [one for one in group if one.package is not None and one.package.fixed_versions]
    without = [one for one in group if one not in fixed]
    if fixed:
        yield Repair(StepKind.UPGRADE, tuple(fixed))
    if without and waivable(without):
        yield Repair(StepKind.WAIVE, tuple(without))
    elif without:
        yield Repair(StepKind.FIX, tuple(group))


class _Board:
    """Which repair mends what, and how much of which demand that meets."""

    def __init__(self, repairs: Sequence[Repair], demands: Sequence[Demand]) -> None:
        self._needs = [demand.need for demand in demands]
        self._counts: defaultdict[Finding, Counter[int]] = defaultdict(Counter)
        for which, demand in enumerate(demands):
            for finding in demand.findings:
                self._counts[finding][which] += 1
        numbers = {finding: number for number, finding in enumerate(self._counts)}
        self._weights = list(self._counts.values())
        self._mends = [
            frozenset(numbers[one] for one in repair.findings if one in numbers)
            for repair in repairs
        ]
        self._by = Counter(chain.from_iterable(self._mends))

    def needed(self) -> set[int]:
        """Return the repairs without which all the others together would not do."""
        spare = [-need for need in self._needs]
        for counts in self._weights:
            for which, number in counts.items():
                spare[which] += number
        found = set()
        for at, mends in enumerate(self._mends):
            alone = self._sum(one for one in mends if self._by[one] == 1)
            if any(number > spare[which] for which, number in alone.items()):
                found.add(at)
        return found

    def left(self, chosen: Iterable[int]) -> list[int]:
        """Return what is left of each demand; nothing or less where it is met."""
        done = self._sum(_union(self._mends[at] for at in chosen))
        return [need - done[which] for which, need in enumerate(self._needs)]

    def greedy(self, chosen: set[int], left: Sequence[int]) -> list[int]:
        """Return more repairs, those first that do most; none of them could be left out."""
        left, more = list(left), list[int]()
        mended = set(_union(self._mends[at] for at in chosen))
        waiting = [
            (-self._gain(at, mended, left), at)
            for at in range(len(self._mends))
            if at not in chosen
        ]
        heapq.heapify(waiting)
        while any(need > 0 for need in left):
            _, at = heapq.heappop(waiting)
            gain = self._gain(at, mended, left)
            # What it does only shrinks while others are taken: look again before it is.
            if waiting and (-gain, at) > waiting[0]:
                heapq.heappush(waiting, (-gain, at))
                continue
            more.append(at)
            for which, number in self._sum(self._mends[at] - mended).items():
                left[which] -= number
            mended |= self._mends[at]
        return self._without_idle(chosen, more)

    def fewer(self, chosen: set[int], left: Sequence[int], more: list[int]) -> list[int]:
        """Return the smallest choice that does as well as ``more``, as far as is tried."""
        mended = _union(self._mends[at] for at in chosen)
        useful = [
            at
            for at in range(len(self._mends))
            if at not in chosen and self._gain(at, mended, left) > 0
        ]
        choices = chain.from_iterable(combinations(useful, size) for size in range(1, len(more)))
        for choice in islice(choices, MAX_TRIED):
            does = self._sum(_union(self._mends[at] for at in choice) - mended)
            if all(need <= does[which] for which, need in enumerate(left)):
                return list(choice)
        return more

    def _without_idle(self, chosen: set[int], more: Sequence[int]) -> list[int]:
        """Return ``more`` without those that are not needed beside the others, the last first."""
        holders = Counter(one for at in (*chosen, *more) for one in self._mends[at])
        spare = [-need for need in self.left({*chosen, *more})]
        kept = list(more)
        for at in reversed(more):
            lost = self._sum(one for one in self._mends[at] if holders[one] == 1)
            if all(number <= spare[which] for which, number in lost.items()):
                kept.remove(at)
                holders.subtract(self._mends[at])
                for which, number in lost.items():
                    spare[which] -= number
        return kept

    def _gain(self, at: int, mended: Set[int], left: Sequence[int]) -> int:
        does = self._sum(self._mends[at] - mended)
        return sum(min(number, max(left[which], 0)) for which, number in does.items())

    def _sum(self, mended: Iterable[int]) -> Counter[int]:
        """Return how much of which demand these findings are."""
        found: Counter[int] = Counter()
        for one in mended:
            found.update(self._weights[one])
        return found


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset(chain.from_iterable(sets))
