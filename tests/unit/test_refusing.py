"""Whatever properties a refused message has, its refusal is said, and its letter written once."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("celery")

from celery.exceptions import Reject

from devsecops_eda import codec, topology
from devsecops_eda.errors import (
    BrokerUnreachableError,
    DevSecOpsError,
    NotAuthorisedError,
    PublishRefusedError,
    RefusalReason,
)
from devsecops_eda.model import DeadLettered, Event, trace_after
from devsecops_eda.worker.outgoing import buried
from devsecops_eda.worker.refusing import DeadLetter, Refusal, refuse_or_give_back
from tests.unit.test_doorway import arguments_of, delivered, doorway

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

HISTORY = (
    *(topology.FIRST_HEADER, topology.LAST_HEADER, topology.DEATHS_HEADER),
    topology.DELIVERIES_HEADER,
)

# As py-amqp reads them: it lets surrogates pass, and gives bytes where there is no UTF-8.
hostile = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\ud83d\U0010ffff"), max_size=255)
headers = st.dictionaries(
    hostile | st.binary(max_size=20) | st.sampled_from(["CC", "x-devsecops-reason", "\0" * 255]),
    hostile
    | st.binary()
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.none()
    | st.floats()
    | st.datetimes()
    | st.lists(hostile, max_size=2),
    max_size=5,
)
properties = st.fixed_dictionaries(
    {"headers": headers},
    optional=dict.fromkeys(
        ("content_type", "message_id", "type", "correlation_id", "app_id", "user_id"), hostile
    ),
)


def said(refusal: Refusal) -> tuple[DeadLettered, dict[str, Any]]:
    """Say a refusal as the wire needs it said; return the event's data and the letter's headers."""
    event = refusal.event(NOW)
    assert codec.decode(codec.encode(event)) == event
    letter = buried(refusal.letter(NOW)).properties
    b"".join(pika.BasicProperties(**letter, user_id="x").encode())
    assert isinstance(event.data, DeadLettered)
    codec_text = [*letter["headers"], *letter["headers"].values(), *letter.values()]
    assert not [text for text in codec_text if isinstance(text, str) and "\0" in text]
    return event.data, letter["headers"]


def test_a_word_of_the_message_that_is_quoted_is_masked_where_it_looks_like_a_secret() -> None:
    token = "ghp_" + "a1" * 18
    body = b'{"specversion": "1.0", "id": "1", "source": "s", "type": "devsecops.commit.pushed.v1"'
    body += b', "dataschema": "https://ci:hush@h/1", "time": "2026-01-01T00:00:00Z", "data": {}}'
    for message, key in ((delivered(body, {}, "a.b.c"), ""), (delivered(b"{}", {}, token), token)):
        refusal = Refusal(*arguments_of(doorway().admit(message)))
        told, headers = said(refusal)
        for text in (told.detail, told.path, headers[topology.DETAIL_HEADER], refusal.said):
            assert "hush" not in text
            assert token not in text
        # Whoever may read the dead letters reads it as it came.
        assert headers[topology.KEY_HEADER] == key or not key


@given(properties=properties, key=hostile)
@settings(max_examples=200)
def test_any_refusal_can_be_buried_and_told(properties: dict[str, Any], key: str) -> None:
    made = doorway().admit(delivered(b"{", properties, key))
    refusal = Refusal(*arguments_of(made))
    told, headers = said(refusal)
    assert headers[topology.REASON_HEADER] == told.reason == refusal.reason
    assert told.queue == topology.queue_name("semgrep")


@given(detail=hostile, path=hostile, user=hostile, key=hostile)
def test_what_the_gate_refuses_can_be_buried_and_told(
    detail: str, path: str, user: str, key: str
) -> None:
    origin = {"queue": "devsecops.check.approval", "routing_key": key, "user": user}
    said(Refusal("", RefusalReason.INTERNAL.value, detail, path, origin, {}, {}))


def test_what_can_be_said_is_said_as_it_came() -> None:
    properties = {"message_id": "id é", "user_id": "ci-app", "headers": {"a": "b é", "n": 7}}
    made = doorway().admit(delivered(b"{", properties, "commit.pushed.a._._._"))
    refusal = Refusal(*arguments_of(made))
    told, headers = said(refusal)
    assert (told.message_id, told.user) == ("id é", "ci-app")
    assert (headers["a"], headers["n"]) == ("b é", 7)
    assert headers[topology.KEY_HEADER] == "commit.pushed.a._._._"
    assert refusal.letter(NOW).properties["message_id"] == "id é"
    assert refusal.letter(NOW).body == b"{"


def test_a_letter_says_when_it_was_refused_first_and_last_and_how_often() -> None:
    made = doorway().admit(delivered(b"{", {"headers": {"x-delivery-count": 4}}, "a.b"))
    letter = Refusal(*arguments_of(made)).letter(NOW)
    told = {name: letter.headers[name] for name in HISTORY}
    assert told == dict(zip(HISTORY, ("2026-01-01T00:00:00Z",) * 2 + (1, 5), strict=True))
    origin = {"queue": "q", "routing_key": "", "user": "", "first": "2025-01-01T00:00:00Z"}
    again = Refusal("", "not_json", "", "", {**origin, "deaths": "1"}, {}, {}).letter(NOW)
    told = {name: again.headers[name] for name in HISTORY}
    assert list(told.values()) == ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 2, 1]


def test_each_refusal_of_one_message_is_a_fact_of_its_own() -> None:
    origin = {"queue": "q", "routing_key": "", "user": ""}
    histories: tuple[dict[str, str], ...] = ({}, {"deaths": "1"}, {"deaths": "2"})
    told = [Refusal("", "not_json", "", "", {**origin, **h}, {}, {}) for h in histories]
    assert len({refusal.event(NOW).id for refusal in told}) == 3


@pytest.mark.parametrize(
    ("body", "headers", "known"),
    [
        (f'{{"traceparent": "{TRACE}"}}'.encode(), {}, True),
        (b"{", {"ce-traceparent": TRACE}, True),
        (b'{"traceparent": "00-1-2-3"}', {}, False),
        (f'{{"traceparent": "{TRACE}\\n"}}'.encode(), {}, False),
        (b"{", {"ce-traceparent": "ff" + TRACE[2:]}, False),
        (b"{", {}, False),
    ],
)
def test_a_refusal_is_of_the_trace_of_its_message_where_that_is_one(
    body: bytes, headers: dict[str, Any], known: bool
) -> None:
    made = doorway().admit(delivered(body, {"headers": headers}, "a.b"))
    event = Refusal(*arguments_of(made)).event(NOW)
    assert codec.decode(codec.encode(event)) == event
    assert event.traceparent == (trace_after(TRACE, event.id) if known else None)
    assert bool(event.traceparent) is known


@dataclass
class Speaker:
    """A stand-in for the publisher: it fails as it is told to, and counts."""

    bury_fails: list[DevSecOpsError] = field(default_factory=list)
    tell_fails: list[DevSecOpsError] = field(default_factory=list)
    buried: int = 0
    told: int = 0

    def bury(self, letter: DeadLetter) -> None:
        if self.bury_fails:
            raise self.bury_fails.pop()
        self.buried += 1

    def tell(self, event: Event) -> None:
        if self.tell_fails:
            raise self.tell_fails.pop()
        self.told += 1


def refuse(speaker: Speaker, *, wait_s: float = 30) -> None:
    origin = {"queue": "devsecops.check.semgrep", "routing_key": "a.b", "user": "ci"}
    body = base64.b64encode(b"{").decode()
    refusal = Refusal(body, RefusalReason.NOT_JSON.value, "no JSON", "", origin, {}, {})
    refuse_or_give_back(refusal, publisher=speaker, wait_s=wait_s, now=NOW)


def test_a_letter_is_buried_once_however_often_it_must_be_told() -> None:
    speaker = Speaker(
        bury_fails=[BrokerUnreachableError("away"), PublishRefusedError("full")],
        tell_fails=[BrokerUnreachableError("away")] * 2,
    )
    refuse(speaker)
    assert (speaker.buried, speaker.told) == (1, 1)


@pytest.mark.parametrize("error", [PublishRefusedError("no"), NotAuthorisedError("no")])
def test_what_can_never_be_told_is_logged_and_ends_with_its_letter(
    error: DevSecOpsError, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speaker(tell_fails=[error] * 9)
    refuse(speaker)
    assert (speaker.buried, speaker.told, len(speaker.tell_fails)) == (1, 0, 8)
    assert "a refusal cannot be told" in caplog.text


@pytest.mark.parametrize(
    "speaker",
    [
        Speaker(bury_fails=[PublishRefusedError("full")] * 99),
        Speaker(tell_fails=[BrokerUnreachableError("away")] * 99),
    ],
    ids=["not buried", "not told"],
)
def test_what_cannot_be_said_for_long_goes_back(speaker: Speaker) -> None:
    with pytest.raises(Reject) as raised:
        refuse(speaker, wait_s=0)
    assert raised.value.requeue
