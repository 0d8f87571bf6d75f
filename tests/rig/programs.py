"""Real commands as child processes: logged, ended, and outlived by nothing."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rig.leftovers import Running, alive, descendants, processes, with_environment
from tests.rig.waiting import NeverHappenedError, eventually

# In the environment of all that one test starts.
MARK = "DEVSECOPS_EDA_RIG_TEST"
DEVSECOPS_EDA = str(Path(sys.executable).with_name("devsecops-eda"))


class Program:
    """One command that runs in a session of its own, with its output in a file."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path, argv: Sequence[str]) -> None:
        self._child = child
        self._log = log
        self._seen: frozenset[Running] = frozenset()
        self.argv = tuple(argv)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, ``-n`` for signal n, or None while it runs."""
        return self._child.poll()

    @property
    def log(self) -> str:
        """What it has written to stdout and stderr so far."""
        return self._log.read_text(errors="replace")

    def family(self) -> frozenset[Running]:
        """Return all its descendants that are seen now or were seen at an earlier call."""
        self._seen |= descendants(self.pid)
        return self._seen

    def wait_for(self, text: str, *, timeout_s: float = 60) -> None:
        """Return once ``text`` stands in the log.

        Raises:
            AssertionError: it ended before, or ``timeout_s`` seconds went by.
        """

        def said() -> bool:
            if text in self.log:
                return True
            assert self.exit_code is None, f"ended with {self.exit_code}:\n{self.log}"
            return False

        try:
            eventually(said, timeout_s=timeout_s, what=f"{text!r} in the log")
        except NeverHappenedError as never:
            raise NeverHappenedError(f"{never}\n{self.log[-4000:]}") from None

    def wait(self, *, timeout_s: float = 60) -> int:
        """Return its exit code.

        Raises:
            AssertionError: it still runs after ``timeout_s`` seconds.
        """
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{' '.join(self.argv[:4])} still runs after {timeout_s:g} s\n{self.log[-4000:]}"
            ) from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone, having looked at its family first."""
        self.family()
        self._child.send_signal(number)

    def kill(self) -> None:
        """Kill this process alone with signal 9 and wait for its end."""
        self.signal(signal.SIGKILL)
        self._child.wait(10)

    def end(self, *, timeout_s: float = 30) -> int:
        """Ask it with SIGTERM to end, and return its exit code.

        Raises:
            AssertionError: it still runs after ``timeout_s`` seconds.
        """
        if self.exit_code is None:
            self.signal(signal.SIGTERM)
        return self.wait(timeout_s=timeout_s)


class Programs:
    """The commands that one test starts.

    Args:
        patience_s: how long descendants may take to follow the command that started them.
    """

    def __init__(self, folder: Path, *, patience_s: float = 10) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._mark = uuid.uuid4().hex
        self._started: list[Program] = []

    def start(
        self, *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Program:
        """Start ``argv`` in a session of its own; ``env`` comes on top of ours."""
        words = tuple(str(word) for word in argv)
        log = self._folder / f"{len(self._started):02}-{Path(words[0]).name}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                # Whoever runs the tests in the background of a shell has SIGINT ignored, and
                # with it all that he starts.
                ("env", "--default-signal=INT", *words),
                env={**os.environ, **(env or {}), MARK: self._mark},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program = Program(child, log, words)
        self._started.append(program)
        return program

    def devsecops_eda(
        self, *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Program:
        """Start this environment's ``devsecops-eda``."""
        return self.start(DEVSECOPS_EDA, *argv, env=env, cwd=cwd)

    def run(
        self,
        *argv: str | Path,
        timeout_s: float = 120,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        """Run this environment's ``devsecops-eda`` to its end."""
        program = self.devsecops_eda(*argv, env=env, cwd=cwd)
        program.wait(timeout_s=timeout_s)
        return program

    def end_all(self) -> None:
        """End all that was started, the last one first.

        Raises:
            AssertionError: something did not end, or outlived its parent; it was killed.
        """
        complaints = []
        for program in reversed(self._started):
            try:
                program.end()
            except AssertionError as complaint:
                complaints.append(str(complaint))
                program.kill()
        try:
            eventually(
                lambda: not self._left(), timeout_s=self._patience_s, what="all descendants ended"
            )
        except NeverHappenedError:
            for one in self._left():
                complaints.append(f"outlived its parent: {one.pid} {one.command[:200]}")
                os.kill(one.pid, signal.SIGKILL)
        assert not complaints, "\n".join(complaints)

    def _left(self) -> frozenset[Running]:
        seen = frozenset[Running]().union(*(program._seen for program in self._started))
        sessions = {program.pid for program in self._started}
        left = alive(seen) | with_environment(f"{MARK}={self._mark}")
        return left | frozenset(one for one in processes() if one.session in sessions)
