"""Gate and workers as children of one command, started together and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devsecops_eda.broker import Address, Deadline, Link, address_of, declare
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.errors import ConfigurationError, UnavailableError
from devsecops_eda.settings import Settings
from devsecops_eda.topology import Topology, queue_name

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.2


class Together:
    """The children of ``up``. A context manager: at its end none of them is left."""

    def __init__(
        self, settings: Settings, *, config: Path | None, options: Sequence[str] = ()
    ) -> None:
        """Take the settings and the file they came from, which the children read again.

        ``options`` of every command are handed on to each of them.

        Raises:
            ConfigurationError: one broker user would have to play roles it does not have.
        """
        self._settings = settings
        self._options = [*(["--config", str(config)] if config else []), *options]
        self._address: Address = address_of(settings.broker)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._told = threading.Event()
        if settings.broker.sole_user != self._address.user:
            raise ConfigurationError(
                "`up` runs all roles as one broker user: say so in the configuration, "
                f'[broker] sole_user = "{self._address.user}"'
            )

    def start(self) -> None:
        """Declare the topology, start the children and return when each of them consumes.

        Raises:
            DevSecOpsError: the broker cannot be used, or a child ended again.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._told.set())
        topology = Topology(tuple(self._settings.checks))
        declare(topology, self._address)
        self._launch("gate", ["gate"])
        for check in self._settings.checks:
            self._launch(check, ["worker", check])
        self._await_consumers(topology)

    def wait(self) -> int:
        """Return the exit code when a signal asks for the end, or a child ended by itself."""
        while not self._told.wait(POLL_S):
            for name, child in self._children.items():
                if child.poll() is not None:
                    print(f"{name} ended with {child.returncode}", file=sys.stderr)
                    return code_after(child.returncode)
        return ExitCode.ALLOW

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what still runs: politely, and after a minute for good."""
        if any(child.poll() is None for child in self._children.values()):
            print(
                f"Ending; what runs is finished first, for at most {STOP_TIMEOUT_S:.0f} s.",
                file=sys.stderr,
            )
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_TIMEOUT_S
        for child in self._children.values():
            try:
                child.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def _launch(self, name: str, command: list[str]) -> None:
        self._children[name] = subprocess.Popen(
            [sys.executable, "-m", "devsecops_eda", *self._options, *command],
            stdin=subprocess.DEVNULL,
            # A terminal's Ctrl-C goes to us alone: we end them in our own way.
            start_new_session=True,
        )

    def _await_consumers(self, topology: Topology) -> None:
        deadline = Deadline.after(START_TIMEOUT_S)
        waiting = {queue_name(name) for name in topology.names}
        link = Link.open(self._address, deadline)
        try:
            while waiting and not deadline.over:
                for name, child in self._children.items():
                    if child.poll() is not None:
                        said = f"{name} ended with {child.returncode}; it says why above"
                        if code_after(child.returncode) is ExitCode.USAGE:
                            raise ConfigurationError(said)
                        raise UnavailableError(said)
                waiting = {queue for queue in waiting if not _consumed(link, queue, deadline)}
                if waiting and self._told.wait(POLL_S):
                    return
        finally:
            link.close()
        if waiting:
            raise UnavailableError(
                f"nobody works on {', '.join(sorted(waiting))} after {START_TIMEOUT_S:.0f} s"
            )


def code_after(child: int) -> ExitCode:
    """Return our exit code after a child's: what it found wrong, or that there is no verdict."""
    said = {ExitCode.USAGE, ExitCode.NOT_AUTHORISED}
    return ExitCode(child) if child in said else ExitCode.COULD_NOT_EVALUATE


def _consumed(link: Link, queue: str, deadline: Deadline) -> bool:
    answer = link.call(deadline, "queue_declare", queue=queue, passive=True)
    return bool(answer.consumer_count)
