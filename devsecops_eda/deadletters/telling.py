"""What is told of a dead letter that an operator replayed or dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid5

from devsecops_eda import codec, topology
from devsecops_eda.broker import Borrowed
from devsecops_eda.deadletters.letter import Letter
from devsecops_eda.model import (
    NAMESPACE,
    Event,
    EventType,
    MessageDropped,
    MessageReplayed,
    trace_after,
)

SOURCE = "urn:devsecops-eda:dead"

_SAID: Mapping[EventType, type[MessageReplayed | MessageDropped]] = {
    EventType.MESSAGE_REPLAYED: MessageReplayed,
    EventType.MESSAGE_DROPPED: MessageDropped,
}
_QUEUE = re.compile("[!-~]{1,255}")


def told(type_: EventType, letter: Letter, found: Borrowed, *, id_: str, now: datetime) -> Event:
    """Return the fact that a letter was replayed or dropped; pure.

    It is in the flow and of the trace that the letter's message names. Of a letter that does not
    say which queue it came from it is told where it stood.
    """
    queue, name = letter.queue or "", letter.message_id
    message = found.message
    about = queue if _QUEUE.fullmatch(queue) else topology.DEAD
    return Event(
        id=id_,
        source=SOURCE,
        type=type_,
        subject=about,
        time=now,
        correlationid=codec.said_flow(message.properties.correlation_id)
        or str(uuid5(NAMESPACE, f"letter/{letter.id}")),
        traceparent=trace_after(
            codec.said_trace(message.body, message.properties.headers or {}), id_
        ),
        data=_SAID[type_](
            queue=about,
            reason=letter.reason,
            letter=letter.id,
            message_id=name.replace("\0", "�") if name else None,
            user=codec.said_user(letter.user),
        ),
    )
