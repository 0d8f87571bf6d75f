"""What Celery's main loop looks like from another thread: connected, turning, how busy."""

from __future__ import annotations

import time
from typing import Any

from celery.worker import state

STUCK_S = 60.0
"""A loop that is connected and has not turned for so long will not go on by itself."""


class MainLoop:
    """The main loop of one worker, read only. Nothing holds before ``attach``."""

    def __init__(self) -> None:
        """Begin without a worker."""
        self._worker: Any = None
        self._attached_at = 0.0

    def attach(self, worker: Any) -> None:
        """Take the Celery worker that is about to start."""
        self._worker = worker
        self._attached_at = time.monotonic()

    def unconnected(self) -> str | None:
        """Return why no events can come in, None while they can."""
        consumer = self._consumer
        connection = getattr(consumer, "connection", None)
        try:
            connected = connection is not None and connection.connected
        except (AttributeError, OSError):
            # It is being closed or opened by its own thread at this very moment.
            connected = False
        if not connected:
            return "not connected to the broker"
        if getattr(consumer, "task_consumer", None) is None:
            return "does not consume yet"
        return None

    def stuck(self) -> str | None:
        """Return why only a new start helps, None while none is needed.

        While the broker is away the loop waits for it, which is no reason: it connects by itself.
        """
        if self.unconnected() is not None:
            return None
        turned_at = max(self._attached_at, getattr(self._consumer, "turned_at", 0.0))
        still_s = time.monotonic() - turned_at
        return f"the main loop has not turned for {still_s:.0f} s" if still_s > STUCK_S else None

    def busy(self) -> int:
        """Return how many events are being worked on."""
        return len(state.active_requests)

    @property
    def _consumer(self) -> Any:
        return getattr(self._worker, "consumer", None)
