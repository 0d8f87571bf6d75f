"""Instants on the wire: RFC 3339 with a time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_FORM = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", flags=re.ASCII
)


def parse_time(text: str) -> datetime:
    """Return the instant in UTC; what is finer than a microsecond is cut.

    Raises:
        ValueError: ``text`` is no RFC 3339 time that Python can hold.
    """
    # fromisoformat() alone takes week dates, days without a time and times without a zone.
    if _FORM.fullmatch(text) is None:
        raise ValueError("no RFC 3339 time with a time zone")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999") from error


def format_time(time: datetime) -> str:
    """Return ``time`` in UTC with ``Z``, at most with microseconds.

    Raises:
        ValueError: ``time`` has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError("a time without time zone names no instant")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
