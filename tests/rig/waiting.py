"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NeverHappenedError(AssertionError):
    """What a test waited for did not become true in its time."""


def eventually(
    predicate: Callable[[], T], *, timeout_s: float, what: str, interval_s: float = 0.05
) -> T:
    """Return the first truthy value of ``predicate``, asked again until it comes.

    Raises:
        NeverHappenedError: nothing truthy within ``timeout_s`` seconds; it was asked once at least.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise NeverHappenedError(f"not within {timeout_s:g} s: {what} (last: {value!r})")
        time.sleep(interval_s)
