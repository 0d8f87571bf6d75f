"""How this process logs: what the command line said, completed by the configuration."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from devsecops_eda.redaction import Redaction, login_forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devsecops_eda.settings import LogFormat, Settings


_VERBOSE = ("celery.pool", "sqlalchemy")
"""Loggers that write out whole messages, or rows with them, at the level ``debug``."""


class Logged:
    """The root logger's one handler. What the command line says goes before the configuration."""

    def __init__(self, level: str, format_: str | None) -> None:
        """Log to stderr from now on; ``format_`` None leaves it to the configuration."""
        self._level, self._given = level, format_
        self._configured: LogFormat | None = None
        self._for_days = False
        self._redaction = Redaction()
        self._handler = logging.StreamHandler(sys.stderr)
        logging.basicConfig(level=level.upper(), handlers=[self._handler])
        for name in _VERBOSE:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._choose()

    @property
    def options(self) -> tuple[str, ...]:
        """Return the options that let another program of ours log as this one does."""
        format_ = ("--log-format", self._given) if self._given else ()
        return ("--log-level", self._level, *format_)

    def learn(self, settings: Settings) -> None:
        """Follow the configuration, and mask its secrets from now on."""
        self._redaction.hide(_secrets(settings))
        self._configured = settings.log_format
        self._choose()

    def run_for_days(self) -> None:
        """Say what happens, not only what goes wrong, and say it to machines if nobody looks on."""
        self._for_days = True
        root = logging.getLogger()
        root.setLevel(min(root.level or logging.INFO, logging.INFO))
        self._choose()

    def _choose(self) -> None:
        from devsecops_eda.logs import JsonFormatter, TextFormatter

        said = self._given or self._configured or "auto"
        lines = said == "json" or (said == "auto" and self._for_days and not sys.stderr.isatty())
        made = JsonFormatter if lines else TextFormatter
        self._handler.setFormatter(made(self._redaction))


def _secrets(settings: Settings) -> Iterator[str]:
    for url in (settings.broker.url, settings.broker.management_url, settings.gate.database):
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        if parts.password:
            yield parts.password
            yield from login_forms(unquote(parts.username or ""), unquote(parts.password))
        for name, value in parse_qsl(parts.query):
            # What libpq takes as the password of a login or of a key.
            if name.endswith("password"):
                yield value
