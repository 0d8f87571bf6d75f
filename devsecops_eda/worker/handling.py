"""What a worker and the gate do alike with what comes through their doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from celery.exceptions import Reject

from devsecops_eda import codec, logs
from devsecops_eda.metrics import Recorder, Stage, table
from devsecops_eda.model import Event
from devsecops_eda.worker.refusing import Publisher, Refusal, refuse_or_give_back


class Handling:
    """Takes events of one queue and carries what is refused to the dead letters."""

    def __init__(
        self,
        check: str,
        *,
        publisher: Publisher,
        wait_s: float,
        clock: Callable[[], datetime],
        recorder: Recorder,
    ) -> None:
        """Take whose queue this is, how to speak, and for how long what is away is waited for."""
        self._check = check
        self._publisher = publisher
        self._wait_s = wait_s
        self._clock = clock
        self._recorder = recorder

    def refuse(self, *arguments: Any) -> None:
        """Carry a message that the door refused to the dead letters.

        Raises:
            Reject: it could not be published for long; the message goes back.
        """
        try:
            refuse_or_give_back(
                Refusal(*arguments),
                publisher=self._publisher,
                wait_s=self._wait_s,
                now=self._clock(),
            )
        except Reject:
            self._recorder.count(table.GIVEN_BACK)
            raise

    @contextmanager
    def _taking(self, body: str, *, attempts: int) -> Iterator[Event]:
        """Yield the event in ``body``; what is logged in the block names it."""
        event = codec.decode(body.encode())
        with logs.about(event, check=self._check, attempt=attempts):
            if attempts == 1:
                waited = (self._clock() - event.time).total_seconds()
                self._recorder.observe(table.STAGE_SECONDS, waited, Stage.WAIT, table.OK)
            yield event

    def _given_back(self, error: Exception) -> Reject:
        """Count that the event goes back to its queue; return what sends it there."""
        self._recorder.count(table.GIVEN_BACK)
        return Reject(str(error), requeue=True)
