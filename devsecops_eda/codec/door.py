"""The door: what comes from the broker becomes an ``Event`` or a refusal with its reason.

The order is part of the promise: each check is safe and cheap because of the ones before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from devsecops_eda import topology
from devsecops_eda.codec.binary import is_binary, structured
from devsecops_eda.codec.envelope import CONTENT_TYPE, MAX_BODY_BYTES, decode, key_of
from devsecops_eda.codec.strict import parse, refusal, shown
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import Event, EventType, Outcome, ScanRequested
from devsecops_eda.roles import PRIVILEGED

_SCANS = frozenset({EventType.SCAN_REQUESTED, EventType.SCAN_COMPLETED, EventType.SCAN_FAILED})
_WORDS = ("subject", "predicate", "repo", "check")
_JSON = ("application/json", "text/json")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the broker handed it over; nothing in it is believed yet.

    Only ``exchange``, ``routing_key`` and ``user_id`` are the broker's word.
    """

    body: bytes
    content_type: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    routing_key: str = ""
    exchange: str = topology.EVENTS
    user_id: str | None = None
    message_id: str | None = None


def open_door(delivery: Delivery, *, identities: topology.Identities) -> Event:
    """Return the event in ``delivery``, of a sender who may say it under that routing key.

    Raises:
        InvalidEventError: it is refused; reason, path and a sentence say why.
    """
    event = decode(_structured(delivery))
    replayed = delivery.exchange == topology.REPLAY
    _check_key(event, _original_key(delivery) if replayed else delivery.routing_key)
    _check_copies(delivery.headers)
    if replayed and event.type in PRIVILEGED:
        raise refusal(
            RefusalReason.NOT_REPLAYABLE,
            f"{event.type.value} is never replayed; `devsecops-eda rescan` makes a new fact",
        )
    _check_user(event, delivery.user_id, identities)
    return event


def _structured(delivery: Delivery) -> bytes:
    if len(delivery.body) > MAX_BODY_BYTES:
        parse(delivery.body, max_bytes=MAX_BODY_BYTES)
    media, charset = _media(delivery.content_type)
    if charset not in ("utf-8", "utf8"):
        raise refusal(
            RefusalReason.NOT_UTF8, f"the content type says charset {shown(charset)}; send UTF-8"
        )
    if media == CONTENT_TYPE:
        return delivery.body
    if not is_binary(delivery.headers):
        raise refusal(
            RefusalReason.NOT_AN_EVENT,
            f"the content type is {shown(media)}; send {CONTENT_TYPE} with the whole event in the"
            " body, or application/json with the attributes in headers ce-…",
        )
    if media not in _JSON:
        raise refusal(
            RefusalReason.NOT_AN_EVENT,
            f"the data is {shown(media)}; in binary mode send application/json",
            path="/datacontenttype",
        )
    data = parse(delivery.body, max_bytes=MAX_BODY_BYTES)
    return structured(delivery.headers, content_type=media, data=data)


def _media(content_type: object) -> tuple[str, str]:
    """Return media type and charset, lower case; a message without one is JSON without a name."""
    if not isinstance(content_type, str):
        return "", "utf-8"
    media, *parameters = content_type[:256].lower().split(";")
    named = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
    return media.strip(), named.get("charset", "utf-8").strip(' "')


def _original_key(delivery: Delivery) -> str:
    key = delivery.headers.get(topology.KEY_HEADER)
    return key if isinstance(key, str) else ""


def _check_key(event: Event, key: str) -> None:
    computed = key_of(event).split(".")
    given = key.split(".")
    held = 4 if event.type in _SCANS else 3
    if len(given) < len(computed):
        raise refusal(
            RefusalReason.KEY_MISMATCH,
            f"the routing key {shown(key)} has {len(given)} words, not {len(computed)};"
            f" send {'.'.join(computed)}",
        )
    for name, told, said in zip(_WORDS[:held], given, computed, strict=False):
        if told != said:
            raise refusal(
                RefusalReason.KEY_MISMATCH,
                f"the routing key says {name} {shown(told)}, the body {shown(said, 140)};"
                " a sender may speak only of what its key names",
            )


def _check_copies(headers: Mapping[str, object]) -> None:
    for name in headers:
        if str(name).lower() in ("cc", "bcc"):
            raise refusal(
                RefusalReason.COPIED,
                "the message has a CC or BCC header, which gets round the rights on routing keys;"
                " send it once for each key",
            )


def _check_user(event: Event, user: str | None, identities: topology.Identities) -> None:
    data = event.data
    check = data.check if isinstance(data, Outcome | ScanRequested) else None
    if not identities.may_say(user, event.type, check=check):
        who = "without a user_id" if user is None else f"from {shown(user)}"
        raise refusal(
            RefusalReason.NOT_AUTHORISED,
            f"{event.type.value} {who}; the sender must set user_id to the broker user who may"
            " say it",
        )
