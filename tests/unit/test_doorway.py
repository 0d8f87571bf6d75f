"""The door in front of Celery: every message becomes a task of ours, none gets through as it is."""

import base64
import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("celery")

from devsecops_eda.codec import MAX_REJECT_BYTES, encode, key_of, properties_of
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import Event
from devsecops_eda.topology import (
    DEATHS_HEADER,
    EVENTS,
    FIRST_HEADER,
    KEY_HEADER,
    REPLAY,
    USER_HEADER,
    Identities,
    queue_name,
)
from devsecops_eda.worker.doorway import (
    MAX_BUGS_IN_A_ROW,
    REFUSE_TASK,
    SCAN_TASK,
    Doorway,
)
from tests.examples import golden
from tests.malformed import SHAPES, Shape

PUSH = golden("commit.pushed", "branch_with_target")


@dataclass
class Channel:
    """A stand-in for the transport's channel: it notes what was rejected."""

    rejected: list[tuple[int, bool]] = field(default_factory=list)

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        self.rejected.append((tag, requeue))


@dataclass
class Delivered:
    """A message as py-amqp hands it over."""

    body: bytes
    properties: dict[str, Any]
    delivery_info: dict[str, Any]
    channel: Channel = field(default_factory=Channel)


def delivered(
    body: bytes, properties: dict[str, Any], key: str, exchange: str = EVENTS
) -> Delivered:
    more = dict(properties)
    headers = more.pop("headers", {})
    # As a broker has it that counts by itself.
    again = {"redelivered": "x-delivery-count" in headers}
    return Delivered(
        body,
        {**more, "application_headers": headers},
        {"routing_key": key, "exchange": exchange, "delivery_tag": 7, **again},
    )


def good(**headers: Any) -> Delivered:
    properties: dict[str, Any] = {**properties_of(PUSH), "user_id": "ci-app", "headers": headers}
    return delivered(encode(PUSH), properties, key_of(PUSH))


def doorway(stopped: list[int] | None = None) -> Doorway:
    return Doorway(
        "semgrep",
        identities=Identities(),
        stop=lambda: stopped.append(1) if stopped is not None else None,
    )


def task_of(message: Any) -> str:
    return str(message.properties["application_headers"]["task"])


def arguments_of(message: Any) -> list[Any]:
    arguments, keywords, _embed = json.loads(message.body)
    assert keywords == {}
    return list(arguments)


def test_a_good_event_becomes_the_task_of_the_queue_with_its_user_and_attempt() -> None:
    made = doorway().admit(good(**{"x-delivery-count": 2}))
    assert task_of(made) == SCAN_TASK
    assert arguments_of(made) == [encode(PUSH).decode(), "ci-app", 3]


@pytest.mark.parametrize("count", [99, -1, "x", None])
def test_a_message_that_comes_for_the_first_time_has_not_come_before_whatever_it_says(
    count: object,
) -> None:
    message = good(**{"x-delivery-count": count})
    message.delivery_info["redelivered"] = False
    assert arguments_of(doorway().admit(message)) == [encode(PUSH).decode(), "ci-app", 1]


def test_the_delivered_message_stays_as_it_came() -> None:
    message = good()
    before = copy.deepcopy((message.body, message.properties, message.delivery_info))
    doorway().admit(message)
    assert (message.body, message.properties, message.delivery_info) == before


def test_the_same_event_becomes_the_same_task() -> None:
    first, second = doorway().admit(good()), doorway().admit(good(**{"x-delivery-count": 1}))
    assert first is not None
    assert second is not None
    assert first.properties["correlation_id"] == second.properties["correlation_id"]


@pytest.mark.parametrize(
    "shape", [s for s in SHAPES if len(s.body) <= MAX_REJECT_BYTES], ids=lambda s: str(s.name)
)
def test_every_malformed_message_becomes_a_refusal_with_its_bytes_and_reason(shape: Shape) -> None:
    message = delivered(shape.body, dict(shape.properties), shape.routing_key, shape.exchange)
    made = doorway().admit(message)
    assert task_of(made) == REFUSE_TASK
    body, reason, *_ = arguments_of(made)
    assert base64.b64decode(body) == shape.body
    assert reason == shape.expected_reason.value


