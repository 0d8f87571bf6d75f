"""Whatever comes, the door answers with an event or with one kind of error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from devsecops_eda import topology
from devsecops_eda.codec import (
    MAX_BODY_BYTES,
    Delivery,
    decode,
    encode,
    key_of,
    open_door,
    outcome_from_evidence,
    schemas,
)
from devsecops_eda.codec.strict import MAX_DETAIL_CHARS, MAX_PATH_CHARS, canonical, parse
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Event
from devsecops_eda.roles import MAY_SAY, PRIVILEGED, Role
from tests.event_strategies import events
from tests.examples import good
from tests.malformed import SHAPES, STRUCTURED

IDENTITIES = topology.Identities()
fuzz = settings(max_examples=300)

junk_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        ["a" * 40, "2026-03-02T09:30:00Z", "1.0", "devsecops.commit.pushed.v1", "\ud800"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
documents = st.sampled_from([json.loads(each.body) for each in good()])
junk_headers = st.dictionaries(
    st.sampled_from(["ce-id", "ce-type", "CE-TIME", "ce-specversion", "ce-", "cc", "task", "ce-x"])
    | st.text(max_size=12),
    st.none() | st.binary() | st.text(max_size=40) | st.integers() | junk_json | st.datetimes(),
    max_size=8,
)
media = (
    st.none()
    | st.text(max_size=30)
    | st.sampled_from(
        [STRUCTURED, "application/json", STRUCTURED + ";charset", STRUCTURED + ";;=;charset=\x00"]
    )
)


def judge(delivery: Delivery) -> Event | None:
    """The event, or None after an answer as it must be."""
    try:
        return open_door(delivery, identities=IDENTITIES)
    except InvalidEventError as error:
        answer = error
    assert answer.detail.replace("…", "").isprintable()
    assert len(answer.detail) <= MAX_DETAIL_CHARS
    assert len(answer.path) <= MAX_PATH_CHARS
    assert str(answer).encode()
    return None


@given(body=st.binary(max_size=400), content_type=media, headers=junk_headers)
@fuzz
def test_junk_bytes_are_refused(body: bytes, content_type: str | None, headers: Any) -> None:
    assert judge(Delivery(body, content_type=content_type, headers=headers)) is None


@given(value=junk_json)
@fuzz
def test_junk_json_is_refused(value: object) -> None:
    body = json.dumps(value).encode()
    assert judge(Delivery(body, content_type=STRUCTURED)) is None


@given(event=events(), user=st.sampled_from([None, "", "g", "b", "w", "ada"]))
def test_what_is_encoded_is_let_in_from_who_may_say_it_and_from_nobody_else(
    event: Event, user: str | None
) -> None:
    check = getattr(event.data, "check", None)
    workers = {} if check is None else {check: "w"}
    known = topology.Identities(gate="g", workers=workers, builders=frozenset({"b"}))
    by = {Role.GATE: "g", Role.BUILDER: "b", Role.SCAN_WORKER: "w"}
    said_by = MAY_SAY[event.type]
    may = event.type not in PRIVILEGED or (
        bool(user) if Role.APPROVER in said_by else user in {by[role] for role in said_by}
    )
    given_ = Delivery(
        encode(event), content_type=STRUCTURED, routing_key=key_of(event), user_id=user
    )
    if may:
        assert open_door(given_, identities=known) == event
    else:
        with pytest.raises(InvalidEventError) as refused:
            open_door(given_, identities=known)
        assert refused.value.reason is RefusalReason.NOT_AUTHORISED


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with one value, deep inside, made junk, gone or beside a junk name."""
    document = json.loads(json.dumps(document))
    node, key = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 4)):
        node = node[key]
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        key = data.draw(st.sampled_from(list(keys)))
    match data.draw(st.sampled_from(["replace", "replace", "lengthen", "remove", "add"])):
        case "replace":
            node[key] = data.draw(junk_json)
        case "lengthen" if isinstance(node[key], str):
            node[key] += data.draw(st.text(max_size=3) | st.just("\n") | st.just(node[key] * 50))
        case "remove":
            del node[key]
        case "add" if isinstance(node, dict):
            node[data.draw(st.text(max_size=9))] = data.draw(junk_json)
    return document


