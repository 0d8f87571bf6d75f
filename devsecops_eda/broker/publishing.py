"""Publishing that ends: confirmed, or a typed error, within the time the caller gave."""

from __future__ import annotations

import logging
import random
import threading
from concurrent.futures import Future
from typing import Any

from devsecops_eda import codec
from devsecops_eda.broker.address import Address
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.link import Link
from devsecops_eda.broker.messages import NackedError, Outgoing, RefusedError, ReturnedError
from devsecops_eda.errors import (
    BrokerBlockedError,
    BrokerUnreachableError,
    DevSecOpsError,
    NotAuthorisedError,
    PublishRefusedError,
    PublishTimeoutError,
    UnroutableError,
)
from devsecops_eda.model import Event
from devsecops_eda.topology import EVENTS

LOG = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


def outgoing(event: Event, *, body: bytes | None = None, mandatory: bool = False) -> Outgoing:
    """Return an event as a message to the events exchange; pure.

    ``body`` are its bytes where they exist already (a repeat says the same bytes again).
    """
    return Outgoing(
        exchange=EVENTS,
        key=codec.key_of(event),
        body=codec.encode(event) if body is None else body,
        properties=dict(codec.properties_of(event)),
        mandatory=mandatory,
    )


def publish_once(address: Address, message: Outgoing, *, timeout_s: float) -> None:
    """Return when the broker confirmed (and routed, if mandatory) ``message``.

    Opens a connection of its own and ends it: nothing is inherited over a fork, no idle socket
    dies of a missed heartbeat. ``timeout_s`` is the whole time. After an error the message may
    still have arrived; sending it again with the same id is right and harmless.

    Raises:
        UnroutableError: no queue wants it, or the exchange does not exist.
        PublishRefusedError: the broker said no, or AMQP cannot carry it.
        NotAuthorisedError: this user may not connect, or not say that.
        BrokerBlockedError: the broker is in an alarm and took nothing in time.
        BrokerUnreachableError: no connection, or it was lost.
        PublishTimeoutError: no confirm in time.
        ConfigurationError: certificate or CA file are wrong.
    """
    deadline = Deadline.after(timeout_s)
    link = Link.open(address, deadline)
    settled = False
    try:
        confirmed(link, link.publish(message), message, deadline)
        settled = True
    finally:
        # A goodbye to a blocked or dead broker would only be waited for.
        if settled or link.lost is not None:
            link.close()
        else:
            link.hang_up()


def confirmed(link: Link, promise: Future[None], message: Outgoing, deadline: Deadline) -> None:
    """Wait for the promise of a link and tell its failures in our words.

    Raises:
        The errors of `publish_once`.
    """
    try:
        promise.result(deadline.left_s)
    except TimeoutError:
        if link.blocked:
            raise _blocked(link.address, deadline) from None
        raise PublishTimeoutError(
            f"{link.address}: no confirm within {deadline.timeout_s:g} s; it may have arrived"
        ) from None
    except ReturnedError:
        raise UnroutableError(
            f"no queue on {link.address} wants {message.key}:"
            " `devsecops-eda topology apply` makes the queues"
        ) from None
    except NackedError:
        raise PublishRefusedError(
            f"{link.address} refused {message.key}: is a queue that wants it full?"
        ) from None
    except RefusedError as refusal:
        raise refused(refusal, link.address) from refusal


def _blocked(address: Address, deadline: Deadline) -> BrokerBlockedError:
    return BrokerBlockedError(
        f"{address} is in a memory or disk alarm and took nothing within {deadline.timeout_s:g} s"
    )


def refused(refusal: RefusedError, address: Address) -> DevSecOpsError:
    """Return our error for a channel that the broker closed upon a publish; pure."""
    if refusal.code == 403 or "user_id" in refusal.text:
        return NotAuthorisedError(f"{address}: {refusal.text}")
    if refusal.code == 404:
        return UnroutableError(
            f"{address}: {refusal.text}: `devsecops-eda topology apply` makes it"
        )
    return PublishRefusedError(f"{address}: {refusal.text}")


class PublishingThread:
    """One connection for many threads: each caller waits for its own confirm only.

    Thread-safe. Connects when first needed and again after a loss; what was not confirmed then is
    sent again, with the same id, as long as its caller's time lasts. Survives idling (the
    connection's thread answers heartbeats), alarms and restarts of the broker.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link: Link | None = None
        self._connecting = threading.Lock()
        self._pause_s = 0.0
        self._closed = threading.Event()

    @property
    def blocked(self) -> bool:
        """Return whether the broker says that an alarm keeps it from taking messages."""
        link = self._link
        return link is not None and link.lost is None and link.blocked

    def publish(self, message: Outgoing, *, timeout_s: float) -> None:
        """Return when the broker confirmed (and routed, if mandatory) ``message``.

        Raises:
            The errors of `publish_once`.
        """
        deadline = Deadline.after(timeout_s)
        while True:
            link = self._connected(deadline)
            # What is sent into an alarm is taken when it ends, each repeat of it too.
            if link.blocked and not link.unblocked.wait(deadline.left_s):
                raise _blocked(self._address, deadline)
            try:
                confirmed(link, link.publish(message), message, deadline)
                return
            except BrokerUnreachableError:
                if deadline.over:
                    raise
            except (NotAuthorisedError, UnroutableError, PublishRefusedError) as error:
                if not isinstance(error.__cause__, RefusedError):
                    raise
                # The channel was closed over one message and took its neighbours along. Alone,
                # each of them gets the answer that is its own.
                publish_once(self._address, message, timeout_s=deadline.left_s)
                return

    def close(self) -> None:
        """End the connection; callers that still wait get an error. Harmless twice."""
        self._closed.set()
        link = self._link
        if link is not None:
            link.close()

    def __enter__(self) -> PublishingThread:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _connected(self, deadline: Deadline) -> Link:
        """Return a living link; one caller connects, the others wait for it.

        Raises:
            BrokerUnreachableError: none before the deadline; NotAuthorisedError,
            ConfigurationError: at once.
        """
        link = self._link
        if link is not None and link.lost is None and not self._closed.is_set():
            return link
        if not self._connecting.acquire(timeout=deadline.left_s):
            raise BrokerUnreachableError(
                f"{self._address}: no connection within {deadline.timeout_s:g} s"
            )
        try:
            return self._connect(deadline)
        finally:
            self._connecting.release()

    def _connect(self, deadline: Deadline) -> Link:
        while not self._closed.is_set():
            if self._link is not None and self._link.lost is None:
                return self._link
            try:
                self._link = Link.open(self._address, deadline)
            except BrokerUnreachableError as error:
                self._pause_s = min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
                pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                if pause_s >= deadline.left_s:
                    raise
                LOG.warning("%s: again in %.1f s", error, pause_s, extra={"action": "reconnect"})
                self._closed.wait(pause_s)
            else:
                self._pause_s = 0.0
                return self._link
        raise BrokerUnreachableError(f"{self._address}: this publisher is closed")
