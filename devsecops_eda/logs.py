"""How a log line is written: JSON for machines, one line for people, secrets in neither.

Whoever works on an event says so with ``about``; every line written meanwhile names the event,
its flow, the check and the attempt, whoever wrote it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from devsecops_eda.model import Event
from devsecops_eda.redaction import Redaction

FIELDS = ("action", "event", "flow", "check", "attempt")
"""What a line names beside its message where it is known, in this order."""

MAX_MESSAGE = 16 * 1024

_ABOUT: ContextVar[dict[str, str | int] | None] = ContextVar("about", default=None)
_PLAIN = frozenset((*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime"))


@contextmanager
def about(event: Event, *, check: str | None = None, attempt: int | None = None) -> Iterator[None]:
    """Let every line that is written in the block name the event that is worked on."""
    known = {"event": event.id, "flow": event.correlationid, "check": check, "attempt": attempt}
    token = _ABOUT.set({name: value for name, value in known.items() if value is not None})
    try:
        yield
    finally:
        _ABOUT.reset(token)


class _Formatter(logging.Formatter):
    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def _message(self, record: logging.LogRecord) -> str:
        # Cut twice: what is cut first may end in half a secret, which nothing recognises.
        return self._redaction.redacted(record.getMessage()[: 2 * MAX_MESSAGE])[:MAX_MESSAGE]

    def _trouble(self, record: logging.LogRecord) -> str:
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        text = (record.exc_text or "")[-2 * MAX_MESSAGE :]
        return self._redaction.redacted(text)[-MAX_MESSAGE:]

    def _fields(self, record: logging.LogRecord) -> dict[str, str | int | float]:
        given = {**(_ABOUT.get() or {}), **record.__dict__}
        named = {name: given[name] for name in FIELDS if given.get(name) is not None}
        more = {
            name: value
            for name, value in record.__dict__.items()
            if name not in _PLAIN and isinstance(value, str | int | float)
        }
        return {
            name: value if isinstance(value, int | float) else self._redaction.redacted(str(value))
            for name, value in {**named, **more}.items()
        }


class JsonFormatter(_Formatter):
    """One JSON object on one line, in ASCII: nothing in a message can break out of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, message, what it is about, exception."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
            **self._fields(record),
        }
        trouble = self._trouble(record)
        return json.dumps({**line, "exception": trouble} if trouble else line)


class TextFormatter(_Formatter):
    """One line for a person at a terminal; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: local time, level, message, then what it is about."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(f"{name}={value}" for name, value in self._fields(record).items())
        line = f"{time} {record.levelname:<8} {self._message(record)}"
        line = _one_line(f"{line}  [{fields}]" if fields else line)
        trouble = self._trouble(record)
        if trouble:
            line += "".join(f"\n    {_one_line(part)}" for part in trouble.splitlines())
        return line


def _one_line(text: str) -> str:
    """Return ``text`` without what would begin another line, or that a terminal would act on."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
