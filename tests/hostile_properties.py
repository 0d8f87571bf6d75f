"""AMQP properties that no event has, as bytes: flags, then the properties themselves."""

from __future__ import annotations

from struct import pack

import pika

ENCODING, MESSAGE_ID, HEADERS = 0x4000, 0x0080, 0x2000


class Raw(pika.BasicProperties):  # type: ignore[misc]
    """Properties that go over the wire as the given bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.raw = raw

    def encode(self) -> list[bytes]:
        return [self.raw]


def short(text: bytes) -> bytes:
    """A short string."""
    return bytes([len(text)]) + text


def _long(text: bytes) -> bytes:
    return pack(">I", len(text)) + text


def _headers(kind: bytes, value: bytes, name: bytes = b"a") -> bytes:
    return pack(">H", HEADERS) + _long(short(name) + kind + value)


def _id(text: bytes) -> bytes:
    return pack(">H", MESSAGE_ID) + short(text)


def _tables(depth: int) -> bytes:
    value = short(b"a") + b"t\1"
    for _ in range(depth):
        value = short(b"a") + b"F" + _long(value)
    return _long(value)


def _arrays(depth: int) -> bytes:
    value = b"t\1"
    for _ in range(depth):
        value = b"A" + _long(value)
    return _long(value)


_READABLE = {
    "an id with a NUL": _id(b"\0"),
    "an id with a lone surrogate": _id(b"\xed\xa0\x80"),
    "an id full of NUL": _id(b"\0" * 255),
    "a header with a surrogate": _headers(b"S", _long(b"\xed\xa0\x80")),
    "a header that is no UTF-8": _headers(b"S", _long(b"\xff")),
    "a header named in no UTF-8": _headers(b"t", b"\1", name=b"\xff\xfe"),
    "a header named by a surrogate": _headers(b"t", b"\1", name=b"\xed\xa0\x80"),
    "a decimal of 255 places": _headers(b"D", b"\xff" + pack(">i", -1)),
    "tables 100 deep": _headers(b"F", _tables(100)),
    "an encoding that is a trap": pack(">H", ENCODING) + short(b"punycode"),
}
_UNREADABLE = {
    "an id that is no UTF-8": _id(b"\xff\xfe"),
    "a header after the year 9999": _headers(b"T", pack(">Q", 2**40)),
    "a header after all time": _headers(b"T", pack(">Q", 2**62)),
    "tables 5000 deep": _headers(b"F", _tables(5000)),
    "arrays 5000 deep": _headers(b"A", _arrays(5000)),
}
READABLE, UNREADABLE = tuple(_READABLE), tuple(_UNREADABLE)
HOSTILE = _READABLE | _UNREADABLE
