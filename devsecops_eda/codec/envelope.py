"""Structured-mode CloudEvents <-> ``Event``, and what the broker is told beside the body."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from devsecops_eda import topology
from devsecops_eda.codec import schemas
from devsecops_eda.codec.claim import without_lists
from devsecops_eda.codec.fitting import lengths, shortened
from devsecops_eda.codec.payloads import from_data, outcome_data, to_data
from devsecops_eda.codec.strict import canonical, check_shape, kind_of, parse, refusal, shown
from devsecops_eda.codec.times import format_time, parse_time
from devsecops_eda.codec.words import names_its_subject, subject_of, words_of
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Event, EventType, Outcome, Payload

MAX_BODY_BYTES = 128 * 1024
MAX_REJECT_BYTES = 1024 * 1024
"""Above this a message is rejected without being kept; its length is its reason."""
CONTENT_TYPE = "application/cloudevents+json"
APP_ID = "devsecops-eda"

_TYPES = {type_.wire: type_ for type_ in EventType}
_TYPE = re.compile(r"devsecops\.([a-z_]+\.[a-z_]+)\.v[0-9]+")
_MAJOR = "1"
_OPTIONAL = ("causationid", "traceparent", "dataref", "datadigest")


def encode(event: Event) -> bytes:
    """Return the one body of ``event``: sorted keys, no spaces, UTF-8, and fit for every door.

    With a ``dataref`` the long lists of an outcome are cut to a summary, its counts and its
    meaning digest still speak of all of it. Of the blocking findings of a decision, and of what
    people are asked to vote on, the worst ``MAX_INLINE_FINDINGS`` stay; a decision counts all.

    Raises:
        InvalidEventError: the door would refuse it, for the reason and the path it names.
    """
    *longer, shortest = lengths(event)
    for length in longer:
        try:
            return _encoded(event, length)
        except InvalidEventError as error:
            if error.reason not in (RefusalReason.TOO_LARGE, RefusalReason.TOO_MANY_ITEMS):
                raise
    return _encoded(event, shortest)


def decode(body: bytes) -> Event:
    """Return the event in ``body`` after all checks but those of key and sender.

    Raises:
        InvalidEventError: it is none, with the first thing wrong in the door's order.
    """
    document = _object(parse(body, max_bytes=MAX_BODY_BYTES))
    type_ = _type_of(document)
    _check(type_, document)
    return _event(type_, document)


def key_of(event: Event) -> str:
    """Return the routing key of ``event``, all of it computed from the body."""
    repo, scope, klass = words_of(event.data)
    return topology.routing_key(
        event.type, repo=repo, scope=scope, klass=klass, flow=event.correlationid
    )


def properties_of(event: Event) -> dict[str, str | int]:
    """Return the AMQP properties that mirror ``event``; the sender adds ``user_id``."""
    return {
        "content_type": CONTENT_TYPE,
        "message_id": event.id,
        "type": event.type.wire,
        "correlation_id": event.correlationid,
        "timestamp": int(event.time.timestamp()),
        "app_id": APP_ID,
        "delivery_mode": 2,
    }


def content_digest(event: Event | bytes) -> str:
    """Return ``sha256:<hex>`` of what an event says, its ``time`` and trace aside.

    Two events with one identity and different digests are in conflict. Fields that this version
    does not know are not in it.

    Raises:
        InvalidEventError: it is no event that the door would take.
    """
    known = decode(event if isinstance(event, bytes) else encode(event))
    document = _document(known, None)
    if known.dataref is not None and isinstance(known.data, Outcome):
        # The evidence is named by its digest; how much of it a summary repeats is no content.
        document["data"] = to_data(without_lists(known.data))
    for name in ("time", "traceparent"):
        document.pop(name, None)
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()


def _encoded(event: Event, length: int | None) -> bytes:
    document = _document(event, length)
    body = canonical(document)
    if len(body) > MAX_BODY_BYTES:
        raise refusal(
            RefusalReason.TOO_LARGE,
            f"the event takes {len(body)} bytes, at most {MAX_BODY_BYTES} go on the wire;"
            " put the data into the evidence store and name it by dataref and datadigest",
        )
    check_shape(body)
    _check(event.type, document)
    return body


def _document(event: Event, length: int | None) -> dict[str, Any]:
    data = event.data
    cut = data if length is None else shortened(data, length=length)
    if isinstance(data, Outcome) and isinstance(cut, Outcome):
        written = outcome_data(cut, data)
    else:
        written = to_data(cut)
    try:
        times = {"time": format_time(event.time)}
        if event.expirytime is not None:
            times["expirytime"] = format_time(event.expirytime)
    except ValueError as error:
        raise refusal(RefusalReason.SCHEMA, str(error), path="/time") from error
    optional = {name: getattr(event, name) for name in _OPTIONAL}
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type.wire,
        "subject": event.subject,
        "dataschema": event.type.dataschema,
        "datacontenttype": "application/json",
        "correlationid": event.correlationid,
        "data": written,
        **times,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise refusal(
            RefusalReason.NOT_AN_EVENT,
            f"the message is {kind_of(document)}, not an object: one message carries one event,"
            " a CloudEvent in JSON",
        )
    return document


def _type_of(document: dict[str, Any]) -> EventType:
    for name in ("specversion", "type"):
        if not isinstance(document.get(name), str):
            raise refusal(
                RefusalReason.NOT_AN_EVENT,
                f"{name} is missing or no text; a CloudEvent has specversion, id, source and type",
                path=f"/{name}",
            )
    if document["specversion"] != "1.0":
        raise refusal(
            RefusalReason.NOT_AN_EVENT,
            f"specversion is {shown(document['specversion'], 20)}; send CloudEvents 1.0",
            path="/specversion",
        )
    return _known(document["type"], document.get("dataschema"))


def _known(wire: str, dataschema: object) -> EventType:
    type_ = _TYPES.get(wire)
    if type_ is None:
        match = _TYPE.fullmatch(wire)
        if match and match[1] in set(EventType):
            detail = (
                f"this version of {match[1]} is not known here; send {EventType(match[1]).wire}"
            )
        else:
            detail = f"{shown(wire)} is not known here; `devsecops-eda events list` names the types"
        raise refusal(RefusalReason.UNKNOWN_TYPE, detail, path="/type")
    if isinstance(dataschema, str):
        name, _, version = dataschema.rpartition(":")
        expected = type_.dataschema.rpartition(":")[0]
        if name != expected or version.partition(".")[0] != _MAJOR:
            raise refusal(
                RefusalReason.UNKNOWN_TYPE,
                f"dataschema is {shown(dataschema)}; send {type_.dataschema} or leave it out",
                path="/dataschema",
            )
    return type_


def _check(type_: EventType, document: dict[str, Any]) -> None:
    schemas.check(schemas.ENVELOPE, document)
    schemas.check(type_.value, document["data"], at=("data",))


def _event(type_: EventType, document: dict[str, Any]) -> Event:
    payload = from_data(type_, document["data"])
    _agree(document, payload)
    expiry = document.get("expirytime")
    return Event(
        id=document["id"],
        source=document["source"],
        type=type_,
        subject=document["subject"],
        time=parse_time(document["time"]),
        correlationid=document["correlationid"],
        data=payload,
        expirytime=None if expiry is None else parse_time(expiry),
        **{name: document.get(name) for name in _OPTIONAL},
    )


def _agree(document: dict[str, Any], payload: Payload) -> None:
    about = subject_of(payload)
    if names_its_subject(payload) and document["subject"] != about:
        # People and filters go by the attribute, the gate by the data: one would be lied to.
        raise refusal(
            RefusalReason.SCHEMA,
            f"subject is not what the data is about; send {shown(about, 150)}",
            path="/subject",
        )
