"""How old the data is that a check looks with, read again only when it may have changed."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.metrics import Reading
from devsecops_eda.model import DataVersion

READ_AGAIN_S = 300.0
"""So often rules and data are read again where nothing says that they changed."""

_Signature = tuple[tuple[str, int, int, int], ...]


class Freshness:
    """Rules and data of one scanner, as its next scan will find them. Thread-safe."""

    def __init__(
        self, check: Scanner, settings: CheckSettings, clock: Callable[[], datetime]
    ) -> None:
        """Take the scanner, where its data lies and how old that may be."""
        self._check = check
        self._settings = settings
        # Data that is too old still has an age to be shown.
        self._any_age = replace(settings, max_age_s=math.inf)
        self._clock = clock
        self._lock = threading.Lock()
        self._data: DataVersion | None = None
        self._read_at = float("-inf")
        self._seen: _Signature | None = None

    def lacking(self) -> str | None:
        """Return why the next scan would have no verdict for its rules or data, None if it will.

        Raises:
            CheckError: the data is missing or too old.
            ConfigurationError: the rules cannot be read.
            UnavailableError: the data is being replaced right now.
        """
        with self._lock:
            seen = self._signature()
            if seen != self._seen or (not seen and self._read_long_ago):
                self._data, self._seen = None, None
                self._data = self._check.inputs(self._any_age, now=self._clock()).data
                self._seen, self._read_at = seen, time.monotonic()
            if self._data is not None and self._age_s(self._data) > self._settings.max_age_s:
                raise CheckError(
                    FailureReason.STALE_DATA,
                    f"the data speaks for {self._data.date:%Y-%m-%d %H:%M} UTC and is older than"
                    f" {self._settings.max_age_s / 86400:g} days",
                )
        return None

    def age(self) -> Reading:
        """Return how old the data is that was read last, in seconds; nothing where there is none.

        Data that is too old goes on ageing here.
        """
        data = self._data
        return {} if data is None else {(self._check.name,): self._age_s(data)}

    def max_age(self) -> Reading:
        """Return how old it may be; nothing for a check that looks with rules alone."""
        return dict.fromkeys(self.age(), self._settings.max_age_s)

    @property
    def _read_long_ago(self) -> bool:
        return time.monotonic() - self._read_at > READ_AGAIN_S

    def _age_s(self, data: DataVersion) -> float:
        return max(0.0, (self._clock() - data.date).total_seconds())

    def _signature(self) -> _Signature:
        folder = self._settings.database
        if folder is None:
            return ()
        try:
            files = sorted(folder.iterdir())
            return tuple(_stat(file) for file in files)
        except OSError:
            return ((str(folder), 0, 0, 0),)


def _stat(file: Path) -> tuple[str, int, int, int]:
    found = file.stat()
    return file.name, found.st_ino, found.st_size, found.st_mtime_ns
