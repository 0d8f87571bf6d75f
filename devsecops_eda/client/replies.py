"""A waiter's own queue: what is said about one flow, also over lost connections."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from itertools import chain, repeat
from types import TracebackType
from typing import Self

from devsecops_eda import codec
from devsecops_eda.broker import (
    Address,
    Deadline,
    Incoming,
    Link,
    RefusedError,
    refused,
)
from devsecops_eda.errors import BrokerUnreachableError, DevSecOpsError, InvalidEventError
from devsecops_eda.model import Event
from devsecops_eda.topology import EVENTS, Identities, reply_keys, reply_queue

LOG = logging.getLogger(__name__)

QUEUE_OUTLIVES_S = 300
"""So long after the end of the wait an abandoned reply queue disappears by itself."""
_FIRST_S = 30.0
_ATTEMPT_S = 10.0
_LEAVE_S = 2.0
_PAUSE_S = (0.1, 0.5, 1.0, 2.0, 5.0)


class ReplyQueue:
    """A queue of one's own on the events exchange, found again after a lost connection.

    It is durable and has a name, so that a waiter who lost his connection finds what was said
    meanwhile. Where it is gone (its node is down, it expired), a new one is made. Not thread-safe.

    Raises (on entering):
        BrokerUnreachableError, NotAuthorisedError, ConfigurationError: as connecting does.
    """

    def __init__(
        self,
        address: Address,
        *,
        keys: Sequence[str],
        flow: str,
        expires_s: float,
        deadline: Deadline,
        max_length: int | None = None,
    ) -> None:
        self._address = address
        self._keys = tuple(keys)
        self._flow = flow
        self._deadline = deadline
        self._arguments: dict[str, str | int] = {
            "x-queue-type": "classic",
            "x-expires": int(expires_s * 1000),
        }
        if max_length is not None:
            self._arguments["x-max-length"] = max_length
        self._queue = ""
        self._link: Link | None = None
        self.reconnected = False
        """Whether the connection was lost since somebody last set this to False."""

    def __enter__(self) -> Self:
        try:
            self._listen_anew(self._deadline.within(_FIRST_S))
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    def take(self, deadline: Deadline) -> Incoming | None:
        """Return the next message, None when the time is over.

        Returns None early where the connection was lost and is there again: something may have
        been missed, `reconnected` says so.

        Raises:
            BrokerUnreachableError: the connection was lost and did not come back in time.
            NotAuthorisedError: these credentials may no longer connect.
        """
        if self._link is not None:
            try:
                return self._link.take(deadline.left_s)
            except (BrokerUnreachableError, RefusedError) as error:
                LOG.warning("lost the reply queue: %s", error, extra={"action": "reconnect"})
                self._link.close()
                self._link = None
        self._reconnect()
        self.reconnected = True
        return None

    def _listen_anew(self, deadline: Deadline) -> None:
        """Make a queue that nobody has had before, bound before anything is asked."""
        link = self._link = Link.open(self._address, deadline)
        self._queue = reply_queue(
            user=self._address.user, flow=self._flow, waiter=secrets.token_hex(8)
        )
        try:
            link.call(
                deadline,
                "queue_declare",
                queue=self._queue,
                durable=True,
                arguments=dict(self._arguments),
            )
            for key in self._keys:
                link.call(
                    deadline, "queue_bind", queue=self._queue, exchange=EVENTS, routing_key=key
                )
            link.consume(self._queue, deadline)
        except RefusedError as refusal:
            raise refused(refusal, self._address) from refusal

    def _listen_again(self, deadline: Deadline) -> None:
        """Come back to the queue there was, else make a new one."""
        link = self._link = Link.open(self._address, deadline)
        try:
            link.consume(self._queue, deadline)
        except RefusedError:
            link.close()
            self._listen_anew(deadline)

    def _reconnect(self) -> None:
        for pause_s in chain(_PAUSE_S, repeat(_PAUSE_S[-1])):
            try:
                self._listen_again(self._deadline.within(_ATTEMPT_S))
                return
            except BrokerUnreachableError:
                if self._link is not None:
                    self._link.hang_up()
                    self._link = None
                if self._deadline.left_s <= pause_s:
                    raise
                Deadline.after(pause_s).sleep()

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        try:
            if link.lost is None:
                link.call(Deadline.after(_LEAVE_S), "queue_delete", queue=self._queue)
        except (DevSecOpsError, RefusedError) as error:
            # It expires by itself.
            LOG.info("left the reply queue behind: %s", error, extra={"action": "leave"})
        finally:
            link.close()


class Replies(ReplyQueue):
    """The events of one flow of one repository, as those say them who may. Not thread-safe."""

    def __init__(
        self,
        address: Address,
        *,
        repo: str,
        flow: str,
        identities: Identities,
        deadline: Deadline,
    ) -> None:
        super().__init__(
            address,
            keys=reply_keys(repo=repo, flow=flow),
            flow=flow,
            expires_s=deadline.timeout_s + QUEUE_OUTLIVES_S,
            deadline=deadline,
        )
        self._identities = identities

    def next(self, deadline: Deadline) -> Event | None:
        """Return the next event, None when the time is over or `reconnected` became true.

        Raises:
            BrokerUnreachableError, NotAuthorisedError: as `take`.
        """
        while True:
            message = self.take(deadline)
            if message is None:
                return None
            try:
                event = codec.open_door(delivery_of(message), identities=self._identities)
            except InvalidEventError as error:
                LOG.warning("an answer is not believed: %s", error, extra={"action": "refused"})
                continue
            if event.correlationid == self._flow:
                return event


def delivery_of(message: Incoming) -> codec.Delivery:
    """Return a message as the door takes it; pure."""
    properties = message.properties
    return codec.Delivery(
        body=message.body,
        content_type=properties.content_type,
        headers=properties.headers or {},
        routing_key=message.key,
        exchange=message.exchange,
        user_id=properties.user_id,
        message_id=properties.message_id,
    )
