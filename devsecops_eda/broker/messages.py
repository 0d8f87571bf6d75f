"""What goes over a link, and how the broker turns it down."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pika
from pika.exceptions import ShortStringTooLong, UnsupportedAMQPFieldException

from devsecops_eda.errors import PublishRefusedError

UNSAYABLE = (
    AssertionError,
    OverflowError,
    ShortStringTooLong,
    TypeError,
    UnsupportedAMQPFieldException,
    ValueError,
    struct.error,
)
"""How pika says that AMQP cannot carry a message."""


class RefusedError(Exception):
    """The broker closed the channel: ``code`` and ``text`` are its own. Translated by callers."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class ReturnedError(Exception):
    """A mandatory message came back: no queue wants it."""


class NackedError(Exception):
    """The broker answered a message with a nack."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish, with everything but the ``user_id`` of the connection."""

    exchange: str
    key: str
    body: bytes
    properties: dict[str, Any]
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it was delivered."""

    exchange: str
    key: str
    body: bytes
    properties: pika.BasicProperties
    tag: int


def unsayable(error: Exception) -> PublishRefusedError:
    """Return our error for one of `UNSAYABLE`; it quotes nothing of the message."""
    return PublishRefusedError(f"AMQP cannot carry this message ({type(error).__name__})")
