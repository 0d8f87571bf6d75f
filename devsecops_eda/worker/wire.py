"""py-amqp, kept from dying of what the broker lets pass.

It reads properties and routing key of a delivery before anybody who consumes is asked, and has no
answer to those it cannot read: the error ends the whole worker, or passes for a lost connection.
The message goes back, and the next worker dies of it at its start. So what cannot be read is
handed on as such, for the door to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amqp import abstract_channel, serialization
from amqp.exceptions import FrameSyntaxError
from amqp.spec import Basic

UNREADABLE = "devsecops.unreadable"
"""The one property of a message whose properties cannot be read; it says what was wrong.

No sender can set it: AMQP has no property of that name.
"""

DELIVERY_ARGUMENTS = "sLbss"
"""Consumer tag, delivery tag, redelivered, exchange, routing key (AMQP 0-9-1, basic.deliver)."""

_UNREADABLE_ERRORS = (
    ArithmeticError,  # decimals, and dates beyond what the platform counts
    FrameSyntaxError,  # a kind of value that nobody knows
    LookupError,
    OSError,  # a date beyond the year of the platform; would pass for a lost connection
    RecursionError,
    ValueError,  # no UTF-8, and dates after the year 9999
    struct.error,
)

_Properties = Callable[[Any, int], tuple[dict[str, Any], int]]
_Arguments = Callable[[str, Any, int], tuple[list[Any], int]]


def hand_on_unreadable_messages() -> None:
    """Let py-amqp, in this process, hand on what it cannot read; harmless twice."""
    serialization.PROPERTY_CLASSES[Basic.CLASS_ID] = _PROPERTIES
    abstract_channel.loads = _LOADS


def unreadable(properties: Mapping[str, Any]) -> str | None:
    """Return why the properties of a message could not be read, or None where they could."""
    why = properties.get(UNREADABLE)
    return why if isinstance(why, str) else None


def guarded_properties(read: _Properties) -> _Properties:
    """Return ``read`` (properties of a message, from an offset on) without its errors."""

    def guarded(buf: Any, offset: int) -> tuple[dict[str, Any], int]:
        try:
            properties, offset = read(buf, offset)
        except _UNREADABLE_ERRORS as error:
            # They are the last thing in their frame: nobody reads on from there.
            return {UNREADABLE: type(error).__name__}, len(buf)
        # The channel would decode the body with the codec it names: other bytes than were sent,
        # and with punycode an effort that grows with the square of its length.
        properties.pop("content_encoding", None)
        return properties, offset

    return guarded


def guarded_arguments(read: _Arguments) -> _Arguments:
    """Return ``read`` (arguments of a method), which takes a routing key that is no UTF-8, too.

    Its bytes are lone surrogates then, as Python writes them (PEP 383).
    """

    def guarded(kinds: str, buf: Any, offset: int) -> tuple[list[Any], int]:
        try:
            return read(kinds, buf, offset)
        except UnicodeDecodeError:
            if kinds != DELIVERY_ARGUMENTS:
                raise
        values, offset = read(kinds[:-2], buf, offset)
        for _ in range(2):
            value, offset = _short_string(buf, offset)
            values.append(value)
        return values, offset

    return guarded


def _short_string(buf: Sequence[int], offset: int) -> tuple[str, int]:
    end = offset + 1 + buf[offset]
    return bytes(buf[offset + 1 : end]).decode("utf-8", "surrogateescape"), end


# Made of py-amqp's own when this is imported: put in their place twice, they are guarded once.
_PROPERTIES = guarded_properties(serialization.PROPERTY_CLASSES[Basic.CLASS_ID])
_LOADS = guarded_arguments(abstract_channel.loads)
