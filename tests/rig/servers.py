"""A server of the tests' own: its folder, its process, its log; nothing is left of it."""

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.rig.leftovers import with_environment
from tests.rig.waiting import NeverHappenedError, eventually

START_S = 120.0
STOP_S = 60.0


class ServerError(RuntimeError):
    """A server did not do what it was told; the message ends with its log."""


class PrivateServer(ABC):
    """One server on loopback; a context manager that leaves nothing behind.

    Args:
        mark: stands in the environment of everything that belongs to it, with the name of its
            folder, so that leftovers can be told.
    """

    def __init__(self, name: str, *, mark: str) -> None:
        self._mark = mark
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix=f"devsecops-eda-{name}-"))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server itself, or of the one that ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server has written so far, over all its starts."""
        path = self._log_path
        return path.read_text(errors="replace") if path.exists() else ""

    @abstractmethod
    def start(self) -> None:
        """Start the server, on the data it left if it ran before, and wait until it answers.

        Raises:
            ServerError: it ended by itself, or did not answer in time.
        """

    @abstractmethod
    def kill(self) -> None:
        """Kill the server with signal 9; its data stay for `start`."""

    @abstractmethod
    def shut_down(self) -> None:
        """End the server as an operator would; its data stay for `start`."""

    @abstractmethod
    def end(self) -> None:
        """End everything that belongs to the server at once; nobody needs the data any more."""

    def restart(self) -> None:
        """End the server and start it again on the same ports and data."""
        self.shut_down()
        self.start()

    def stop(self) -> None:
        """End the server at once and remove its data. Harmless when done before.

        Raises:
            ServerError: a process of the server was still there; it was killed.
        """
        try:
            self.end()
            self._no_process_is_left()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _log_path(self) -> Path:
        return self.folder / "server.log"

    def _spawn(
        self, argv: Sequence[str], environment: Mapping[str, str], **more: Any
    ) -> subprocess.Popen[bytes]:
        """Start a program of the server in a session of its own; what it writes is in the log."""
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                tuple(argv),
                env=dict(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **more,
            )

    def _signal_and_wait(self, number: int) -> None:
        """Send a signal to the server; kill it where it has not ended in time."""
        if self._process is not None and self.running:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def _said_why(self, what: object) -> ServerError:
        return ServerError(f"{what}\n{self.log[-4000:]}")

    def _no_process_is_left(self) -> None:
        mark = f"{self._mark}={self.folder.name}"
        try:
            eventually(lambda: not with_environment(mark), timeout_s=20, what="all have ended")
        except NeverHappenedError:
            left = with_environment(mark)
            for one in left:
                os.kill(one.pid, 9)
            commands = ", ".join(one.command[:80] for one in left)
            raise ServerError(f"outlived the server and were killed: {commands}") from None
