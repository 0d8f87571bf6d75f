"""Spans of time as a policy writes them: ``90s``, ``15m``, ``24h``, ``7d``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta

import durationpy

_SHAPE = re.compile("".join(rf"(?:[1-9][0-9]{{0,4}}{unit})?" for unit in "dhms"))
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def parse_duration(text: str) -> timedelta:
    """Return the span that ``text`` says: days, hours, minutes, seconds, in this order.

    Raises:
        ValueError: it is none. A bare number is none: of what?
    """
    # durationpy alone takes signs, fractions, years of 365 days and digits of any script.
    if not text or _SHAPE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no span of time")
    span: timedelta = durationpy.from_str(text)
    return span


def show_duration(span: timedelta) -> str:
    """Return ``span`` as a policy would write it, whole seconds."""
    rest = int(span.total_seconds())
    parts = []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
