"""One dead letter: who sent it, where and why it was refused, how often and when."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devsecops_eda import codec, topology
from devsecops_eda.broker import Borrowed
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import EventType

ID_CHARS = 16
"""Hexadecimal digits of a letter's name: of 20 000 letters two agree once in 10^11 times."""

_DEATHS = "x-death"
"""The header that the broker writes when it moves a message to the dead letters itself."""
_TYPE = re.compile(r"devsecops\.([a-z_]+\.[a-z_]+)\.v[0-9]+")
_TYPES = frozenset(type_.value for type_ in EventType)
_REASONS = {
    "rejected": (RefusalReason.REJECTED, "a worker rejected it and said no reason"),
    "delivery_limit": (
        RefusalReason.DELIVERY_LIMIT,
        "after {deliveries} deliveries the broker gave up: each ended the worker or its connection",
    ),
    "expired": (RefusalReason.OTHER, "it stayed in its queue longer than a policy there allows"),
    "maxlen": (RefusalReason.OTHER, "its queue was full, and a policy there drops the oldest"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of one dead letter, its body aside.

    ``key`` and ``user`` are the routing key and the broker's user it was first published with,
    "" where nobody knows. ``queue`` is where it was refused. ``deaths`` counts refusals, replays in
    between; ``deliveries`` those of the last time. ``by_broker``: the broker wrote it, no worker.
    """

    id: str
    reason: RefusalReason
    detail: str
    path: str
    queue: str | None
    key: str
    user: str
    message_id: str | None
    type: str | None
    first: datetime | None
    last: datetime | None
    deaths: int
    deliveries: int | None
    size: int
    by_broker: bool

    @property
    def repo(self) -> str | None:
        """Return the repository as it stands in the routing key; None where it names none."""
        words = self.key.split(".")
        return words[2] if len(words) > 2 and words[2] != topology.EMPTY else None


@dataclass(frozen=True, slots=True)
class _Death:
    """What one letter says of its end."""

    reason: RefusalReason
    detail: str
    path: str
    queue: str | None
    first: datetime | None
    last: datetime | None
    deaths: int
    deliveries: int | None


def letter_of(found: Borrowed) -> Letter:
    """Return what a message in the dead letters says of itself; raises nothing; pure."""
    properties, headers = found.message.properties, found.message.properties.headers or {}
    record = broker_record(headers)
    death = _of_program(headers) if record is None else _of_broker(record, headers, found)
    key, user = _origin(found, headers, record)
    message_id = _text(properties.message_id) or None
    return Letter(
        id=_name(death.queue, message_id, found.digest),
        reason=death.reason,
        detail=death.detail,
        path=death.path,
        queue=death.queue,
        key=key,
        user=user,
        message_id=message_id,
        type=_type(key, properties.type),
        first=death.first,
        last=death.last,
        deaths=death.deaths,
        deliveries=death.deliveries,
        size=found.size,
        by_broker=record is not None,
    )


def broker_record(headers: Mapping[Any, Any]) -> Mapping[str, Any] | None:
    """Return what the broker wrote of the death, None where a program buried the letter.

    Of the list only its head is the broker's word, and of that only queue and reason: RabbitMQ
    before 4.0 goes on writing in what a sender forged.
    """
    deaths = headers.get(_DEATHS)
    if isinstance(deaths, Sequence) and not isinstance(deaths, str | bytes) and deaths:
        head = deaths[0]
        return head if isinstance(head, Mapping) else {}
    return None


def was_replayed(found: Borrowed, queue: str | None) -> bool:
    """Return whether a letter that the broker wrote had come by the replay exchange.

    It kept its routing key, which there is the name of its queue; no binding of the events
    exchange would bring such a key.
    """
    return queue is not None and found.message.key == queue


def _origin(
    found: Borrowed, headers: Mapping[Any, Any], record: Mapping[str, Any] | None
) -> tuple[str, str]:
    """Return routing key and user of the first time."""
    if record is not None and not was_replayed(found, _text(record.get("queue"))):
        # As it was published: these two no sender can forge.
        return _text(found.message.key), _text(found.message.properties.user_id)
    return _text(headers.get(topology.KEY_HEADER)), _text(headers.get(topology.USER_HEADER))


def _of_program(headers: Mapping[Any, Any]) -> _Death:
    reason = _text(headers.get(topology.REASON_HEADER))
    known = {word.value: word for word in RefusalReason}
    last = _time(headers.get(topology.LAST_HEADER))
    return _Death(
        reason=known.get(reason, RefusalReason.OTHER),
        detail=_text(headers.get(topology.DETAIL_HEADER)) or "it stands here without a reason",
        path=_text(headers.get(topology.PATH_HEADER)),
        queue=_text(headers.get(topology.ORIGIN_HEADER)) or None,
        first=_time(headers.get(topology.FIRST_HEADER)) or last,
        last=last,
        deaths=max(1, _count(headers.get(topology.DEATHS_HEADER)) or 1),
        deliveries=_count(headers.get(topology.DELIVERIES_HEADER)),
    )


def _of_broker(record: Mapping[str, Any], headers: Mapping[Any, Any], found: Borrowed) -> _Death:
    word = _text(record.get("reason"))
    reason, detail = _REASONS.get(word, (RefusalReason.OTHER, "the broker moved it here"))
    deliveries = topology.DELIVERY_LIMIT + 1 if reason is RefusalReason.DELIVERY_LIMIT else None
    if reason is RefusalReason.REJECTED and found.size > codec.MAX_REJECT_BYTES:
        reason = RefusalReason.TOO_LARGE
        detail = f"{found.size} bytes; over {codec.MAX_REJECT_BYTES} a message is rejected unread"
    queue = _text(record.get("queue")) or None
    last = _time(record.get("time"))
    first, before = last, 0
    if was_replayed(found, queue):
        first = _time(headers.get(topology.FIRST_HEADER)) or last
        before = _count(headers.get(topology.DEATHS_HEADER)) or 0
    return _Death(
        reason=reason,
        detail=detail.format(deliveries=deliveries),
        path="",
        queue=queue,
        first=first,
        last=last,
        deaths=before + 1,
        deliveries=deliveries,
    )


def _name(queue: str | None, message_id: str | None, digest: str) -> str:
    """Return the name of a letter: the same for the same message from the same queue."""
    parts = "\0".join((queue or "", message_id or "", digest))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:ID_CHARS]


def _type(key: str, property_: object) -> str | None:
    """Return the type of event, by the routing key or else by what the message calls itself."""
    words = ".".join(key.split(".")[:2])
    if words in _TYPES:
        return words
    match = _TYPE.fullmatch(_text(property_))
    return match[1] if match and match[1] in _TYPES else None


def _text(value: object) -> str:
    """Return a text of a foreign message, what is no UTF-8 in it replaced."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return codec.parse_time(_text(value))
    except ValueError:
        return None
