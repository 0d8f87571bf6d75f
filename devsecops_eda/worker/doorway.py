"""Where a raw event becomes a Celery task in memory, and a bad one the task that refuses it.

Celery deletes or dies of messages that are not its own; so none of what comes in reaches it.
Every header is rebuilt from nothing, on a *copy* of the delivered message: a requeued original
must go back as it came.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid5

from kombu.entity import Queue

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.metrics import Nothing, Recorder, table
from devsecops_eda.metrics.table import Admission
from devsecops_eda.model import NAMESPACE, Event
from devsecops_eda.topology import Identities, check_keys, matches, queue_name
from devsecops_eda.worker.origin import deliveries, history_of, origin_of
from devsecops_eda.worker.wire import unreadable

LOG = logging.getLogger(__name__)

SCAN_TASK = "devsecops.take"
REFUSE_TASK = "devsecops.refuse"
MAX_BUGS_IN_A_ROW = 5
"""So many unexpected exceptions in a row are our bug, not theirs: the worker stops."""

_EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_KEPT_PROPERTIES = ("content_type", "message_id", "type", "correlation_id", "app_id")
_MAX_KEPT_BYTES = 8192


class Doorway:
    """Turns each delivered message into one of two tasks. Raises nothing."""

    def __init__(
        self,
        check: str,
        *,
        identities: Identities,
        stop: Callable[[], None],
        recorder: Recorder | None = None,
    ) -> None:
        """Take the check whose queue this is and what stops the worker when the bug is ours."""
        self._queue = queue_name(check)
        self._keys = check_keys(check)
        self._identities = identities
        self._stop = stop
        self._recorder = recorder or Nothing()
        self._bugs = 0

    def admit(self, message: Any) -> Any | None:
        """Return the message as a task, or None when it was answered here and now.

        ``message`` is what the transport delivered (``body``, ``properties``,
        ``delivery_info``); it is left as it came.
        """
        try:
            return self._admit(message)
        except Exception:
            # The one catch-all at the door. What lands here is a bug of ours, not a refusal:
            # it must neither kill the worker nor empty the queue into the dead letters.
            LOG.exception("the door itself failed", extra={"action": "door_failed"})
            self._recorder.count(table.DELIVERIES, Admission.FAILED)
            self._bugs += 1
            if self._bugs >= MAX_BUGS_IN_A_ROW:
                self._stop()
                return None
            return self._refusal(
                message, InvalidEventError(RefusalReason.INTERNAL, "the door itself failed")
            )

    def _admit(self, message: Any) -> Any | None:
        body = _bytes(message.body)
        if len(body) > codec.MAX_REJECT_BYTES:
            # Too large to be carried to a task; its length is its reason.
            message.channel.basic_reject(message.delivery_info["delivery_tag"], requeue=False)
            LOG.warning(
                "rejected a message of %d bytes", len(body), extra={"action": "message_rejected"}
            )
            self._recorder.count(table.DELIVERIES, Admission.REJECTED)
            self._recorder.count(table.REFUSED, RefusalReason.TOO_LARGE)
            return None
        properties = message.properties
        headers = properties.get("application_headers") or {}
        try:
            event = self._open(message, body, headers)
        except InvalidEventError as refusal:
            self._bugs = 0
            self._recorder.count(table.DELIVERIES, Admission.REFUSED)
            return self._refusal(message, refusal)
        self._bugs = 0
        self._recorder.count(table.DELIVERIES, Admission.ADMITTED)
        origin = origin_of(message, queue=self._queue)
        user, history = origin["user"], history_of(origin)
        attempts = deliveries(message)
        if attempts > 1:
            self._recorder.count(table.REDELIVERIES)
        return self._task(
            message,
            SCAN_TASK,
            [codec.encode(event).decode(), user, attempts, *([history] * bool(history))],
            key=f"{user}/{event.source}/{event.id}",
        )

    def _open(self, message: Any, body: bytes, headers: Any) -> Event:
        properties = message.properties
        why = unreadable(properties)
        if why is not None:
            raise InvalidEventError(
                RefusalReason.BAD_TEXT, f"the properties of the message cannot be read ({why})"
            )
        event = codec.open_door(
            codec.Delivery(
                body=body,
                content_type=properties.get("content_type"),
                headers=headers,
                routing_key=message.delivery_info.get("routing_key") or "",
                exchange=message.delivery_info.get("exchange") or "",
                user_id=properties.get("user_id"),
            ),
            identities=self._identities,
        )
        key = codec.key_of(event)
        if not any(matches(pattern, key) for pattern in self._keys):
            raise InvalidEventError(
                RefusalReason.KEY_MISMATCH,
                f"{event.type.value} is nothing for the queue {self._queue}, no binding brings it",
            )
        return event

    def _refusal(self, message: Any, refusal: InvalidEventError) -> Any:
        body = _bytes(message.body)
        kept = {
            name: str(message.properties[name])[:1024]
            for name in _KEPT_PROPERTIES
            if message.properties.get(name) is not None
        }
        arguments = [
            base64.b64encode(body).decode("ascii"),
            refusal.reason.value,
            refusal.detail,
            refusal.path,
            origin_of(message, queue=self._queue),
            kept,
            _plain_headers(message.properties.get("application_headers") or {}),
        ]
        return self._task(
            message, REFUSE_TASK, arguments, key=base64.b64encode(body[:4096]).decode("ascii")
        )

    def _task(self, message: Any, task: str, arguments: list[Any], *, key: str) -> Any:
        task_id = str(uuid5(NAMESPACE, f"{self._queue}/{task}/{key}"))
        made = copy.copy(message)
        made.body = json.dumps([arguments, {}, _EMBED])
        made.properties = {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "correlation_id": task_id,
            "delivery_mode": 2,
            "application_headers": {
                "lang": "py",
                "task": task,
                "id": task_id,
                "root_id": task_id,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "eta": None,
                "expires": None,
                "timelimit": [None, None],
                "argsrepr": "()",
                "kwargsrepr": "{}",
                "origin": "door",
                "ignore_result": True,
            },
        }
        return made


class EventQueue(Queue):
    """A queue whose messages pass the door before Celery sees them."""

    # ``Queue.bind`` copies a queue by these names.
    attrs: Any = (*Queue.attrs, ("doorway", None))

    doorway: Doorway

    def consume(
        self,
        consumer_tag: str = "",
        callback: Callable[[Any], Any] | None = None,
        no_ack: bool | None = None,
        nowait: bool = False,
        on_cancel: Callable[..., Any] | None = None,
    ) -> Any:
        """Start consuming, with the door between the transport and ``callback``."""

        def on_raw(message: Any) -> Any:
            task = self.doorway.admit(message)
            return None if task is None or callback is None else callback(task)

        consume: Any = super().consume
        return consume(consumer_tag, on_raw, no_ack, nowait, on_cancel)


def event_queue(check: str, doorway: Doorway) -> EventQueue:
    """Return the existing queue of ``check``; nothing is declared by consuming it."""
    make: Any = EventQueue
    queue: EventQueue = make(
        queue_name(check),
        doorway=doorway,
        no_declare=True,
        # Celery looks here to learn that prefetch counts per consumer on this queue.
        queue_arguments={"x-queue-type": "quorum"},
    )
    return queue


def _bytes(body: Any) -> bytes:
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def _plain_headers(headers: Any) -> dict[str, str | int]:
    """Return those headers that can be carried as they are, within a bound."""
    kept: dict[str, str | int] = {}
    if not isinstance(headers, Mapping):
        return kept
    size = 0
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str | int):
            continue
        size += len(name) + len(str(value))
        if size > _MAX_KEPT_BYTES:
            break
        kept[name] = value
    return kept
