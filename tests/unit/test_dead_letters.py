"""What a dead letter says of itself, who is meant by a filter, and what a replay sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda import codec
from devsecops_eda.broker import Borrowed
from devsecops_eda.codec import MAX_REJECT_BYTES, Delivery, open_door
from devsecops_eda.deadletters import Wanted, letter_of, obstacle, refused_again, replayed
from devsecops_eda.deadletters.telling import told
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import EventType
from devsecops_eda.roles import PRIVILEGED
from devsecops_eda.topology import (
    DEATHS_HEADER,
    DELIVERY_LIMIT,
    EVENTS,
    FIRST_HEADER,
    KEY_HEADER,
    LAST_HEADER,
    REASON_HEADER,
    REPLAY,
    USER_HEADER,
    Identities,
    queue_name,
)
from tests.examples import golden, good
from tests.letters import FIRST, LAST, PUSH, borrowed, buried, by_broker

KEY = codec.key_of(PUSH)
NOBODY = Identities()


def test_a_letter_of_a_worker_says_reason_origin_and_history() -> None:
    letter = letter_of(buried())
    assert (letter.reason, letter.path) == (RefusalReason.FUTURE_TIME, "/time")
    assert (letter.queue, letter.key, letter.user) == (queue_name("approval"), KEY, "ci-acme")
    assert (letter.type, letter.repo, letter.message_id) == ("commit.pushed", "acme:app", PUSH.id)
    assert (letter.first, letter.last) == (FIRST, LAST)
    assert (letter.deaths, letter.deliveries, letter.by_broker) == (2, 3, False)


def test_a_letter_of_the_broker_says_what_the_broker_knows() -> None:
    letter = letter_of(by_broker())
    assert letter.reason is RefusalReason.DELIVERY_LIMIT
    assert (letter.queue, letter.key, letter.user) == (queue_name("semgrep"), KEY, "ci-acme")
    assert (letter.first, letter.last, letter.deaths) == (LAST, LAST, 1)
    assert (letter.deliveries, letter.by_broker) == (DELIVERY_LIMIT + 1, True)


@pytest.mark.parametrize(
    ("word", "size", "reason"),
    [
        ("rejected", None, RefusalReason.REJECTED),
        ("rejected", MAX_REJECT_BYTES, RefusalReason.REJECTED),
        ("rejected", MAX_REJECT_BYTES + 1, RefusalReason.TOO_LARGE),
        ("delivery_limit", MAX_REJECT_BYTES + 1, RefusalReason.DELIVERY_LIMIT),
        ("expired", None, RefusalReason.OTHER),
        ("maxlen", None, RefusalReason.OTHER),
        ("what comes with the next version", None, RefusalReason.OTHER),
    ],
)
def test_the_words_of_the_broker_become_ours(
    word: str, size: int | None, reason: RefusalReason
) -> None:
    letter = letter_of(by_broker(reason=word, size=size))
    assert letter.reason is reason
    assert letter.detail


FORGED = {
    REASON_HEADER: "not_json",
    KEY_HEADER: codec.key_of(golden("deployment.requested", "commit")),
    USER_HEADER: "ada",
    DEATHS_HEADER: 9,
    FIRST_HEADER: "2020-01-01T00:00:00Z",
}


def test_what_a_sender_writes_into_our_headers_is_not_believed_of_a_letter_of_the_broker() -> None:
    # RabbitMQ before 4.0 writes on in an x-death that the sender forged: exchange, keys and time
    # of the head may be his.
    record = {"exchange": REPLAY, "routing-keys": ["evil"], "time": "never"}
    letter = letter_of(by_broker(headers=FORGED, record=record))
    assert letter.reason is RefusalReason.DELIVERY_LIMIT
    assert (letter.key, letter.user, letter.deaths, letter.first) == (KEY, "ci-acme", 1, None)
    assert letter_of(by_broker(headers=FORGED, user=None)).user == ""
    message = replayed(letter, by_broker(headers=FORGED, record=record))
    kept = {KEY_HEADER: KEY, USER_HEADER: "ci-acme", DEATHS_HEADER: 1}
    assert message.properties["headers"] == kept


def test_a_replay_that_the_broker_gave_up_is_still_of_him_who_said_it_first() -> None:
    queue = queue_name("semgrep")
    history = {
        KEY_HEADER: KEY,
        USER_HEADER: "ci-acme",
        DEATHS_HEADER: 2,
        FIRST_HEADER: codec.format_time(FIRST),
    }
    letter = letter_of(by_broker(key=queue, queue=queue, headers=history, user="operator"))
    assert (letter.key, letter.user) == (KEY, "ci-acme")
    assert (letter.first, letter.last, letter.deaths) == (FIRST, LAST, 3)


def test_a_letter_without_anything_is_one_too() -> None:
    letter = letter_of(borrowed(b"", {}))
    assert (letter.reason, letter.queue, letter.key) == (RefusalReason.OTHER, None, "")
    assert (letter.first, letter.last, letter.deaths, letter.deliveries) == (None, None, 1, None)
    assert letter.detail
    assert obstacle(letter, borrowed(b"", {}))


def test_a_letter_keeps_its_name_through_refusals_and_another_message_has_another() -> None:
    name = letter_of(buried()).id
    again = {DEATHS_HEADER: 7, LAST_HEADER: "2026-05-01T00:00:00Z", REASON_HEADER: "expired"}
    message = buried().message
    headers = {**message.properties.headers, **again}
    assert letter_of(borrowed(message.body, headers, message_id=PUSH.id)).id == name
    others = [
        buried(body=b"{"),
        buried(queue=queue_name("semgrep")),
        buried(message_id="other"),
        buried(message_id=None),
    ]
    assert len({name, *(letter_of(other).id for other in others)}) == 5
    # A long body is cut in our hands; its name is that of all of it.
    long = replace(buried(), digest="f" * 64)
    assert letter_of(long).id != name


hostile = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=9)
    | st.text(st.characters() | st.sampled_from("\0\ud800"), max_size=40)
    | st.datetimes() | st.lists(st.text(max_size=5), max_size=2)
    | st.lists(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=2), max_size=2)
)  # fmt: skip
names = st.sampled_from([*FORGED, LAST_HEADER, "x-death", "CC", b"\xff"]) | st.text(max_size=9)


@given(headers=st.dictionaries(names, hostile, max_size=8), id_=hostile, key=st.text(max_size=40))
def test_whatever_stands_there_has_a_name_and_can_be_replayed_or_says_why_not(
    headers: dict[Any, Any], id_: Any, key: str
) -> None:
    found = borrowed(b"{", headers, key=key, message_id=id_, correlation_id=id_)
    letter = letter_of(found)
    assert len(letter.id) == 16
    if obstacle(letter, found) is None:
        message = replayed(letter, found)
        assert message.key.startswith(queue_name(""))
        assert refused_again(letter, found, identities=NOBODY)
    event = told(EventType.MESSAGE_DROPPED, letter, found, id_="x", now=LAST)
    assert codec.decode(codec.encode(event)) == event


@pytest.mark.parametrize("type_", sorted(PRIVILEGED))
def test_what_a_verdict_rests_on_is_never_replayed(type_: EventType) -> None:
    example = next(each for each in good() if each.type == type_.value)
    event = codec.decode(example.body)
    of_both = buried(event)
    of_the_body = replace_header(of_both, KEY_HEADER, "commit.pushed.acme:app._._._")
    of_the_key = buried(event, body=b"{")
    for found in (of_both, of_the_body, of_the_key):
        assert "never replayed" in (obstacle(letter_of(found), found) or "")
    # And were it, the door would refuse it.
    assert refused_again(letter_of(of_both), of_both, identities=NOBODY).startswith(
        RefusalReason.NOT_REPLAYABLE.value
    )


def replace_header(found: Borrowed, name: str, value: str) -> Borrowed:
    message = found.message
    known = vars(message.properties)
    given = {key: known[key] for key in ("message_id", "content_type", "type", "correlation_id")}
    return borrowed(message.body, {**known["headers"], name: value}, **given)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (by_broker(reason="rejected", size=MAX_REJECT_BYTES + 1), "over the bound"),
        (buried(queue=""), "which queue"),
        (buried(queue="devsecops.reply.ci.x.y"), "no queue of a check"),
        (buried(reason="copied"), "rights on routing keys"),
        (by_broker(headers={"BCC": ["devsecops.check.approval"]}), "rights on routing keys"),
    ],
)
def test_what_cannot_be_replayed_says_why(found: Borrowed, why: str) -> None:
    assert why in (obstacle(letter_of(found), found) or "")


def test_a_replay_is_the_same_message_with_its_history_beside_it() -> None:
    kept = {"ce-id": "7", "n": 3, "Note": "é"}
    dropped = {"x-delivery-count": 4, "x-death": "no list", "x-devsecops-x": "y", "f": 1.5}
    found = buried(headers={**kept, **dropped})
    letter = letter_of(found)
    message = replayed(letter, found)
    assert (message.exchange, message.key, message.mandatory) == (REPLAY, letter.queue, True)
    assert message.body == codec.encode(PUSH)
    assert message.properties["message_id"] == PUSH.id
    assert message.properties["content_type"] == codec.CONTENT_TYPE
    assert message.properties["headers"] == {
        **kept,
        KEY_HEADER: KEY,
        USER_HEADER: "ci-acme",
        DEATHS_HEADER: 2,
        FIRST_HEADER: codec.format_time(FIRST),
    }
    pika.BasicProperties(**message.properties).encode()


def test_a_replay_passes_the_door_that_the_event_would_pass() -> None:
    found = buried()
    assert refused_again(letter_of(found), found, identities=NOBODY) == ""
    elsewhere = replace_header(found, KEY_HEADER, KEY.replace("acme:app", "acme:other"))
    again = refused_again(letter_of(elsewhere), elsewhere, identities=NOBODY)
    assert again.startswith(RefusalReason.KEY_MISMATCH.value)
    # On the exchange of all the same headers are worth nothing.
    headers = replayed(letter_of(found), found).properties["headers"]
    with pytest.raises(InvalidEventError):
        open_door(
            Delivery(codec.encode(PUSH), codec.CONTENT_TYPE, headers, queue_name("x"), EVENTS),
            identities=NOBODY,
        )


@pytest.mark.parametrize(
    ("wanted", "means"),
    [
        (Wanted(), True),
        (Wanted(ids=("ffffff",)), False),
        (Wanted(reasons=("future_time",)), True),
        (Wanted(reasons=("expired", "future_time")), True),
        (Wanted(reasons=("expired",)), False),
        (Wanted(queues=("approval",)), True),
        (Wanted(queues=(queue_name("approval"),)), True),
        (Wanted(queues=("semgrep",)), False),
        (Wanted(types=("commit.pushed",)), True),
        (Wanted(types=("scan.requested",)), False),
        (Wanted(repos=("Acme/App",)), True),
        (Wanted(repos=("acme/other",)), False),
        (Wanted(users=("ci-acme",)), True),
        (Wanted(users=("ci",)), False),
        (Wanted(since=LAST), True),
        (Wanted(since=LAST + timedelta(microseconds=1)), False),
        (Wanted(until=LAST), False),
        (Wanted(until=LAST + timedelta(microseconds=1)), True),
        (Wanted(reasons=("future_time",), queues=("semgrep",)), False),
    ],
)
def test_a_letter_is_meant_when_each_kind_of_condition_holds(wanted: Wanted, means: bool) -> None:
    assert wanted.means(letter_of(buried())) is means
    assert wanted.everything is (wanted == Wanted())


def test_a_letter_is_named_by_the_beginning_of_its_name() -> None:
    letter = letter_of(buried())
    assert Wanted(ids=("000000", letter.id[:6])).means(letter)


def test_what_has_no_time_is_in_no_span() -> None:
    letter = letter_of(borrowed(b"", {}))
    assert Wanted().means(letter)
    assert not Wanted(since=FIRST).means(letter)
    assert not Wanted(until=LAST).means(letter)
