"""What is being taken, when, and because of whom; and how what it leads to is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devsecops_eda.gate import speech
from devsecops_eda.ledger import Message, Records
from devsecops_eda.model import Event


@dataclass(frozen=True, slots=True)
class Now:
    """What is being taken, by whom it was said in which flow, and when.

    The timer has neither place nor id.
    """

    seq: int | None
    event_id: str | None
    at: datetime
    user: str = ""
    flow: str = ""

    def owe(self, records: Records, event: Event, *, decision: str | None = None) -> Message:
        """Owe an event of ours to the exchange; one said before is owed with its old bytes.

        ``decision`` is the one it tells: such a message is kept no longer than its decision.
        """
        message = speech.message(event)
        return records.said.enqueue(message, cause=self.seq, now=self.at, decision=decision)
