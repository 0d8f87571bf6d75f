"""From a TOML value, or the text of an environment variable, to one of our types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import durationpy

MAX_SECRET_BYTES = 65536
_SIZES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(r"([0-9]{1,9})\s*(B|KiB|MiB|GiB)")


@dataclass(frozen=True, slots=True)
class Base:
    """What paths are relative to; ``home`` stands for a leading ``~/`` (None: refused)."""

    folder: Path
    home: Path | None = None


Reader = Callable[[object, Base], object]
"""Turns a value into ours, or raises ValueError saying what it must be (never what it was)."""


def text(value: object, _base: Base) -> str:
    """Return a text that is not empty and has no control characters."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {kind_of(value)}")
    if not value or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("must be a text that is not empty and stands on one line")
    return value


def texts(value: object, base: Base) -> tuple[str, ...]:
    """Return a list of texts; in an environment variable they are divided by commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise ValueError(f"must be a list of texts, not {kind_of(value)}")
    return tuple(text(item, base) for item in value)


def path(value: object, base: Base) -> Path:
    """Return an absolute path; ``~/`` is the home folder."""
    given = text(value, base)
    if given == "~" or given.startswith("~/"):
        if base.home is None:
            raise ValueError("begins with ~, but there is no home folder; write the whole path")
        return base.home / given[2:]
    return base.folder / given


def paths(value: object, base: Base) -> tuple[Path, ...]:
    """Return a list of absolute paths."""
    return tuple(path(item, base) for item in texts(value, base))


def duration_s(value: object, base: Base) -> float:
    """Return a span of time in seconds: ``30s``, ``5m``, ``1h30m``, ``7d``."""
    if not isinstance(value, str):
        raise ValueError(f'must be a duration like "300s", "5m" or "7d", not {kind_of(value)}')
    try:
        seconds: float = durationpy.from_str(text(value, base)).total_seconds()
    except (durationpy.DurationError, OverflowError):
        seconds = 0.0
    if seconds <= 0:
        raise ValueError('must be a duration above zero like "300s", "5m" or "7d"')
    return seconds


def size_bytes(value: object, _base: Base) -> int:
    """Return a number of bytes: ``512MiB``, ``4GiB``."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        raise ValueError('must be a size above zero like "512MiB" or "4GiB"')
    return int(match[1]) * _SIZES[match[2]]


def number(lowest: int, highest: int) -> Reader:
    """Return a reader for whole numbers from ``lowest`` to ``highest``."""

    def read(value: object, _base: Base) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)
        # bool is an int to Python, but to nobody else: true is no number.
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number, not {kind_of(value)}")
        if not lowest <= value <= highest:
            raise ValueError(f"must be from {lowest} to {highest}")
        return value

    return read


def switch(value: object, _base: Base) -> bool:
    """Return true or false; nothing else stands for them."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value, value)
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {kind_of(value)}")
    return value


def one_of(*words: str) -> Reader:
    """Return a reader for one of ``words``."""

    def read(value: object, base: Base) -> str:
        if text(value, base) not in words:
            raise ValueError("must be " + " or ".join(f'"{word}"' for word in words))
        return str(value)

    return read


def kind_of(value: object) -> str:
    """Return what a TOML value is, in a reader's words."""
    for type_, name in _KINDS.items():
        if isinstance(value, type_):
            return name
    return "a date or time"


# bool stands before int: it is one to Python.
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}
