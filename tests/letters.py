"""Dead letters as the broker hands them out: what a worker buried, and what the broker wrote."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pika

from devsecops_eda import codec
from devsecops_eda.broker import Borrowed, Incoming
from devsecops_eda.model import Event
from devsecops_eda.topology import (
    DEAD,
    DEATHS_HEADER,
    DELIVERIES_HEADER,
    DETAIL_HEADER,
    EVENTS,
    FIRST_HEADER,
    KEY_HEADER,
    LAST_HEADER,
    ORIGIN_HEADER,
    PATH_HEADER,
    REASON_HEADER,
    USER_HEADER,
    queue_name,
)
from tests.examples import golden

PUSH = golden("commit.pushed", "branch_with_target")
FIRST = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LAST = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def borrowed(
    body: bytes,
    headers: Mapping[Any, Any],
    *,
    key: str = "",
    size: int | None = None,
    **properties: Any,
) -> Borrowed:
    """Return a message as it is looked at in the dead letters."""
    made = pika.BasicProperties(headers=dict(headers), **properties)
    digest = hashlib.sha256(body).hexdigest()
    return Borrowed(Incoming(DEAD, key, body, made, 1), digest, len(body) if size is None else size)


def buried(
    event: Event = PUSH,
    *,
    body: bytes | None = None,
    reason: str = "future_time",
    queue: str = queue_name("approval"),
    headers: Mapping[Any, Any] | None = None,
    **properties: Any,
) -> Borrowed:
    """Return a letter that a worker buried."""
    ours = {
        REASON_HEADER: reason,
        DETAIL_HEADER: "the event says it happened more than 5 minutes from now",
        PATH_HEADER: "/time",
        ORIGIN_HEADER: queue,
        KEY_HEADER: codec.key_of(event),
        USER_HEADER: "ci-acme",
        FIRST_HEADER: codec.format_time(FIRST),
        LAST_HEADER: codec.format_time(LAST),
        DEATHS_HEADER: 2,
        DELIVERIES_HEADER: 3,
    }
    said = {
        name: value for name, value in codec.properties_of(event).items() if name != "timestamp"
    }
    return borrowed(
        codec.encode(event) if body is None else body,
        {**(headers or {}), **ours},
        **{**said, **properties},
    )


def by_broker(
    event: Event = PUSH,
    *,
    reason: str = "delivery_limit",
    key: str | None = None,
    queue: str = queue_name("semgrep"),
    headers: Mapping[Any, Any] | None = None,
    body: bytes | None = None,
    size: int | None = None,
    record: Mapping[str, Any] | None = None,
    user: str | None = "ci-acme",
) -> Borrowed:
    """Return a letter that the broker wrote."""
    key = codec.key_of(event) if key is None else key
    death = {
        "count": 1,
        "reason": reason,
        "queue": queue,
        "time": LAST,
        "exchange": EVENTS,
        "routing-keys": [key],
        **(record or {}),
    }
    return borrowed(
        codec.encode(event) if body is None else body,
        {**(headers or {}), "x-death": [death], "x-first-death-queue": queue},
        key=key,
        size=size,
        message_id=event.id,
        content_type=codec.CONTENT_TYPE,
        correlation_id=event.correlationid,
        user_id=user,
    )


def encoded(body: bytes) -> str:
    """Return ``body`` as a task's arguments carry it."""
    return base64.b64encode(body).decode("ascii")
