"""What a message says of itself, be it an event or not, as far as it can be said again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from cloudevents.core.bindings.rabbitmq import CE_PREFIX

from devsecops_eda.codec.envelope import MAX_BODY_BYTES
from devsecops_eda.codec.strict import parse
from devsecops_eda.errors import InvalidEventError

_NAME = "traceparent"
_USER = re.compile("[!-~]{1,128}")


def said_flow(correlation_id: object) -> str | None:
    """Return the flow that a message names, so that whoever waits on it hears of it."""
    try:
        return str(UUID(correlation_id if isinstance(correlation_id, str) else ""))
    except ValueError:
        return None


def said_user(user: str) -> str | None:
    """Return a user of the broker where an event can name it; what else it calls them it cannot."""
    return user if _USER.fullmatch(user) else None


def said_trace(body: bytes, headers: Mapping[str, object]) -> str | None:
    """Return what a message calls its ``traceparent``, None where it names none that can be read.

    It is text from outside: ``trace_after`` takes nothing of it but a well-formed trace.
    """
    for header, value in headers.items():
        if str(header).lower() == CE_PREFIX + _NAME:
            return _text(value)
    try:
        document = parse(body, max_bytes=MAX_BODY_BYTES)
    except InvalidEventError:
        return None
    return _text(document.get(_NAME)) if isinstance(document, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
