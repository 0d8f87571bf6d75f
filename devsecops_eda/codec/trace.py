"""The trace that a message says it is of, whether it is an event or not."""

from __future__ import annotations

from collections.abc import Mapping

from cloudevents.core.bindings.rabbitmq import CE_PREFIX

from devsecops_eda.codec.envelope import MAX_BODY_BYTES
from devsecops_eda.codec.strict import parse
from devsecops_eda.errors import InvalidEventError

_NAME = "traceparent"


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
