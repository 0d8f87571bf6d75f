"""Waiting out what is away, in place, with the delivery held."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_random_exponential,
)

from devsecops_eda.errors import DevSecOpsError, TransientError

LOG = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_PAUSE_S = 5.0
TOLD_EVERY_S = 30.0
"""So often the log says that something is still waited for."""


class Patience:
    """So many seconds that may be lost to things that are away, over all the steps of one task.

    The broker's consumer timeout is for the whole task; were each step given its own time, their
    sum would break it. What a step takes when it works is not counted.
    """

    def __init__(self, total_s: float) -> None:
        """Begin with ``total_s`` seconds; none at all means one try for each step."""
        self._left_s = total_s

    def wait_out(
        self,
        act: Callable[[], T],
        *,
        what: str,
        errors: type[DevSecOpsError] = TransientError,
    ) -> T:
        """Return ``act()``, tried again with jitter while patience lasts.

        Raises:
            TransientError: the last one, when patience is over (or what else ``errors`` names).
        """
        begun = time.monotonic()
        lost_s = 0.0

        def attempt() -> T:
            nonlocal lost_s
            lost_s = time.monotonic() - begun
            return act()

        def over(state: RetryCallState) -> bool:
            return time.monotonic() - begun + state.upcoming_sleep >= self._left_s

        told_at = float("-inf")

        def tell(state: RetryCallState) -> None:
            nonlocal told_at
            if time.monotonic() - told_at < TOLD_EVERY_S:
                return
            told_at = time.monotonic()
            error = state.outcome.exception() if state.outcome else None
            LOG.warning("%s: waiting: %s", what, error, extra={"action": "waiting"})

        retrying = Retrying(
            retry=retry_if_exception_type(errors),
            wait=wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_S),
            stop=over,
            before_sleep=tell,
            reraise=True,
        )
        try:
            result: T = retrying(attempt)
        except errors:
            self._left_s = 0.0
            raise
        self._left_s = max(0.0, self._left_s - lost_s)
        return result
