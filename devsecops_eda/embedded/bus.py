"""An exchange and its queues within one process."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping

from devsecops_eda import codec
from devsecops_eda.model import Event
from devsecops_eda.topology import EVENTS, Identities, Topology

LOG = logging.getLogger(__name__)

USER = "local"
"""Who says everything here: there is one user, the one at the keyboard."""

Consumer = Callable[[Event], None]


class Bus:
    """Fans each published event out by the topology's bindings, one thread per consumer.

    Every event is encoded, routed by its key and let in through the door, as on the wire.
    """

    def __init__(self, topology: Topology, consumers: Mapping[str, Consumer]) -> None:
        """Take one consumer per check name; ``start`` lets them run."""
        self._topology = topology
        self._identities = Identities(sole_user=USER)
        self._queues: dict[str, queue.SimpleQueue[codec.Delivery | None]] = {
            name: queue.SimpleQueue() for name in consumers
        }
        self._consumers = dict(consumers)
        self._threads = [
            # Daemons: a scanner that dies with its thread must not keep Ctrl-C waiting.
            threading.Thread(target=self._serve, args=(name,), name=f"check {name}", daemon=True)
            for name in consumers
        ]
        self.seen: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.broken: list[Exception] = []

    def start(self) -> None:
        """Let the consumers run."""
        for thread in self._threads:
            thread.start()

    def publish(self, event: Event) -> None:
        """Put ``event`` into the queue of every consumer whose bindings match its key."""
        key = codec.key_of(event)
        delivery = codec.Delivery(
            body=codec.encode(event),
            content_type=codec.CONTENT_TYPE,
            routing_key=key,
            exchange=EVENTS,
            user_id=USER,
            message_id=event.id,
        )
        self.seen.put(event)
        for name in self._topology.matching(key):
            if name in self._queues:
                self._queues[name].put(delivery)

    def stop(self, *, timeout_s: float) -> None:
        """Let every consumer end after what it is doing; wait for them up to ``timeout_s``."""
        for waiting in self._queues.values():
            waiting.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _serve(self, name: str) -> None:
        while (delivery := self._queues[name].get()) is not None:
            try:
                self._consumers[name](codec.open_door(delivery, identities=self._identities))
            except Exception as error:
                # Nobody else publishes here: what the door refuses is a bug of ours, too. A thread
                # that ends in silence would leave the scan waiting for its answer.
                LOG.exception("%s failed", name, extra={"action": "consumer_failed"})
                self.broken.append(error)
