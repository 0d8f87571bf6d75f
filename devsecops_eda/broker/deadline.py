"""The whole time one call may take, as measured from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant of the monotonic clock; every step of one call is given what is left."""

    timeout_s: float
    at: float

    @classmethod
    def after(cls, timeout_s: float) -> Deadline:
        """Return the deadline ``timeout_s`` seconds from now."""
        return cls(timeout_s, time.monotonic() + timeout_s)

    @property
    def left_s(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def over(self) -> bool:
        """Return whether the time is over."""
        return self.left_s <= 0

    def within(self, at_most_s: float) -> Deadline:
        """Return a deadline that is this one or ``at_most_s`` seconds away, the earlier of both."""
        return Deadline.after(min(at_most_s, self.left_s))

    def sleep(self) -> None:
        """Return when the time is over."""
        time.sleep(self.left_s)
