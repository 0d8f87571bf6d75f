"""The door: who may bring what, and what every malformed message gets for an answer."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from devsecops_eda import topology
from devsecops_eda.codec import Delivery, decode, encode, key_of, open_door
from devsecops_eda.codec.strict import MAX_DETAIL_CHARS, MAX_PATH_CHARS
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Event, EventType
from devsecops_eda.roles import MAY_SAY, PRIVILEGED, Role
from devsecops_eda.topology import Identities
from tests.examples import golden, good
from tests.malformed import BINARY_GOOD, PUSH, RESCAN, SCAN, SHAPES, STRUCTURED, Shape

OURS = Identities()
DECISION = golden("decision.made", "deny")


def delivery(event: Event, user: str | None = None) -> Delivery:
    return Delivery(encode(event), content_type=STRUCTURED, routing_key=key_of(event), user_id=user)


def first(type_: EventType) -> Event:
    """The golden event of that type that speaks of semgrep, where there is one."""
    found = [decode(each.body) for each in good() if each.type == type_.value]
    return max(found, key=lambda event: getattr(event.data, "check", None) == "semgrep")


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
    # Gate, worker and broker say these, not the door.
    later = {"id_conflict", "future_time", "expired", "unknown_id", "internal", "other"}
    later |= {"delivery_limit", "rejected"}
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


PEOPLE = frozenset(type_ for type_, roles in MAY_SAY.items() if Role.APPROVER in roles)
HELD = sorted(PRIVILEGED - PEOPLE)


@pytest.mark.parametrize("type_", HELD)
@pytest.mark.parametrize("user", [None, "", "ci-acme", "devsecops-worker-safety"])
def test_nobody_else_may_say_what_opens_a_gate(type_: EventType, user: str | None) -> None:
    assert refused(delivery(first(type_), user)).reason is RefusalReason.NOT_AUTHORISED


@pytest.mark.parametrize("type_", sorted(PEOPLE & PRIVILEGED))
def test_what_people_say_needs_the_brokers_word_on_who_says_it(type_: EventType) -> None:
    event = first(type_)
    for nobody in (None, ""):
        assert refused(delivery(event, nobody)).reason is RefusalReason.NOT_AUTHORISED
    # Whether this user is a person who may is judged by the gate, which records the reason.
    assert open_door(delivery(event, "ada"), identities=OURS) == event


def test_the_privileged_are_those_that_a_verdict_may_rest_on() -> None:
    rooms = {type_.value.partition(".")[0] for type_ in PRIVILEGED}
    assert rooms == {"scan", "decision", "approval", "waiver", "override", "artifact", "listing"}
    others = {
        *("commit.pushed", "scan.requested", "decision.requested", "message.dead_lettered"),
        *("deployment.requested", "listing.requested", "message.replayed", "message.dropped"),
    }
    assert {type_.value for type_ in set(EventType) - PRIVILEGED} == others


def test_each_privileged_type_is_let_in_from_who_may_say_it() -> None:
    said_by = {Role.GATE: "g", Role.SCAN_WORKER: "w", Role.BUILDER: "b", Role.APPROVER: "a"}
    known = Identities(gate="g", workers={"semgrep": "w"}, builders=frozenset({"b"}))
    for type_ in sorted(PRIVILEGED):
        event = first(type_)
        (role,) = MAY_SAY[type_]
        for user in said_by.values():
            if user == said_by[role] or role is Role.APPROVER:
                assert open_door(delivery(event, user), identities=known) == event
            else:
                answer = refused(delivery(event, user), known)
                assert answer.reason is RefusalReason.NOT_AUTHORISED, (type_, user)


@pytest.mark.parametrize("user", [None, "ci-acme"])
def test_a_wish_to_deploy_is_taken_from_anybody(user: str | None) -> None:
    event = golden("deployment.requested", "commit")
    assert open_door(delivery(event, user), identities=OURS) == event


def test_a_builder_publishes_under_the_name_of_his_repository_only() -> None:
    event = golden("artifact.published", "image")
    ours = Identities(builders=frozenset({"builder"}))
    key = key_of(event).replace("acme:app", "acme:other")
    other = replace(delivery(event, "builder"), routing_key=key)
    assert refused(other, ours).reason is RefusalReason.KEY_MISMATCH


def test_a_question_about_every_repository_does_not_come_under_the_name_of_one() -> None:
    event = golden("listing.requested", "open_approvals")
    key = key_of(event).replace("._.approvals", ".acme:app.approvals")
    assert refused(replace(delivery(event), routing_key=key)).reason is RefusalReason.KEY_MISMATCH


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


@pytest.mark.parametrize("type_", sorted(PRIVILEGED))
def test_what_opens_a_gate_is_never_replayed_not_even_by_who_may_say_it(type_: EventType) -> None:
    event = first(type_)
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
