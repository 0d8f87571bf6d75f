"""How long each part of a scan took, for whoever wants to know where the time goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of the work of one check (empty: of all of them), on the monotonic clock."""

    check: str
    name: str
    begun_s: float
    ended_s: float

    @property
    def length_s(self) -> float:
        """Return its length in seconds."""
        return self.ended_s - self.begun_s


@dataclass(slots=True)
class Phases:
    """A list of phases that several threads write to."""

    done: list[Phase] = field(default_factory=list)

    @contextmanager
    def of(self, check: str, name: str) -> Iterator[None]:
        """Time the block, also one that ends in an error."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.done.append(Phase(check, name, begun, time.monotonic()))


def covered_s(phases: Iterable[Phase]) -> float:
    """Return for how many seconds at least one of ``phases`` was going on."""
    total, end = 0.0, float("-inf")
    for phase in sorted(phases, key=lambda one: one.begun_s):
        total += max(0.0, phase.ended_s - max(phase.begun_s, end))
        end = max(end, phase.ended_s)
    return total
