"""Which of the messages on their way the broker has taken, turned down or sent back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pika

from devsecops_eda.broker.messages import NackedError, Outgoing, ReturnedError

Settle = Callable[[Future[None], Exception | None], None]


@dataclass(slots=True)
class _Unconfirmed:
    message: Outgoing
    promise: Future[None]
    returned: bool = False


class Confirms:
    """The account of one channel: delivery tags count what was published, from 1."""

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._open: dict[int, _Unconfirmed] = {}
        self._published = 0

    def sent(self, message: Outgoing, promise: Future[None]) -> None:
        """Note that ``message`` was just published."""
        self._published += 1
        self._open[self._published] = _Unconfirmed(message, promise)

    def on_return(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        """Note what came back.

        It carries no delivery tag, but comes before its ack: the oldest that looks like it is it.
        """
        same = (method.exchange, method.routing_key, properties.message_id, body)
        for entry in self._open.values():
            sent = entry.message
            its = (sent.exchange, sent.key, sent.properties.get("message_id"), sent.body)
            if not entry.returned and sent.mandatory and its == same:
                entry.returned = True
                return

    def on_confirm(self, frame: Any) -> None:
        """Settle what an ack or a nack speaks of, one message or all up to a tag."""
        confirm = frame.method
        tags = [confirm.delivery_tag]
        if confirm.multiple:
            tags = [tag for tag in self._open if tag <= confirm.delivery_tag]
        for tag in tags:
            entry = self._open.pop(tag, None)
            if entry is None:
                continue
            if isinstance(confirm, pika.spec.Basic.Nack):
                self._settle(entry.promise, NackedError())
            else:
                self._settle(entry.promise, ReturnedError() if entry.returned else None)
