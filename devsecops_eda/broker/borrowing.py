"""Looking through a queue: what is not taken out on purpose goes back."""

from __future__ import annotations

import hashlib
import queue
from dataclasses import dataclass, replace
from typing import Any

from devsecops_eda.broker.address import Address
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.link import Link
from devsecops_eda.broker.messages import Incoming
from devsecops_eda.broker.tables import hand_on_unreadable_tables

WINDOW = 64
"""So many messages are on their way to us at a time, beside those already handed out."""
SETTLE_S = 2.0
"""So long we wait for what goes back to stand in the queue again."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A message that is still the queue's; ``digest`` and ``size`` are of its whole body.

    A body over the bound of its `Borrowing` is cut to that bound.
    """

    message: Incoming
    digest: str
    size: int


class Borrowing(Link):
    """A link that hands out a queue's messages one by one; one thread uses it.

    Whatever ends it, a kill -9 too, the broker puts back what was not acknowledged. The order in
    which it stands there afterwards is the broker's own.
    """

    def __init__(self, address: Address, *, timeout_s: float) -> None:
        super().__init__(address, timeout_s=timeout_s)
        hand_on_unreadable_tables()
        self._queue = ""
        self._keep_bytes = 0
        self._consumers: list[str] = []
        self._held = 0

    def begin(self, name: str, deadline: Deadline, *, keep_bytes: int) -> int:
        """Begin to borrow from the queue ``name``; return how many messages stand there.

        Raises:
            RefusedError: there is no such queue, or this user may not read it.
            BrokerUnreachableError: the connection was lost, or no answer came in time.
        """
        self._queue, self._keep_bytes = name, keep_bytes
        return self._ready(deadline)

    def next(self, timeout_s: float) -> Borrowed | None:
        """Return the next message, or None when none came in time.

        Raises:
            RefusedError: the queue is gone, or this user may not read it.
            BrokerUnreachableError: the connection was lost.
        """
        deadline = Deadline.after(timeout_s)
        if self._held == len(self._consumers) * WINDOW:
            self._open_window(deadline)
        try:
            found: Any = self._inbox.get(timeout=deadline.left_s)
        except queue.Empty:
            return None
        if found is None:
            # For the next one who asks.
            self._inbox.put(None)
            assert self.lost is not None
            raise self.lost
        self._held += 1
        assert isinstance(found, Borrowed)
        return found

    def ack(self, one: Borrowed) -> None:
        """Take a message out of the queue, for good."""
        self._held -= 1
        self._do(lambda: self._channel.basic_ack(one.message.tag))

    def give_back(self) -> None:
        """Return everything that was not acknowledged; it stands there when this returns.

        Raises:
            RefusedError, BrokerUnreachableError: as `begin`; the broker does it then.
        """
        deadline = Deadline.after(SETTLE_S)
        self._do(self._return_all)
        while not deadline.over and self._ready(deadline) < self._held:
            pass
        self._held = 0

    def _ready(self, deadline: Deadline) -> int:
        answer = self.call(deadline, "queue_declare", queue=self._queue, passive=True)
        return int(answer.message_count)

    def _open_window(self, deadline: Deadline) -> None:
        # A new consumer has credit of its own; that of an old one cannot be raised. So a few
        # bodies are in memory at a time, however many messages are held.
        self.call(deadline, "basic_qos", prefetch_count=WINDOW)
        answer = self.call(
            deadline, "basic_consume", queue=self._queue, on_message_callback=self._on_message
        )
        self._consumers.append(answer.consumer_tag)

    # The connection's thread.

    def _return_all(self) -> None:
        for tag in self._consumers:
            # Or it would be delivered to ourselves again.
            self._channel.basic_cancel(tag)
        self._channel.basic_nack(0, multiple=True, requeue=True)

    def _on_message(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        message = Incoming(
            method.exchange, method.routing_key, body, properties, method.delivery_tag
        )
        digest, size = hashlib.sha256(body).hexdigest(), len(body)
        if size > self._keep_bytes:
            message = replace(message, body=body[: self._keep_bytes])
        inbox: queue.SimpleQueue[Any] = self._inbox
        inbox.put(Borrowed(message, digest, size))
