"""The task that carries a refused message to the dead letters, with its reason."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid5

from celery.exceptions import Reject

from devsecops_eda import codec, topology
from devsecops_eda.errors import DevSecOpsError, RefusalReason, TransientError
from devsecops_eda.model import NAMESPACE, DeadLettered, Event, EventType, trace_after
from devsecops_eda.redaction import masked_text
from devsecops_eda.waiting import Patience

LOG = logging.getLogger(__name__)

SOURCE = "urn:devsecops-eda:door"
MAX_DETAIL = 300
MAX_SHORT_BYTES = 255
"""What AMQP allows to a property and to the name of a header (0-9-1, section 4.2.5.3)."""
MAX_LONG_BYTES = 8192

_NO_TEXT = re.compile("[\\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused message: its own bytes, and in ``headers`` why and where it was refused.

    ``properties`` are those of its AMQP properties that may be said again (never ``user_id``,
    which the broker would refuse).
    """

    body: bytes
    headers: Mapping[str, str | int]
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the door handed over, as it stands in the task's arguments (``origin``: see there)."""

    body: str
    reason: str
    detail: str
    path: str
    origin: Mapping[str, str]
    properties: Mapping[str, str]
    headers: Mapping[str, str | int]

    def letter(self, now: datetime) -> DeadLetter:
        """Return the message for the dead letters: the original bytes, reason and history."""
        ours: dict[str, str | int] = {
            topology.REASON_HEADER: self.reason,
            topology.DETAIL_HEADER: self._detail,
            topology.PATH_HEADER: self._path,
            topology.ORIGIN_HEADER: self.origin["queue"],
            topology.KEY_HEADER: _clean(self.origin["routing_key"], max_bytes=MAX_LONG_BYTES),
            topology.USER_HEADER: _clean(self.origin["user"], max_bytes=MAX_LONG_BYTES),
            topology.FIRST_HEADER: self.origin.get("first") or codec.format_time(now),
            topology.LAST_HEADER: codec.format_time(now),
            topology.DEATHS_HEADER: 1 + int(self.origin.get("deaths") or 0),
            topology.DELIVERIES_HEADER: int(self.origin.get("deliveries") or 1),
        }
        kept = {
            _clean(name, max_bytes=MAX_SHORT_BYTES): (
                _clean(value, max_bytes=MAX_LONG_BYTES) if isinstance(value, str) else value
            )
            for name, value in self.headers.items()
            # Copies would be made again, and nobody but us says what our headers say.
            if name.lower() not in ("cc", "bcc")
        }
        properties = {
            name: _clean(value, max_bytes=MAX_SHORT_BYTES)
            for name, value in self.properties.items()
        }
        return DeadLetter(base64.b64decode(self.body), {**kept, **ours}, properties)

    def event(self, now: datetime) -> Event:
        """Return the fact that it was refused; it carries nothing of the message's content."""
        body = base64.b64decode(self.body)
        # Refused again after a replay, it is another fact.
        again = f"/{self.origin['deaths']}" if "deaths" in self.origin else ""
        seed = uuid5(NAMESPACE, f"{self.origin['queue']}/{self.reason}/{self.body}{again}")
        return Event(
            id=str(seed),
            traceparent=trace_after(codec.said_trace(body, self.headers), str(seed)),
            source=SOURCE,
            type=EventType.MESSAGE_DEAD_LETTERED,
            subject=self.origin["queue"],
            time=now,
            correlationid=codec.said_flow(self.properties.get("correlation_id")) or str(seed),
            data=DeadLettered(
                queue=self.origin["queue"],
                reason=RefusalReason(self.reason),
                detail=self._detail or f"{len(body)} bytes",
                path=self._path,
                message_id=_clean(self.properties.get("message_id", ""), max_bytes=MAX_SHORT_BYTES)
                or None,
                # Another one is in the dead letter.
                user=codec.said_user(self.origin["user"]),
            ),
        )

    @property
    def said(self) -> str:
        """Return the sentence on what is wrong; a word of the message that it quotes is masked."""
        return masked_text(self.detail[:MAX_DETAIL])

    @property
    def _detail(self) -> str:
        return _clean(self.said, max_bytes=MAX_LONG_BYTES)

    @property
    def _path(self) -> str:
        return _clean(masked_text(self.path[:MAX_DETAIL]), max_bytes=MAX_LONG_BYTES)


class Publisher(Protocol):
    """How a worker speaks: each call returns when the broker has confirmed."""

    def tell(self, event: Event) -> None:
        """Publish an event."""
        ...

    def bury(self, letter: DeadLetter) -> None:
        """Publish a refused message to the dead letters."""
        ...


def refuse_or_give_back(
    refusal: Refusal, *, publisher: Publisher, wait_s: float, now: datetime
) -> None:
    """Put a refused message into the dead letters, then say so, waiting out a broker in trouble.

    What has been buried is not buried again because it could not be told.

    Raises:
        Reject: the broker was away for long, or took no dead letter; the message goes back.
    """
    about = {
        "event": refusal.properties.get("message_id"),
        "flow": refusal.properties.get("correlation_id"),
    }
    LOG.warning(
        "refused a message on %s: %s: %s",
        refusal.origin["queue"],
        refusal.reason,
        refusal.said,
        extra={"action": "message_refused", "reason": refusal.reason, **about},
    )
    patience = Patience(wait_s)
    try:
        patience.wait_out(
            lambda: publisher.bury(refusal.letter(now)),
            what="the dead letters",
            errors=DevSecOpsError,
        )
    except DevSecOpsError as error:
        raise _given_back(error) from error
    try:
        patience.wait_out(lambda: publisher.tell(refusal.event(now)), what="the broker")
    except TransientError as error:
        raise _given_back(error) from error
    except DevSecOpsError as error:
        # Given back it would be buried again, and not be told any better. The letter is there.
        LOG.error("a refusal cannot be told: %s", error, extra={"action": "publish_failed"})


def _given_back(error: DevSecOpsError) -> Reject:
    LOG.error("a refusal cannot be published: %s", error, extra={"action": "publish_failed"})
    return Reject(str(error), requeue=True)


def _clean(text: str, *, max_bytes: int) -> str:
    """Return what a database keeps of ``text`` (no NUL, no lone surrogates) within a bound."""
    said = _NO_TEXT.sub("\ufffd", text)
    return said.encode()[:max_bytes].decode(errors="ignore")
