"""The door: who may bring what, and what every malformed message gets for an answer."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from devsecops_eda import topology
from devsecops_eda.codec import Delivery, encode, key_of, open_door
from devsecops_eda.codec.strict import MAX_DETAIL_CHARS, MAX_PATH_CHARS
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Event, EventType
from devsecops_eda.topology import Identities
from tests.examples import golden
from tests.malformed import BINARY_GOOD, PUSH, RESCAN, SCAN, SHAPES, STRUCTURED, Shape

OURS = Identities()
DECISION = golden("decision.made", "deny")


def delivery(event: Event, user: str | None = None) -> Delivery:
    return Delivery(encode(event), content_type=STRUCTURED, routing_key=key_of(event), user_id=user)


def refused(given: Delivery, identities: Identities = OURS) -> InvalidEventError:
    with pytest.raises(InvalidEventError) as caught:
        open_door(given, identities=identities)
    return caught.value


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_malformed_message_is_refused_with_its_reason(shape: Shape) -> None:
    answer = refused(shape.delivery())
    assert answer.reason is shape.expected_reason
    assert 10 < len(answer.detail) <= MAX_DETAIL_CHARS
    assert len(answer.path) <= MAX_PATH_CHARS
    assert answer.detail.replace("…", "").isprintable()
    assert answer.path.replace("…", "").isascii()


def test_the_shapes_are_many_and_each_is_told_apart() -> None:
    assert len(SHAPES) >= 22
    assert max(Counter(shape.name for shape in SHAPES).values()) == 1
    told = {shape.expected_reason for shape in SHAPES}
    # Gate and worker say these, not the door.
    later = {"id_conflict", "future_time", "expired", "unknown_id", "internal", "other"}
    assert told == {reason for reason in RefusalReason if reason.value not in later}


@pytest.mark.parametrize(
    ("event", "user"),
    [
        (PUSH, None),
        (PUSH, "ci-acme"),
        (RESCAN, None),
        (SCAN, "devsecops-worker-semgrep"),
        (DECISION, "devsecops-gate"),
    ],
)
def test_who_may_say_it_is_let_in(event: Event, user: str | None) -> None:
    assert open_door(delivery(event, user), identities=OURS) == event


@pytest.mark.parametrize("type_", sorted(topology.PRIVILEGED))
@pytest.mark.parametrize("user", [None, "", "ci-acme", "devsecops-worker-safety"])
def test_nobody_else_may_say_what_opens_a_gate(type_: EventType, user: str | None) -> None:
    names = {"scan.completed": "semgrep_findings", "scan.failed": "timeout"}
    event = golden(type_.value, names.get(type_.value, "allow"))
    assert refused(delivery(event, user)).reason is RefusalReason.NOT_AUTHORISED


def test_the_sole_user_of_a_trial_may_say_everything() -> None:
    alone = Identities(sole_user="me")
    assert open_door(delivery(SCAN, "me"), identities=alone) == SCAN
    assert refused(delivery(SCAN, "you"), alone).reason is RefusalReason.NOT_AUTHORISED


def test_only_the_words_that_rights_are_held_to_are_compared() -> None:
    words = key_of(PUSH).split(".")
    words[3:5] = ["another-branch", "x"]
    given = replace(delivery(PUSH), routing_key=".".join([*words, "more"]))
    assert open_door(given, identities=OURS) == PUSH


def test_a_request_for_one_check_does_not_come_under_the_name_of_another() -> None:
    words = key_of(RESCAN).split(".")
    words[3] = "semgrep"
    given = replace(delivery(RESCAN), routing_key=".".join(words))
    assert refused(given).reason is RefusalReason.KEY_MISMATCH


def test_a_replayed_message_is_held_to_its_original_key() -> None:
    replayed = replace(
        delivery(PUSH),
        exchange=topology.REPLAY,
        routing_key=topology.queue_name("semgrep"),
        headers={topology.KEY_HEADER: key_of(PUSH)},
    )
    assert open_door(replayed, identities=OURS) == PUSH
    other = key_of(PUSH).replace("acme:app", "acme:other")
    wrong = replace(replayed, headers={topology.KEY_HEADER: other})
    assert refused(wrong).reason is RefusalReason.KEY_MISMATCH


def test_the_header_with_the_original_key_is_believed_only_on_replay() -> None:
    given = replace(
        delivery(PUSH),
        routing_key=key_of(PUSH).replace("acme:app", "acme:other"),
        headers={topology.KEY_HEADER: key_of(PUSH)},
    )
    assert refused(given).reason is RefusalReason.KEY_MISMATCH


@pytest.mark.parametrize("type_", sorted(topology.PRIVILEGED))
def test_what_opens_a_gate_is_never_replayed_not_even_by_who_may_say_it(type_: EventType) -> None:
    names = {"scan.completed": "semgrep_findings", "scan.failed": "timeout"}
    event = golden(type_.value, names.get(type_.value, "allow"))
    given = replace(
        delivery(event, "me"),
        exchange=topology.REPLAY,
        headers={topology.KEY_HEADER: key_of(event)},
    )
    answer = refused(given, Identities(sole_user="me"))
    assert answer.reason is RefusalReason.NOT_REPLAYABLE


def test_binary_mode_says_the_same_as_structured_mode() -> None:
    assert open_door(BINARY_GOOD, identities=OURS) == replace(PUSH, traceparent=None)


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON"])
def test_binary_mode_does_not_mind_how_json_is_called(media: str) -> None:
    assert open_door(replace(BINARY_GOOD, content_type=media), identities=OURS).id == PUSH.id


@pytest.mark.parametrize(
    "media",
    [STRUCTURED + "; charset=utf-8", STRUCTURED.upper(), STRUCTURED + ' ;charset="UTF-8"; v=1'],
)
def test_structured_mode_may_carry_parameters(media: str) -> None:
    assert open_door(replace(delivery(PUSH), content_type=media), identities=OURS) == PUSH


def test_binary_mode_may_not_be_said_by_anyone_else_either() -> None:
    body = json.loads(encode(SCAN))
    data = json.dumps(body.pop("data")).encode()
    headers = {f"CE-{name}": value for name, value in body.items() if name != "datacontenttype"}
    given = Delivery(
        data, content_type="application/json", headers=headers, routing_key=key_of(SCAN)
    )
    assert refused(given).reason is RefusalReason.NOT_AUTHORISED
    known = replace(given, user_id="devsecops-worker-semgrep")
    assert open_door(known, identities=OURS) == SCAN


def test_celery_headers_do_no_harm_to_a_good_event() -> None:
    given = replace(delivery(PUSH), headers={"task": "x", "timelimit": "x", "id": None})
    assert open_door(given, identities=OURS) == PUSH


def test_the_first_thing_wrong_is_the_one_that_is_told() -> None:
    """Each body is wrong in two ways; the earlier check of the two answers."""
    bad_key = {"content_type": STRUCTURED, "routing_key": "x"}
    for body, reason in (
        (b"\xff" * 200_000, RefusalReason.TOO_LARGE),
        (b"\xff" + b"[" * 99, RefusalReason.NOT_UTF8),
        (b"[" * 99 + b"," * 5000, RefusalReason.TOO_DEEP),
        (b"[" + b"NaN," * 5000, RefusalReason.TOO_MANY_ITEMS),
        (b'{"a":1,"a":NaN}', RefusalReason.BAD_NUMBER),
        (b'{"type":"x","a":"\\u0000"}', RefusalReason.BAD_TEXT),
        (encode(SCAN), RefusalReason.KEY_MISMATCH),
    ):
        assert refused(Delivery(body, **bad_key)).reason is reason  # type: ignore[arg-type]
    copied = replace(delivery(SCAN), headers={"CC": []})
    assert refused(copied).reason is RefusalReason.COPIED


def test_no_foreign_text_gets_whole_into_the_sentence() -> None:
    hostile = "\x1b[2J\u202e<script>" + "A" * 5000
    document = json.loads(encode(PUSH))
    for change in ({"type": hostile}, {"dataschema": hostile}, {"specversion": hostile}):
        body = json.dumps(document | change).encode()
        answer = refused(replace(delivery(PUSH), body=body))
        assert "\x1b" not in str(answer)
        assert "\u202e" not in str(answer)
        assert "A" * 100 not in str(answer)
    twice = b'{"' + b"A" * 5000 + b'":1,"' + b"A" * 5000 + b'":2}'
    assert len(refused(replace(delivery(PUSH), body=twice)).detail) <= MAX_DETAIL_CHARS
