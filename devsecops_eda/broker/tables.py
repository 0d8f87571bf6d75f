"""pika, kept from dying of headers that the broker lets pass.

It reads the headers of a delivery before anybody is asked, and has no answer to a date after the
year 9999, a NaN or tables 5000 deep: the error ends the connection's thread. Whoever looks through
what others sent is handed such a table as what it is, unreadable.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pika import data
from pika.exceptions import AMQPError

UNREADABLE = "devsecops.unreadable"
"""The one header of a message whose headers cannot be read; it says what was wrong."""

_UNREADABLE_ERRORS = (AMQPError, ArithmeticError, LookupError, OSError, RecursionError, ValueError)

_Decode = Callable[[bytes, int], tuple[dict[Any, Any], int]]


def hand_on_unreadable_tables() -> None:
    """Let pika, in this process, hand on tables that it cannot read; harmless twice."""
    data.decode_table = _DECODE_TABLE


def guarded(read: _Decode) -> _Decode:
    """Return ``read`` (a table in ``encoded``, from an offset on) without its errors."""

    def decode(encoded: bytes, offset: int) -> tuple[dict[Any, Any], int]:
        # Its length stands in front of it: what comes behind can be read in any case.
        end = offset + 4 + int(struct.unpack_from(">I", encoded, offset)[0])
        try:
            found, stopped = read(encoded, offset)
        except (*_UNREADABLE_ERRORS, struct.error) as error:
            return {UNREADABLE: type(error).__name__}, end
        return (found if stopped == end else {UNREADABLE: "length"}), end

    return decode


# Made of pika's own when this is imported: put in its place twice, it is still guarded once.
_DECODE_TABLE = guarded(data.decode_table)
