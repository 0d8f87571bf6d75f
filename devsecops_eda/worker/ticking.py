"""The gate's timer: what time decides, what is still owed, and what is old."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

from devsecops_eda.errors import DevSecOpsError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message
from devsecops_eda.worker.intake import Intake
from devsecops_eda.worker.speaking import Speaking

LOG = logging.getLogger(__name__)

TICK_S = 1.0
FORGET_EVERY = timedelta(hours=1)
OWED_AFTER = timedelta(seconds=5)
"""A recorded message that no broker confirmed by then is published by the timer."""


class Timer(threading.Thread):
    """Says what time alone decides, and what is still owed; opens the queue again."""

    def __init__(
        self,
        gate: Gate,
        speaking: Speaking,
        *,
        intake: Intake,
        clock: Callable[[], datetime],
        retention: timedelta | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the gate and what speaks for it; ``start`` begins.

        What is older than ``retention`` is forgotten once an hour; nothing is where it is None.
        ``beat`` is called whenever the timer got on: before each tick and each message it says.
        """
        super().__init__(name="gate-timer", daemon=True)
        self._gate = gate
        self._speaking = speaking
        self._intake = intake
        self._clock = clock
        self._owner = uuid4().hex
        self._retention = retention
        self._beat = beat
        self._forget_at: datetime | None = None
        self._forget_after: str | None = None
        self._over = threading.Event()

    def run(self) -> None:
        """Tick until ``end`` is called; whatever is away is tried again at the next tick."""
        while not self._over.wait(TICK_S):
            self._beat()
            try:
                self._tick()
            except DevSecOpsError as error:
                LOG.warning("the timer waits: %s", error, extra={"action": "timer_waits"})
            except Exception:
                # A timer that dies in silence would let every deadline pass in silence.
                LOG.exception("the timer failed", extra={"action": "timer_failed"})

    def end(self) -> None:
        """Stop ticking and wait for the tick that runs."""
        self._over.set()
        self.join()

    def _tick(self) -> None:
        now = self._clock()
        if self._intake.closed:
            # Open only when all that may have closed it answers, else each event would come and
            # go until its deliveries are used up.
            self._gate.probe()
            self._intake.open()
        due = self._gate.tick(now, owner=self._owner)
        owed = self._gate.owed(now, age=OWED_AFTER)
        messages = {message.id: message for message in (*due, *owed)}
        self._speaking.say_owed(self._one_by_one(messages.values()))
        self._forget(now)

    def _one_by_one(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            self._beat()
            yield message

    def _forget(self, now: datetime) -> None:
        # An hour after the start at the earliest: gates that start again and again for some
        # reason have better things to do.
        if self._forget_at is None:
            self._forget_at = now + FORGET_EVERY
        if self._retention is None or now < self._forget_at:
            return
        # Some in each tick: no deadline waits for an old year to be forgotten.
        self._forget_after = self._gate.forget(
            now, owner=self._owner, keep=self._retention, after=self._forget_after
        )
        if self._forget_after is None:
            self._forget_at = now + FORGET_EVERY
