"""Saying what the ledger recorded: each message by itself, and what nobody takes less often."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from devsecops_eda.errors import DevSecOpsError, TransientError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message

LOG = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
MAX_KEPT = 10_000
"""Of so many messages that nobody takes it is remembered when to try them next."""


class Speaker(Protocol):
    """What publishes a recorded message, confirmed."""

    def repeat(self, message: Message) -> None:
        """Publish it, or raise a ``DevSecOpsError``."""
        ...


class Speaking:
    """Publishes recorded messages and notes what the broker confirmed."""

    def __init__(self, gate: Gate, speaker: Speaker, clock: Callable[[], datetime]) -> None:
        """Take who owes the messages and who publishes them."""
        self._gate = gate
        self._speaker = speaker
        self._clock = clock
        self._next: dict[str, tuple[datetime, timedelta]] = {}

    def say(self, messages: Iterable[Message]) -> None:
        """Publish ``messages``; one the broker will not take does not hold back the others.

        Raises:
            TransientError: the broker is away or takes nothing; what was not said stays owed.
        """
        said: list[Message] = []
        try:
            for message in messages:
                try:
                    self._speaker.repeat(message)
                except TransientError:
                    raise
                except DevSecOpsError as error:
                    self._put_off(message, error)
                else:
                    self._next.pop(message.id, None)
                    said.append(message)
        finally:
            self._gate.published(tuple(said), self._clock())

    def say_owed(self, messages: Iterable[Message]) -> None:
        """Publish those of ``messages`` whose time to be tried again has come.

        Raises:
            TransientError: as ``say``.
        """
        now = self._clock()
        self.say(
            message
            for message in messages
            if message.id not in self._next or self._next[message.id][0] <= now
        )

    def _put_off(self, message: Message, error: DevSecOpsError) -> None:
        _, pause = self._next.get(message.id, (None, FIRST_PAUSE / 2))
        pause = min(2 * pause, LONGEST_PAUSE)
        if len(self._next) < MAX_KEPT or message.id in self._next:
            self._next[message.id] = (self._clock() + pause, pause)
        # It stands in the ledger; the broker says why, and an operator can mend it.
        LOG.error(
            "%s stays owed, next try in %d s: %s",
            message.key,
            pause.total_seconds(),
            error,
            extra={"action": "owed", "flow": message.flow},
        )
