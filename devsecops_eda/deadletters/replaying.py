"""What a dead letter is replayed as, and which one is not replayed at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from devsecops_eda import codec, topology
from devsecops_eda.broker import Borrowed, Outgoing
from devsecops_eda.deadletters.letter import Letter
from devsecops_eda.deadletters.showing import OURS
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import EventType
from devsecops_eda.roles import PRIVILEGED

_KEPT_PROPERTIES = ("content_type", "message_id", "type", "correlation_id", "app_id")
_OF_THE_BROKER = re.compile(r"x-(?:death|first-death|last-death|delivery-count|acquired-count)")
_COPIES = ("cc", "bcc")


def obstacle(letter: Letter, found: Borrowed) -> str | None:
    """Return why a letter is not replayed, None where it is; pure."""
    if found.size > codec.MAX_REJECT_BYTES:
        return f"{found.size} bytes are over the bound of every door"
    if letter.queue is None:
        return "it does not say which queue it came from"
    if not letter.queue.startswith(topology.queue_name("")):
        return f"it came from {letter.queue}, which is no queue of a check"
    if letter.reason is RefusalReason.COPIED or _copied(_headers(found)):
        return "it went round the rights on routing keys; its sender has to send it anew"
    type_ = _privileged(letter, found)
    if type_ is not None:
        return (
            f"{type_.value} is never replayed: `devsecops-eda rescan`, or saying it anew, makes a"
            " new fact"
        )
    return None


def refused_again(letter: Letter, found: Borrowed, *, identities: topology.Identities) -> str:
    """Return what the door of this version says to a replay; "" where it lets it pass; pure.

    Some reasons are the gate's, who alone knows what was recorded before.
    """
    message = replayed(letter, found)
    delivery = codec.Delivery(
        body=message.body,
        content_type=message.properties.get("content_type"),
        headers=message.properties["headers"],
        routing_key=message.key,
        exchange=message.exchange,
    )
    try:
        codec.open_door(delivery, identities=identities)
    except InvalidEventError as error:
        return str(error)
    return ""


def replayed(letter: Letter, found: Borrowed) -> Outgoing:
    """Return the message that sends a letter to its queue once more; pure.

    Bytes, id and the sender's own headers stay; key, user and history go along as headers, which
    are believed on the replay exchange and nowhere else.
    """
    assert letter.queue is not None
    ours: dict[str, str | int] = {
        topology.KEY_HEADER: letter.key,
        topology.USER_HEADER: letter.user,
        topology.DEATHS_HEADER: letter.deaths,
    }
    if letter.first is not None:
        ours[topology.FIRST_HEADER] = codec.format_time(letter.first)
    theirs = {
        name: value
        for name, value in _headers(found).items()
        if isinstance(name, str)
        and isinstance(value, str | int)
        and not _OF_THE_BROKER.match(name.lower())
        and not name.lower().startswith(OURS)
    }
    properties = found.message.properties
    kept = {name: getattr(properties, name) for name in _KEPT_PROPERTIES}
    return Outgoing(
        exchange=topology.REPLAY,
        key=letter.queue,
        body=found.message.body,
        properties={
            **{name: value for name, value in kept.items() if isinstance(value, str)},
            "headers": {**theirs, **ours},
            "delivery_mode": 2,
        },
        mandatory=True,
    )


def _privileged(letter: Letter, found: Borrowed) -> EventType | None:
    """Return the privileged type a letter is of, by its key or by its body."""
    said = {letter.type}
    # What is no event passes no door; what its key says is all there is.
    with suppress(InvalidEventError):
        said.add(codec.decode(found.message.body).type.value)
    return next((type_ for type_ in sorted(PRIVILEGED) if type_.value in said), None)


def _copied(headers: Mapping[Any, Any]) -> bool:
    return any(str(name).lower() in _COPIES for name in headers)


def _headers(found: Borrowed) -> Mapping[Any, Any]:
    return found.message.properties.headers or {}
