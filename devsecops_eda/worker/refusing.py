"""The task that carries a refused message to the dead letters, with its reason."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from celery.exceptions import Reject

from devsecops_eda import topology
from devsecops_eda.errors import DevSecOpsError, RefusalReason
from devsecops_eda.model import NAMESPACE, DeadLettered, Event, EventType
from devsecops_eda.waiting import Patience

LOG = logging.getLogger(__name__)

SOURCE = "urn:devsecops-eda:door"
MAX_DETAIL = 300


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
    """What the door handed over, as it stands in the task's arguments."""

    body: str
    reason: str
    detail: str
    path: str
    origin: Mapping[str, str]
    properties: Mapping[str, str]
    headers: Mapping[str, str | int]

    def letter(self) -> DeadLetter:
        """Return the message for the dead letters: the original bytes, the reason beside them."""
        ours: dict[str, str | int] = {
            topology.REASON_HEADER: self.reason,
            topology.DETAIL_HEADER: self.detail[:MAX_DETAIL],
            topology.PATH_HEADER: self.path[:MAX_DETAIL],
            topology.ORIGIN_HEADER: self.origin["queue"],
            topology.KEY_HEADER: self.origin["routing_key"],
            topology.USER_HEADER: self.origin["user"],
        }
        kept = {
            name: value
            for name, value in self.headers.items()
            # Copies would be made again, and nobody but us says what our headers say.
            if name.lower() not in ("cc", "bcc") and name not in ours
        }
        return DeadLetter(base64.b64decode(self.body), {**kept, **ours}, self.properties)

    def event(self, now: datetime) -> Event:
        """Return the fact that it was refused; it carries nothing of the message's content."""
        body = base64.b64decode(self.body)
        seed = uuid5(NAMESPACE, f"{self.origin['queue']}/{self.reason}/{self.body}")
        return Event(
            id=str(seed),
            source=SOURCE,
            type=EventType.MESSAGE_DEAD_LETTERED,
            subject=self.origin["queue"],
            time=now,
            correlationid=_flow(self.properties.get("correlation_id"), seed),
            data=DeadLettered(
                queue=self.origin["queue"],
                reason=RefusalReason(self.reason),
                detail=self.detail[:MAX_DETAIL] or f"{len(body)} bytes",
                path=self.path[:MAX_DETAIL],
                message_id=self.properties.get("message_id", "")[:256] or None,
                user=self.origin["user"] or None,
            ),
        )


def _flow(said: str | None, otherwise: UUID) -> str:
    """Return the flow the message said it belongs to, so that whoever waits on it hears of it."""
    try:
        return str(UUID(said or ""))
    except ValueError:
        return str(otherwise)


class Publisher(Protocol):
    """How a worker speaks: each call returns when the broker has confirmed."""

    def tell(self, event: Event) -> None:
        """Publish an event."""
        ...

    def bury(self, letter: DeadLetter) -> None:
        """Publish a refused message to the dead letters."""
        ...


def refuse(
    refusal: Refusal,
    *,
    publisher: Publisher,
    now: datetime,
) -> None:
    """Put a refused message into the dead letters, then say so; both confirmed.

    Raises:
        TransientError: the broker did not take one of them; nothing may be acknowledged.
    """
    LOG.warning(
        "refused a message on %s: %s: %s",
        refusal.origin["queue"],
        refusal.reason,
        refusal.detail[:MAX_DETAIL],
        extra={"action": "message_refused", "reason": refusal.reason},
    )
    publisher.bury(refusal.letter())
    publisher.tell(refusal.event(now))


def refuse_or_give_back(
    refusal: Refusal, *, publisher: Publisher, wait_s: float, now: datetime
) -> None:
    """Refuse a message, waiting out a broker that takes nothing.

    Raises:
        Reject: it could not be published for long; the message goes back.
    """
    try:
        Patience(wait_s).wait_out(
            lambda: refuse(refusal, publisher=publisher, now=now),
            what="the dead letters",
            errors=DevSecOpsError,
        )
    except DevSecOpsError as error:
        LOG.error("a refusal cannot be published: %s", error, extra={"action": "publish_failed"})
        raise Reject(str(error), requeue=True) from error
