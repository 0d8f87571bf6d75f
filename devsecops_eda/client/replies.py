"""A waiter's own queue: what is said about one flow, also over lost connections."""

from __future__ import annotations

import logging
import secrets
from types import TracebackType

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
_PAUSE_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_ATTEMPT_S = 10.0


class Replies:
    """The events of one flow of one repository, as they are said. Not thread-safe.

    The queue is durable and has a name of its own, so that a waiter who lost his connection finds
    what was said meanwhile. Where it is gone (its node is down, it expired), a new one is made.

    Raises (on entering):
        BrokerUnreachableError, NotAuthorisedError, ConfigurationError: as connecting does.
    """

    def __init__(
        self,
        address: Address,
        *,
        repo: str,
        flow: str,
        identities: Identities,
        deadline: Deadline,
    ) -> None:
        self._address = address
        self._repo = repo
        self._flow = flow
        self._identities = identities
        self._deadline = deadline
        self._expires_ms = int((deadline.timeout_s + QUEUE_OUTLIVES_S) * 1000)
        self._queue = ""
        self._link: Link | None = None
        self.reconnected = False
        """Whether the connection was lost since somebody last set this to False."""

    def __enter__(self) -> Replies:
        try:
            self._listen_anew(self._deadline.within(_ATTEMPT_S * 3))
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

    def next(self, deadline: Deadline) -> Event | None:
        """Return the next event of the flow from someone who may say it, None when time is over.

        Returns None early where the connection was lost and is there again: something may have
        been missed, `reconnected` says so.

        Raises:
            BrokerUnreachableError: the connection was lost and did not come back in time.
            NotAuthorisedError: these credentials may no longer connect.
        """
        while True:
            if self._link is None:
                self._reconnect()
                self.reconnected = True
                return None
            try:
                message = self._link.take(deadline.left_s)
            except (BrokerUnreachableError, RefusedError) as error:
                LOG.warning("lost the reply queue: %s", error, extra={"action": "reconnect"})
                self._link.close()
                self._link = None
                continue
            if message is None:
                return None
            event = self._believed(message)
            if event is not None:
                return event

    def _believed(self, message: Incoming) -> Event | None:
        try:
            event = codec.open_door(delivery_of(message), identities=self._identities)
        except InvalidEventError as error:
            LOG.warning("an answer is not believed: %s", error, extra={"action": "refused"})
            return None
        return event if event.correlationid == self._flow else None

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
                arguments={"x-queue-type": "classic", "x-expires": self._expires_ms},
            )
            for key in reply_keys(repo=self._repo, flow=self._flow):
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
        for attempt in range(10**6):
            try:
                self._listen_again(self._deadline.within(_ATTEMPT_S))
                return
            except BrokerUnreachableError:
                if self._link is not None:
                    self._link.hang_up()
                    self._link = None
                pause_s = _PAUSE_S[min(attempt, len(_PAUSE_S) - 1)]
                if self._deadline.left_s <= pause_s:
                    raise
                Deadline.after(pause_s).sleep()

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        try:
            if link.lost is None:
                link.call(Deadline.after(2.0), "queue_delete", queue=self._queue)
        except (DevSecOpsError, RefusedError) as error:
            # It expires by itself.
            LOG.info("left the reply queue behind: %s", error, extra={"action": "leave"})
        finally:
            link.close()


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
