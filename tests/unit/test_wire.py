"""What py-amqp cannot read comes to the door; and py-amqp still reads where we stand."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest

pytest.importorskip("celery")

from amqp import abstract_channel, serialization, spec
from amqp.basic_message import Message
from amqp.channel import Channel
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.errors import RefusalReason
from devsecops_eda.worker import wire
from devsecops_eda.worker.doorway import REFUSE_TASK
from tests.hostile_properties import HOSTILE, UNREADABLE, short
from tests.unit.test_doorway import arguments_of, delivered, doorway, task_of

read_properties = wire.guarded_properties(serialization.decode_properties_basic)
read_arguments = wire.guarded_arguments(serialization.loads)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        serialization.PROPERTY_CLASSES, spec.Basic.CLASS_ID, serialization.decode_properties_basic
    )
    monkeypatch.setattr(abstract_channel, "loads", serialization.loads)
    wire.hand_on_unreadable_messages()
    wire.hand_on_unreadable_messages()


def header(properties: bytes) -> bytes:
    return pack(">HxxQ", spec.Basic.CLASS_ID, 0) + properties


@pytest.mark.parametrize("name", UNREADABLE)
def test_py_amqp_reads_properties_where_we_stand(name: str) -> None:
    """Without us it raises: an upgrade that mends or moves this shows here."""
    with pytest.raises(wire._UNREADABLE_ERRORS):
        serialization.decode_properties_basic(HOSTILE[name], 0)


@pytest.mark.usefixtures("installed")
def test_py_amqp_is_guarded_once_however_often_it_is_said() -> None:
    reads = (serialization.PROPERTY_CLASSES[spec.Basic.CLASS_ID], abstract_channel.loads)
    wire.hand_on_unreadable_messages()
    assert (serialization.PROPERTY_CLASSES[spec.Basic.CLASS_ID], abstract_channel.loads) == reads
    assert reads[1] is not serialization.loads


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_message_that_cannot_be_read_is_refused_with_a_sentence(name: str) -> None:
    message = Message()
    message.inbound_header(header(HOSTILE[name]))
    assert message.ready
    assert wire.unreadable(message.properties)
    incoming = delivered(b"{", {}, "commit.pushed.a._._._")
    incoming.properties = message.properties
    made = doorway().admit(incoming)
    assert task_of(made) == REFUSE_TASK
    _body, reason, detail, *_ = arguments_of(made)
    assert reason == RefusalReason.BAD_TEXT.value
    assert "properties of the message cannot be read" in detail


@pytest.mark.usefixtures("installed")
def test_py_amqp_reads_a_routing_key_where_we_stand() -> None:
    arguments = short(b"tag") + pack(">Qb", 7, 1) + short(b"devsecops.events") + short(b"a.\xff")
    assert Channel._METHODS[spec.Basic.Deliver].args == wire.DELIVERY_ARGUMENTS
    with pytest.raises(UnicodeDecodeError):
        serialization.loads(wire.DELIVERY_ARGUMENTS, b"...." + arguments, 4)
    got: list[Any] = []

    class Listening(Channel):  # type: ignore[misc]
        def __init__(self) -> None:
            self.is_closing = False
            self.auto_decode = True
            self._pending: dict[Any, Any] = {}
            self._callbacks = {spec.Basic.Deliver: lambda *arguments: got.extend(arguments)}

    message = Message(b"{")
    Listening().dispatch_method(spec.Basic.Deliver, b"...." + arguments, message)
    assert got == ["tag", 7, True, "devsecops.events", "a.\udcff", message]


def test_other_methods_that_are_no_utf8_stay_errors() -> None:
    with pytest.raises(UnicodeDecodeError):
        read_arguments("s", short(b"\xff"), 0)


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_raise(junk: bytes) -> None:
    read_properties(b"\xff\xfc" + junk, 0)
    read_properties(b"\x20\x00" + pack(">I", len(junk)) + junk, 0)


def test_what_can_be_read_is_read_as_before_but_for_the_encoding() -> None:
    properties = Message(
        message_id="é", content_encoding="punycode", application_headers={"a": [1, {"b": "c"}]}
    )._serialize_properties()
    read, end = read_properties(properties, 0)
    assert read == {"message_id": "é", "application_headers": {"a": [1, {"b": "c"}]}}
    assert end == len(properties)
