"""Where a message comes from: in the broker's words, and a replayed one in those of its letter.

What comes through the replay exchange was put there by an operator: the broker lets nobody else.
Only there the headers are believed that say who said it first, under which key, and since when it
has been refused; so it keeps its identity, and passes the door as it did the first time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devsecops_eda import topology
from devsecops_eda.codec import parse_time

MAX_DEATHS = 1_000_000
_MAX_CHARS = 255


def origin_of(message: Any, *, queue: str) -> dict[str, str]:
    """Return queue, routing key, user and deliveries of what was delivered on ``queue``.

    Of a replayed message also when it was first refused (``first``) and how often (``deaths``).
    Raises nothing, whatever the message is.
    """
    headers = headers_of(message)
    found = {
        "queue": queue,
        "routing_key": _text(message.delivery_info.get("routing_key")),
        "user": _text(message.properties.get("user_id")),
        "deliveries": str(deliveries(message)),
    }
    if message.delivery_info.get("exchange") == topology.REPLAY:
        found["routing_key"] = _text(headers.get(topology.KEY_HEADER))
        found["user"] = _text(headers.get(topology.USER_HEADER))
        found.update(_history(headers))
    return found


def history_of(origin: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of the refusals before this one; empty for what is no replay."""
    return {name: origin[name] for name in ("first", "deaths") if name in origin}


def headers_of(message: Any) -> Mapping[Any, Any]:
    """Return the headers of a delivered message; none where they are no table."""
    headers = message.properties.get("application_headers")
    return headers if isinstance(headers, Mapping) else {}


def deliveries(message: Any) -> int:
    """Return how often the broker has delivered the message, this time included.

    Raises nothing, whatever the message is.
    """
    count = headers_of(message).get("x-delivery-count")
    # To a consumer the header is the sender's until the broker has something to count, in every
    # version; whether it is delivered for the first time is always the broker's word.
    if not message.delivery_info.get("redelivered") or not isinstance(count, int):
        return 1
    return 1 + min(max(count, 0), topology.DELIVERY_LIMIT)


def _history(headers: Mapping[Any, Any]) -> dict[str, str]:
    found = {}
    deaths = headers.get(topology.DEATHS_HEADER)
    if isinstance(deaths, int):
        found["deaths"] = str(min(max(deaths, 0), MAX_DEATHS))
    first = _text(headers.get(topology.FIRST_HEADER))
    try:
        parse_time(first)
    except ValueError:
        return found
    return {**found, "first": first}


def _text(value: object) -> str:
    return str(value or "")[:_MAX_CHARS]
