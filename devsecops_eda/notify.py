"""Telling systemd of this process: that it is ready, that it stops, that it is alive.

The protocol is one datagram of lines (sd_notify(3)). The bindings on PyPI are either a C extension
around libsystemd or no longer looked after; this is all that we need of it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

LOG = logging.getLogger(__name__)

SEND_TIMEOUT_S = 1.0
"""So long a full socket may hold us up; what was not sent then is lost."""
TELLS_PER_WATCHDOG = 4
"""So often within the time of the watchdog it is told that all goes round."""
WAITING_TOLD_EVERY_S = 5.0
PATIENCE_S = 30.0
"""So much more time is asked for whenever it is told that something is waited for."""


class Systemd:
    """Sends what there is to say to the systemd that started us; to nobody where none did.

    Raises nothing: whoever cannot be told must not stop the work. Thread-safe.
    """

    def __init__(self, address: str | None = None, *, watchdog_s: float | None = None) -> None:
        """Take the address of the socket (``@`` stands for an abstract one).

        ``watchdog_s`` is how long a process may be silent before it is restarted.
        """
        self._address = address
        self.watchdog_s = watchdog_s if address else None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Systemd:
        """Return the one that ``environ`` names for this process."""
        address = environ.get("NOTIFY_SOCKET") or None
        given, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
        ours = whose is None or whose == str(os.getpid())
        watchdog_s = int(given) / 1e6 if given.isdecimal() and ours else 0.0
        return cls(address, watchdog_s=watchdog_s or None)

    def ready(self, status: str) -> None:
        """Say that the work has begun, and in words what is done."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def stopping(self) -> None:
        """Say that we are about to end by ourselves: a watchdog need not wait any more."""
        self._send("STOPPING=1", "STATUS=finishing what runs")

    def alive(self) -> None:
        """Say that the work goes round."""
        self._send("WATCHDOG=1")

    def waiting(self, status: str) -> None:
        """Say what is waited for; a start takes PATIENCE_S from now on without having failed."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(PATIENCE_S * 1e6)}", f"STATUS={_line(status)}")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(SEND_TIMEOUT_S)
                sender.connect(address)
                sender.send("\n".join(lines).encode())
        except OSError as error:
            LOG.warning("systemd cannot be told: %s", error, extra={"action": "not_notified"})


class Pulse:
    """Feeds the watchdog as long as *every* part of a program goes round. Thread-safe.

    Where one stands still, or its thread has died, nothing more is told, whatever the others do.
    """

    def __init__(
        self,
        systemd: Systemd,
        *parts: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take who is told, and the names of the parts."""
        self.systemd = systemd
        self._parts = frozenset(parts)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._went_round: set[str] = set()
        self._alive_at = float("-inf")
        self._waiting_at = float("-inf")

    def beat(self, part: str) -> None:
        """Take note that ``part`` went round once more; tell it when all of them did.

        Raises:
            KeyError: there is no such part.
        """
        if part not in self._parts:
            raise KeyError(part)
        watchdog_s = self.systemd.watchdog_s
        if watchdog_s is None:
            return
        with self._lock:
            self._went_round.add(part)
            now = self._monotonic()
            silent_s = now - self._alive_at
            if self._went_round != self._parts or silent_s < watchdog_s / TELLS_PER_WATCHDOG:
                return
            self._went_round.clear()
            self._alive_at = now
        self.systemd.alive()

    def wait(self, part: str, status: str) -> None:
        """Take note that ``part`` goes round while it waits for what ``status`` says.

        Raises:
            KeyError: there is no such part.
        """
        self.beat(part)
        with self._lock:
            now = self._monotonic()
            if now - self._waiting_at < WAITING_TOLD_EVERY_S:
                return
            self._waiting_at = now
        self.systemd.waiting(status)


def _line(text: str) -> str:
    return " ".join(text.split())