@given(document=documents, data=st.data())
@fuzz
def test_a_golden_event_with_one_thing_changed_is_taken_or_refused(
    document: Any, data: st.DataObject
) -> None:
    body = json.dumps(changed(document, data)).encode()
    event = judge(Delivery(body, content_type=STRUCTURED, routing_key=key_of_body(body)))
    if event is not None:
        assert decode(encode(event)) == event


@given(document=documents, data=st.data())
@fuzz
def test_the_fast_validator_and_the_authority_are_of_one_opinion(
    document: Any, data: st.DataObject
) -> None:
    name = document["type"].removeprefix("devsecops.").removesuffix(".v1")
    try:
        made: Any = parse(json.dumps(changed(document, data)).encode(), max_bytes=MAX_BODY_BYTES)
    except InvalidEventError:
        reject()
    for schema, value in (("envelope", made), (name, made.get("data"))):
        fast = schemas._quick(schema).is_valid(value)
        assert fast == schemas.authority(schema).is_valid(value), schema


@pytest.mark.parametrize("unit", ["a", "a/", "-", ".", "@", "\n", "é", "0", ":", "../", "a.b"])
def test_no_text_however_long_keeps_a_pattern_busy(unit: str) -> None:
    """Not a timed test: a pattern that backtracks would outlast the test's own limit."""
    long = unit * (100_000 // len(unit))
    for each in good():
        document = json.loads(each.body)
        for node in (document, document["data"], document["data"].get("subject")):
            for key in [key for key in node or () if isinstance(node[key], str)]:
                kept, node[key] = node[key], long
                body = json.dumps(document, ensure_ascii=False).encode()
                with pytest.raises(InvalidEventError):
                    decode(body)
                node[key] = kept


@given(body=st.sampled_from([each.body for each in good()]), data=st.data())
@fuzz
def test_a_golden_event_with_some_bytes_changed_is_taken_or_refused(
    body: bytes, data: st.DataObject
) -> None:
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        end = at + data.draw(st.integers(0, 6))
        changed[at:end] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"\\u0000", b"]"])
        )
    judge(Delivery(bytes(changed), content_type=STRUCTURED, routing_key=key_of_body(body)))


@given(headers=junk_headers, document=documents, body=st.binary(max_size=60) | junk_json.map(repr))
@fuzz
def test_junk_headers_are_refused_in_binary_mode(headers: Any, document: Any, body: Any) -> None:
    good_headers = {f"ce-{name}": each for name, each in document.items() if name != "data"}
    data = body if isinstance(body, bytes) else canonical(document["data"])
    judge(Delivery(data, content_type="application/json", headers=good_headers | headers))


@given(key=st.text(max_size=60), exchange=st.sampled_from([topology.EVENTS, topology.REPLAY]))
@example(key="." * 300, exchange=topology.EVENTS)
def test_a_junk_key_is_refused(key: str, exchange: str) -> None:
    headers = {topology.KEY_HEADER: key}
    body = good()[0].body
    given_ = Delivery(body, STRUCTURED, headers, routing_key=key, exchange=exchange)
    assert judge(given_) is None


@given(body=st.binary(max_size=200) | junk_json.map(lambda value: json.dumps(value).encode()))
@fuzz
def test_junk_is_no_evidence(body: bytes) -> None:
    with pytest.raises(InvalidEventError):
        outcome_from_evidence(body)


def test_every_shape_survives_every_content_type_and_key() -> None:
    for shape in SHAPES:
        for content_type in (None, STRUCTURED, "application/json"):
            judge(Delivery(shape.body, content_type, shape.properties.get("headers", {})))


def key_of_body(body: bytes) -> str:
    try:
        return key_of(decode(body))
    except InvalidEventError:
        return "commit.pushed.acme:app._._._"