def test_no_foreign_header_survives() -> None:
    headers = {"task": "os.system", "id": None, "timelimit": "x", "retries": "many", "eta": "never"}
    made = doorway().admit(good(**headers))
    ours = made.properties["application_headers"] if made else {}
    assert ours["task"] == SCAN_TASK
    assert ours["retries"] == 0
    assert ours["eta"] is None
    assert ours["timelimit"] == [None, None]


def test_what_is_over_the_hard_limit_is_rejected_at_once() -> None:
    message = delivered(b"x" * (MAX_REJECT_BYTES + 1), {}, key_of(PUSH))
    assert doorway().admit(message) is None
    assert message.channel.rejected == [(7, False)]


def test_a_bug_of_ours_refuses_a_few_and_then_stops_the_worker() -> None:
    stopped: list[int] = []
    door = doorway(stopped)
    broken = good()
    broken.properties = {"application_headers": 5}  # what no transport delivers
    for _ in range(MAX_BUGS_IN_A_ROW - 1):
        assert door.admit(broken) is not None
    assert not stopped
    assert door.admit(broken) is None
    assert stopped


def test_good_events_in_between_make_bugs_no_row() -> None:
    stopped: list[int] = []
    door = doorway(stopped)
    broken = good()
    broken.properties = {"application_headers": 5}
    for _ in range(3 * MAX_BUGS_IN_A_ROW):
        door.admit(broken)
        door.admit(good())
    assert not stopped


@pytest.mark.parametrize(
    "stray", [golden("decision.requested", "merge"), golden("scan.requested", "rescan")]
)
def test_what_no_binding_brings_to_this_queue_is_refused(stray: Event) -> None:
    properties: dict[str, Any] = {**properties_of(stray), "user_id": "ci-app"}
    message = delivered(encode(stray), properties, key_of(stray))
    made = doorway().admit(message)
    assert task_of(made) == REFUSE_TASK
    assert arguments_of(made)[1] == RefusalReason.KEY_MISMATCH.value


BEFORE = {
    KEY_HEADER: key_of(PUSH),
    USER_HEADER: "ci-app",
    FIRST_HEADER: "2026-03-02T09:30:00Z",
    DEATHS_HEADER: 2,
}


def replayed(body: bytes = encode(PUSH), exchange: str = REPLAY, **headers: Any) -> Delivered:
    properties = {**properties_of(PUSH), "user_id": "operator", "headers": {**BEFORE, **headers}}
    return delivered(body, properties, queue_name("semgrep"), exchange)


def test_what_is_replayed_is_of_him_who_said_it_first_and_brings_its_history() -> None:
    made = doorway().admit(replayed())
    assert task_of(made) == SCAN_TASK
    history = {"first": "2026-03-02T09:30:00Z", "deaths": "2"}
    assert arguments_of(made) == [encode(PUSH).decode(), "ci-app", 1, history]
    first = doorway().admit(good())
    assert made is not None
    assert first is not None
    assert made.properties["correlation_id"] == first.properties["correlation_id"]


def test_what_is_replayed_and_refused_again_keeps_key_user_and_history() -> None:
    made = doorway().admit(replayed(b"{"))
    assert task_of(made) == REFUSE_TASK
    origin = arguments_of(made)[4]
    assert origin == {
        "queue": queue_name("semgrep"),
        "routing_key": key_of(PUSH),
        "user": "ci-app",
        "deliveries": "1",
        "first": "2026-03-02T09:30:00Z",
        "deaths": "2",
    }


@pytest.mark.parametrize(
    ("headers", "history"),
    [
        ({FIRST_HEADER: "yesterday", DEATHS_HEADER: "many"}, {}),
        ({FIRST_HEADER: 7, DEATHS_HEADER: -3}, {"deaths": "0"}),
        ({DEATHS_HEADER: 10**12}, {"first": "2026-03-02T09:30:00Z", "deaths": "1000000"}),
    ],
)
def test_a_history_that_is_none_costs_nothing(
    headers: dict[str, Any], history: dict[str, str]
) -> None:
    made = doorway().admit(replayed(**headers))
    assert arguments_of(made)[3:] == ([history] if history else [])


def test_only_what_comes_through_the_replay_exchange_is_believed_on_its_past() -> None:
    made = doorway().admit(replayed(b"{", exchange=EVENTS))
    origin = arguments_of(made)[4]
    assert origin["user"] == "operator"
    assert origin["routing_key"] == queue_name("semgrep")
    assert not {"first", "deaths"} & set(origin)
