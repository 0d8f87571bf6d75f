"""Closing and opening the queue of a running worker, from another thread."""

from __future__ import annotations

import logging
import threading
from typing import Any

LOG = logging.getLogger(__name__)

CLOSING_TIMEOUT_S = 10.0


class Intake:
    """Whether a worker takes messages. Thread-safe; does nothing before ``attach``."""

    def __init__(self, queue: str) -> None:
        """Take the name of the queue."""
        self._queue = queue
        self._worker: Any = None
        self._turn = threading.Lock()
        self._closed = False

    def attach(self, worker: Any) -> None:
        """Take the Celery worker whose consumer is opened and closed."""
        self._worker = worker

    @property
    def closed(self) -> bool:
        """Return whether messages are left in the queue."""
        return self._closed

    def close(self) -> None:
        """Stop consuming; return when the broker was told, so that a returned message stays."""
        done = threading.Event()
        with self._turn:
            if self._closed or self._worker is None:
                return
            self._closed = True
            LOG.error("taking no more messages", extra={"action": "intake_closed"})

            def on_loop(consumer: Any) -> None:
                consumer.cancel_task_queue(self._queue)
                done.set()

            self._on_loop(on_loop)
            done.wait(CLOSING_TIMEOUT_S)

    def open(self) -> None:
        """Consume again, if it was closed."""
        with self._turn:
            if not self._closed:
                return
            self._closed = False
            LOG.info("taking messages again", extra={"action": "intake_opened"})

            def on_loop(consumer: Any) -> None:
                queues = consumer.app.amqp.queues
                queues.select_add(queues[self._queue])
                consumer.add_task_queue(self._queue)

            self._on_loop(on_loop)

    def _on_loop(self, act: Any) -> None:
        # The consumer is a new one after each reconnect; only its loop may touch the channel.
        consumer = self._worker.consumer
        consumer.call_soon(act, consumer)
