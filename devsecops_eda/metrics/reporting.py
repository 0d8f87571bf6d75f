"""From pool children to the one process that counts: a pipe, in pieces that cannot tear.

A child writes each report in one piece of at most ``PIPE_BUF`` bytes, which the kernel passes on
whole or not at all (POSIX, write). So a child that is killed leaves nothing behind: no file, no
series, no half of a line. A pipe that is full makes a report lost, and counted, and never makes
a scan wait.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from devsecops_eda.metrics.meters import Meters
from devsecops_eda.metrics.table import (
    FAILED,
    LOST_REPORTS,
    METRICS,
    OK,
    STAGE_SECONDS,
    Kind,
    Metric,
    Stage,
)

LOG = logging.getLogger(__name__)

PIPE_BYTES = 1024**2
"""How much the pipe is asked to hold: some ten thousand reports."""
END = b"null"
"""The line that ends the reading; no report looks like it."""

_BY_NAME = {metric.name: metric for metric in METRICS}


class Recorder(Protocol):
    """Takes counts and durations. Never raises, never waits."""

    def count(self, metric: Metric, *words: str, by: float = 1.0) -> None:
        """Add ``by`` to a counter."""
        ...

    def observe(self, metric: Metric, value: float, *words: str) -> None:
        """Add one duration in seconds to a histogram."""
        ...


class Nothing:
    """Takes everything and keeps nothing: for programs that nobody scrapes."""

    def count(self, metric: Metric, *words: str, by: float = 1.0) -> None:
        """Do nothing."""

    def observe(self, metric: Metric, value: float, *words: str) -> None:
        """Do nothing."""


class Direct:
    """Counts in this process; for programs that do not fork."""

    def __init__(self, meters: Meters) -> None:
        """Take where it is counted."""
        self._meters = meters

    def count(self, metric: Metric, *words: str, by: float = 1.0) -> None:
        """Add ``by`` to a counter; what cannot be counted is a bug of ours, and logged."""
        try:
            self._meters.count(metric, *words, by=by)
        except (KeyError, ValueError):
            LOG.exception("%s cannot be counted", metric.name, extra={"action": "metrics"})

    def observe(self, metric: Metric, value: float, *words: str) -> None:
        """Add one duration; what cannot be counted is a bug of ours, and logged."""
        try:
            self._meters.observe(metric, value, *words)
        except (KeyError, ValueError):
            LOG.exception("%s cannot be observed", metric.name, extra={"action": "metrics"})


class Gathering:
    """Counts in the process that made it; forked children report to that process.

    ``start`` it before the first fork. A context manager: at its end it counts what was reported.
    """

    def __init__(self, meters: Meters) -> None:
        """Take where it is counted."""
        self._meters = meters
        self._direct = Direct(meters)
        self._owner = os.getpid()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        with suppress(OSError):
            # An unprivileged user may have used up what all his pipes may hold.
            fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._lost = 0
        self._thread = threading.Thread(target=self._listen, name="metrics", daemon=True)

    def __enter__(self) -> Gathering:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Count what was reported until now and stop listening."""
        while self._thread.is_alive() and not self._put(END + b"\n"):
            select.select((), (self._write,), (), 0.1)
        self._thread.join()
        os.close(self._write)
        os.close(self._read)

    def count(self, metric: Metric, *words: str, by: float = 1.0) -> None:
        """Add ``by`` to a counter, here or in the process that counts."""
        if os.getpid() == self._owner:
            self._direct.count(metric, *words, by=by)
        else:
            self._report(metric, words, by)

    def observe(self, metric: Metric, value: float, *words: str) -> None:
        """Add one duration to a histogram, here or in the process that counts."""
        if os.getpid() == self._owner:
            self._direct.observe(metric, value, *words)
        else:
            self._report(metric, words, value)

    def _report(self, metric: Metric, words: tuple[str, ...], value: float) -> None:
        lines = [[metric.name, [str(word) for word in words], value]]
        if self._lost:
            lines.append([LOST_REPORTS.name, [], self._lost])
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        if self._put(body):
            self._lost = 0
        else:
            self._lost += 1

    def _put(self, body: bytes) -> bool:
        """Write ``body`` whole; False where it is too long, the pipe is full or nobody reads."""
        if len(body) > select.PIPE_BUF:
            return False
        try:
            return os.write(self._write, body) == len(body)
        except OSError:
            # Full (EAGAIN), or the process that counts is gone (EPIPE): a scan goes on.
            return False

    def _listen(self) -> None:
        rest = b""
        while True:
            rest += os.read(self._read, 65536)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line == END:
                    return
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            name, words, value = json.loads(line)
            metric = _BY_NAME[name]
            if metric.kind is Kind.HISTOGRAM:
                self._meters.observe(metric, value, *words)
            else:
                self._meters.count(metric, *words, by=value)
        except (KeyError, TypeError, ValueError):
            LOG.exception("a report cannot be counted", extra={"action": "metrics"})


@contextmanager
def timed(recorder: Recorder, stage: Stage) -> Iterator[None]:
    """Time the block as one stage; an exception makes it a failed one."""
    begun = time.monotonic()
    result = FAILED
    try:
        yield
        result = OK
    finally:
        recorder.observe(STAGE_SECONDS, time.monotonic() - begun, stage, result)
