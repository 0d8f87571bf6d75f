"""Waiting out what is away, in place, with the delivery held."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from devsecops_eda.errors import DevSecOpsError, TransientError

LOG = logging.getLogger(__name__)
T = TypeVar("T")


def waited_out(
    act: Callable[[], T],
    *,
    wait_s: float,
    what: str,
    errors: type[DevSecOpsError] = TransientError,
) -> T:
    """Return ``act()``, tried again with jitter for up to ``wait_s`` seconds.

    Raises:
        TransientError: the last one, when the time is over (or what else ``errors`` names).
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        LOG.warning("%s: waiting: %s", what, error, extra={"action": "waiting"})

    retrying = Retrying(
        retry=retry_if_exception_type(errors),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),
        stop=stop_after_delay(wait_s),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(act)
