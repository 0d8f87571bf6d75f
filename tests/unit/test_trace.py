"""The trace context an event hands on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda import codec
from devsecops_eda.model import trace_after
from tests.judged import NOW, commit_told, gate, pushed, semgrep_told, take

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_what_follows_is_of_the_same_trace_with_a_span_of_its_own() -> None:
    made = trace_after(TRACE, "one")
    assert made is not None
    version, trace, span, flags = made.split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert span not in (TRACE.split("-")[2], "0" * 16)
    assert made != trace_after(TRACE, "two")


@given(st.text())
def test_the_same_event_has_the_same_span_each_time_it_is_said(event_id: str) -> None:
    made = trace_after(TRACE, event_id)
    assert made == trace_after(TRACE, event_id)
    assert trace_after(made, "next") is not None


@pytest.mark.parametrize(
    "cause",
    [
        None,
        "",
        "nonsense",
        TRACE.upper(),
        TRACE + "-more",
        TRACE + "\n",
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
    ],
)
def test_what_is_in_no_trace_begins_none(cause: str | None) -> None:
    assert trace_after(cause, "one") is None


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b'{"traceparent": "%s"}' % TRACE.encode(), {}, TRACE),
        (b'{"data": 1}', {"ce-traceparent": TRACE}, TRACE),
        (b'{"traceparent": "of the data"}', {"CE-TraceParent": TRACE, "ce-id": "1"}, TRACE),
        (b"{", {"ce-id": "1"}, None),
        (b"no json", {"traceparent": TRACE}, None),
        (b"[]", {}, None),
        (b'{"traceparent": ["%s"]}' % TRACE.encode(), {}, None),
        (b'{"traceparent": "a", "traceparent": "b"}', {}, None),
        (b"[" * 100_000, {}, None),
        (b'{"traceparent": "%s", "a": "%s"}' % (TRACE.encode(), b"x" * 2**17), {}, None),
        (b"\xff", {"ce-traceparent": 7}, None),
        (b"", {}, None),
    ],
)
def test_any_message_says_a_trace_or_none(
    body: bytes, headers: dict[str, object], said: str | None
) -> None:
    assert codec.said_trace(body, headers) == said


def test_a_later_version_is_answered_in_the_one_we_speak() -> None:
    assert (trace_after("01" + TRACE[2:], "one") or "").startswith("00-4bf92f35")


def test_what_the_gate_says_is_of_the_trace_of_its_cause_and_of_the_flow_where_time_is() -> None:
    judge, push = gate(), replace(pushed(), traceparent=TRACE)
    other = "00-" + "e" * 32 + "-" + "f" * 16 + "-01"
    take(judge, push, commit_told(push))
    said = take(judge, replace(semgrep_told(push), traceparent=other))
    trees = {(codec.decode(one.body).traceparent or "").split("-")[1] for one in said}
    assert trees == {"e" * 32}
    again = take(judge, replace(semgrep_told(push), traceparent=TRACE))
    assert [one.body for one in again] == [one.body for one in said]
    late = replace(pushed("d" * 40), traceparent=TRACE)
    take(judge, late)
    due = judge.tick(NOW + timedelta(hours=1), owner="one")
    assert {(codec.decode(one.body).traceparent or "").split("-")[1] for one in due} == {
        TRACE.split("-")[1]
    }
