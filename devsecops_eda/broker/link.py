"""One connection with one channel, on a thread of its own, so that every wait has an end.

pika's own timeouts are per step, and a blocking publish waits for its confirm without any: in a
memory alarm, or when the network swallows packets, for ever. Here the connection's thread only
reacts; whoever wants something waits for it on a future, as long as *his* deadline allows.
"""

from __future__ import annotations

import functools
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

import pika
from pika.adapters.select_connection import IOLoop
from pika.exceptions import AMQPError, ChannelClosedByBroker

from devsecops_eda.broker.address import Address, connection_error
from devsecops_eda.broker.confirms import Confirms
from devsecops_eda.broker.connection import Connection
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.messages import UNSAYABLE, Incoming, Outgoing, RefusedError, unsayable
from devsecops_eda.errors import BrokerUnreachableError, DevSecOpsError

PREFETCH = 50
_GOODBYE_S = 1.0
"""How long the broker may take to answer our goodbye before we hang up."""
_HANG_UP_S = 0.5
"""How long we wait for our own thread to hang up."""


class Link:
    """One connection, one channel with confirms; thread-safe. When either ends, the link ends.

    `lost` says why. Use `Link.open`; a link is never opened again.
    """

    def __init__(self, address: Address, *, timeout_s: float) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self.unblocked = threading.Event()
        self.unblocked.set()
        self.lost: Exception | None = None
        self._opened: Future[None] = Future()
        self._connection: Connection | None = None
        self._channel: Any = None
        self._lock = threading.Lock()
        self._hung_up = False
        self._promises: set[Future[Any]] = set()
        # Touched by the connection's thread only.
        self._confirms = Confirms(self._settle)
        self._inbox: queue.SimpleQueue[Incoming | None] = queue.SimpleQueue()
        # A daemon: one that hangs in a name lookup must not hold the process.
        self._thread = threading.Thread(target=self._run, name=f"broker {address}", daemon=True)

    @classmethod
    def open(cls, address: Address, deadline: Deadline) -> Self:
        """Return an open link within the deadline: names, TCP, TLS and AMQP together.

        Raises:
            BrokerUnreachableError: nobody there, or not in time.
            NotAuthorisedError: user, password or vhost refused.
            ConfigurationError: the certificate, the CA file or the kind of port is wrong.
        """
        link = cls(address, timeout_s=max(0.1, deadline.left_s))
        link._thread.start()
        try:
            link._opened.result(deadline.left_s)
        except TimeoutError:
            link.hang_up()
            raise BrokerUnreachableError(
                f"{address}: no connection within {deadline.timeout_s:g} s"
            ) from None
        except BaseException:
            link.hang_up()
            raise
        return link

    @property
    def blocked(self) -> bool:
        """Return whether the broker said that an alarm keeps it from taking messages."""
        return not self.unblocked.is_set()

    def publish(self, message: Outgoing) -> Future[None]:
        """Return the promise of a confirm (and of a route, if mandatory).

        It fails with ReturnedError, NackedError, RefusedError (the channel was closed, because of
        this message or another one), PublishRefusedError (AMQP cannot carry it) or with our error
        for a lost connection.
        """
        promise: Future[None] = Future()
        self._do(functools.partial(self._publish, message, promise), promise)
        return promise

    def call(self, deadline: Deadline, method: str, **arguments: Any) -> Any:
        """Carry out one method of pika's channel and return the broker's answer.

        Raises:
            RefusedError: the broker closed the channel instead.
            BrokerUnreachableError: the connection was lost, or no answer came in time.
        """
        promise: Future[Any] = Future()

        def start() -> None:
            getattr(self._channel, method)(
                **arguments, callback=lambda frame: self._settle(promise, result=frame.method)
            )

        self._do(start, promise)
        try:
            return promise.result(deadline.left_s)
        except TimeoutError:
            raise BrokerUnreachableError(
                f"{self.address}: no answer within {deadline.timeout_s:g} s"
            ) from None

    def consume(self, queue_name: str, deadline: Deadline) -> None:
        """Begin to receive what comes to ``queue_name``; `take` hands it out."""
        self.call(deadline, "basic_qos", prefetch_count=PREFETCH)
        self.call(deadline, "basic_consume", queue=queue_name, on_message_callback=self._on_message)

    def take(self, timeout_s: float) -> Incoming | None:
        """Return the next message and acknowledge it, or None when none came in time.

        Raises:
            RefusedError: the queue is gone.
            BrokerUnreachableError: the connection was lost.
        """
        try:
            message = self._inbox.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if message is None:
            # For the next one who asks.
            self._inbox.put(None)
            assert self.lost is not None
            raise self.lost
        self._do(lambda: self._channel.basic_ack(message.tag))
        return message

    def close(self) -> None:
        """End the connection; after a second without an answer, hang up. Harmless twice."""
        self._do(self._say_goodbye)
        self._thread.join(_GOODBYE_S)
        if self._thread.is_alive():
            self.hang_up()

    def hang_up(self) -> None:
        """Cut the connection without a word; what is on its way may arrive or not."""
        with self._lock:
            self._hung_up = True
            if self._connection is not None:
                self._connection.ioloop.add_callback_threadsafe(self._connection.abort)
        self._thread.join(_HANG_UP_S)

    def _do(self, work: Callable[[], object], promise: Future[Any] | None = None) -> None:
        """Have the connection's thread do ``work``; ``promise`` is kept, or broken, in any case."""

        def guarded() -> None:
            try:
                work()
            except AMQPError as error:
                # The channel or connection is closing; why stands in `lost`, or will in a moment.
                if promise is not None:
                    self._settle(promise, self.lost or connection_error(error, self.address))

        with self._lock:
            if self._connection is not None:
                if promise is not None:
                    self._promises.add(promise)
                self._connection.ioloop.add_callback_threadsafe(guarded)
            elif promise is not None:
                promise.set_exception(self.lost or connection_error(None, self.address))

    def _settle(
        self, promise: Future[Any], error: Exception | None = None, *, result: object = None
    ) -> None:
        with self._lock:
            self._promises.discard(promise)
        if promise.done():
            return
        if error is None:
            promise.set_result(result)
        else:
            promise.set_exception(error)

    # From here on: the connection's thread.

    def _run(self) -> None:
        error: Exception | None = None
        try:
            found = socket.getaddrinfo(
                self.address.host, self.address.port, type=socket.SOCK_STREAM
            )
            hosts = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
            for host in hosts:
                parameters = self.address.parameters(host, timeout_s=self._timeout_s / len(hosts))
                error = self._attempt(parameters)
                if self._hung_up or self._opened.done():
                    break
        except (OSError, UnicodeError, AMQPError, DevSecOpsError) as failure:
            error = failure
        finally:
            self._end(error)

    def _attempt(self, parameters: pika.ConnectionParameters) -> Exception | None:
        """Connect to one address; return why it failed or, once it was open, why it ended."""
        ended: list[Exception] = []
        loop = IOLoop()

        def on_end(_connection: object, why: Exception) -> None:
            ended.append(why)
            loop.stop()

        try:
            with self._lock:
                if self._hung_up:
                    return None
                self._connection = Connection(
                    parameters, self._on_open, on_end, on_end, custom_ioloop=loop
                )
            loop.start()
        finally:
            with self._lock:
                self._connection = None
            loop.close()
        return ended[0] if ended else None

    def _end(self, error: Exception | None) -> None:
        self.lost = self.lost or connection_error(error, self.address)
        if not self._opened.done():
            self._opened.set_exception(self.lost)
        self._break_promises(self.lost)
        self._inbox.put(None)
        # Who waits for the alarm to end must not wait on a dead link.
        self.unblocked.set()

    def _break_promises(self, why: Exception) -> None:
        with self._lock:
            promises = tuple(self._promises)
        for promise in promises:
            self._settle(promise, why)

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self.unblocked.clear())
        connection.add_on_connection_unblocked_callback(lambda *_: self.unblocked.set())
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(self._on_cancelled)
        channel.add_on_return_callback(self._confirms.on_return)
        channel.confirm_delivery(
            self._confirms.on_confirm, callback=lambda _: self._opened.set_result(None)
        )

    def _on_channel_closed(self, _channel: object, why: Exception) -> None:
        if isinstance(why, ChannelClosedByBroker):
            self._refused(RefusedError(why.reply_code, why.reply_text))

    def _on_cancelled(self, _frame: object) -> None:
        self._refused(RefusedError(404, "NOT_FOUND - the queue was deleted"))

    def _refused(self, why: RefusedError) -> None:
        self.lost = why
        self._break_promises(why)
        self._inbox.put(None)
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        if self._connection is not None:
            self._connection.say_goodbye()

    def _publish(self, message: Outgoing, promise: Future[None]) -> None:
        try:
            # The broker compares it with the user of the connection, so consumers can believe it.
            properties = pika.BasicProperties(**message.properties, user_id=self.address.user)
            self._channel.basic_publish(
                message.exchange, message.key, message.body, properties, mandatory=message.mandatory
            )
        except UNSAYABLE as error:
            # pika encodes all of a message before it sends any of it: nobody else is harmed.
            self._settle(promise, unsayable(error))
        else:
            self._confirms.sent(message, promise)

    def _on_message(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        message = Incoming(
            method.exchange, method.routing_key, body, properties, method.delivery_tag
        )
        self._inbox.put(message)
