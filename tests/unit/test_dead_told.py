"""What is told of dead letters that an operator replayed or dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda import codec
from devsecops_eda.deadletters import letter_of
from devsecops_eda.deadletters.telling import told
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import EventType, MessageDropped, MessageReplayed, trace_after
from devsecops_eda.topology import DEAD, USER_HEADER, queue_name
from tests.letters import LAST, PUSH, borrowed, buried

DONE = {
    EventType.MESSAGE_REPLAYED: MessageReplayed,
    EventType.MESSAGE_DROPPED: MessageDropped,
}


def test_what_is_done_with_a_letter_is_a_fact_in_the_flow_of_its_message() -> None:
    found = buried()
    letter = letter_of(found)
    for type_, kind in DONE.items():
        event = told(type_, letter, found, id_="019cb0cf-8420-7a11-8c21-1f2e3d4c5b6a", now=LAST)
        assert codec.decode(codec.encode(event)) == event
        assert (event.type, event.correlationid) == (type_, PUSH.correlationid)
        assert event.data == kind(
            queue_name("approval"), RefusalReason.FUTURE_TIME, letter.id, PUSH.id, "ci-acme"
        )


@pytest.mark.parametrize("queue", ["", "a queue", "devsecops.check.\0", "é", "q" * 256])
def test_of_a_letter_that_names_no_queue_it_is_told_where_it_stood(queue: str) -> None:
    found = buried(queue=queue)
    event = told(EventType.MESSAGE_DROPPED, letter_of(found), found, id_="x", now=LAST)
    assert codec.decode(codec.encode(event)) == event
    assert isinstance(event.data, MessageDropped)
    assert (event.subject, event.data.queue) == (DEAD, DEAD)


@pytest.mark.parametrize("type_", [EventType.MESSAGE_REPLAYED, EventType.MESSAGE_DROPPED])
def test_what_is_done_with_a_letter_is_of_the_trace_of_its_message(type_: EventType) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for said, made in ((trace, trace_after(trace, "x")), (None, None)):
        found = buried(replace(PUSH, traceparent=said))
        assert told(type_, letter_of(found), found, id_="x", now=LAST).traceparent == made


@given(
    id_=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    user=st.text(max_size=40),
    flow=st.text(max_size=40),
)
def test_what_is_done_with_any_letter_can_be_told(id_: str, user: str, flow: str) -> None:
    headers = buried().message.properties.headers | {USER_HEADER: user}
    found = borrowed(b"", headers, message_id=id_, correlation_id=flow)
    for type_ in DONE:
        event = told(type_, letter_of(found), found, id_="x", now=LAST)
        assert codec.decode(codec.encode(event)) == event
