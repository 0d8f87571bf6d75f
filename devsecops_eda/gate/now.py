"""What is being taken, when, and because of whom; and how what it leads to is owed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.gate import speech
from devsecops_eda.ledger import Message, Records
from devsecops_eda.model import Event, trace_after


@dataclass(frozen=True, slots=True)
class Now:
    """What is being taken, by whom it was said in which flow, and when.

    The timer has neither place nor id. ``trace`` is the trace context of what is being taken.
    """

    seq: int | None
    event_id: str | None
    at: datetime
    user: str = ""
    flow: str = ""
    trace: str | None = None

    def owe(self, records: Records, event: Event, *, decision: str | None = None) -> Message:
        """Owe an event of ours to the exchange; one said before is owed with its old bytes.

        ``decision`` is the one it tells: such a message is kept no longer than its decision.
        """
        trace = trace_after(self._trace(records, event.correlationid), event.id)
        message = speech.message(replace(event, traceparent=trace))
        return records.said.enqueue(message, cause=self.seq, now=self.at, decision=decision)

    def _trace(self, records: Records, flow: str) -> str | None:
        """Return the trace context of the cause; where time is the cause, that of the flow."""
        if self.seq is not None:
            return self.trace
        body = records.watching.opening(flow)
        if body is None:
            return None
        try:
            return codec.decode(body).traceparent
        except InvalidEventError:
            # Written by another release; a trace is not worth a decision.
            return None
