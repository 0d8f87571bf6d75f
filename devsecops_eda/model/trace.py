"""W3C trace context: what an event hands on to those it leads to."""

from __future__ import annotations

import hashlib
import re

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_VERSION = "00"


def trace_after(cause: str | None, event_id: str) -> str | None:
    """Return the ``traceparent`` of an event that ``cause`` (its cause's) led to.

    It is of the same trace, sampled alike, with a span of its own that follows from the id alone:
    an event that is said again says the same bytes. None where the cause is in no trace.
    """
    found = _FORM.fullmatch(cause or "")
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    span = hashlib.sha256(event_id.encode()).hexdigest()[:16]
    # A span of zeros is none.
    return f"{_VERSION}-{found[1]}-{span if span.strip('0') else span[:-1] + '1'}-{found[3]}"
