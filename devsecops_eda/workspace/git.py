"""Git, asked so that nothing it finds in a repository is obeyed."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.redaction import Redaction
from devsecops_eda.sandbox.process import GONE_S, Completed, started, wait_for, watched
from devsecops_eda.sandbox.running import dies_with_us

MAX_ANSWER_BYTES = 64 * 1024**2
"""As much git may answer to one question; trees and files are streamed instead."""

LOCAL_TIMEOUT_S = 120.0
"""So long a question to a repository on this machine may take."""

_CHUNK_BYTES = 256 * 1024
_LAST_BYTES = 8192

# Over every configuration file, whoever wrote it.
_HARDENED = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.symlinks", "false"),
    ("core.attributesFile", os.devnull),
    ("core.pager", "cat"),
    ("protocol.ext.allow", "never"),
    ("http.followRedirects", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("log.showSignature", "false"),
    ("log.mailmap", "false"),
)


@dataclass(frozen=True, slots=True)
class Git:
    """One repository, through its git directory only.

    ``variables`` and ``configuration`` come on top of the hardened ones; ``lock`` is a file
    descriptor that git and its own children keep open while they live.
    """

    git_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    configuration: tuple[tuple[str, str], ...] = ()
    lock: int | None = None

    def run(
        self,
        *arguments: str,
        timeout_s: float = LOCAL_TIMEOUT_S,
        output_bytes: int = MAX_ANSWER_BYTES,
    ) -> Completed:
        """Run git to its end, whatever its return code.

        Raises:
            CheckError: over time or output, or git is not installed.
        """
        return watched(
            self._argv(arguments),
            name=f"git {arguments[0]}",
            env=self.environment(),
            cwd=self._cwd(),
            timeout_s=timeout_s,
            output_bytes=output_bytes,
            pass_fds=self._kept_open(),
        )

    def ask(self, *arguments: str, timeout_s: float = LOCAL_TIMEOUT_S) -> bytes:
        """Return what git answers.

        Raises:
            CheckError: git does not answer, for example because an object is missing.
        """
        done = self.run(*arguments, timeout_s=timeout_s)
        if done.returncode != 0:
            raise self._failed(arguments, done.stderr)
        return done.stdout

    @contextmanager
    def stream(
        self,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout_s: float = LOCAL_TIMEOUT_S,
    ) -> Iterator[IO[bytes]]:
        """Give git's answer as a stream that has to be read to its end.

        Raises:
            CheckError: as ``ask``, when the block is left.
        """
        late = threading.Event()
        with (
            tempfile.TemporaryFile() as stderr,
            started(
                self._argv(arguments),
                env=self.environment(),
                cwd=self._cwd(),
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=self._kept_open(),
            ) as child,
        ):
            stdout = child.popen.stdout
            assert stdout is not None

            def over() -> None:
                late.set()
                child.kill()

            clock = threading.Timer(timeout_s, over)
            clock.daemon = True
            clock.start()
            try:
                with stdout:
                    yield stdout
                wait_for(child.pidfd, GONE_S)
            except EOFError as error:
                raise self._broken_off(arguments, stderr, late, timeout_s) from error
            finally:
                clock.cancel()
                clock.join()
                child.end()
            if child.popen.returncode != 0:
                raise self._broken_off(arguments, stderr, late, timeout_s)

    def environment(self) -> dict[str, str]:
        """Return git's whole environment."""
        variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "HOME": os.devnull,
            "XDG_CONFIG_HOME": os.devnull,
            "GIT_DIR": str(self.git_dir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": os.devnull,
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_PAGER": "cat",
            # No protocol at all, unless the caller names some: asking stays on this machine.
            "GIT_ALLOW_PROTOCOL": "",
            **self.variables,
        }
        settings = (*_HARDENED, *self.configuration)
        variables["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings):
            variables[f"GIT_CONFIG_KEY_{number}"] = key
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        return variables

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        return [*dies_with_us(), "git", *arguments]

    def _cwd(self) -> Path:
        # Never inside a tree that others wrote: git would look for repositories around it.
        return self.git_dir

    def _kept_open(self) -> tuple[int, ...]:
        return () if self.lock is None else (self.lock,)

    def _broken_off(
        self, arguments: Sequence[str], stderr: IO[bytes], late: threading.Event, timeout_s: float
    ) -> CheckError:
        if late.is_set():
            return CheckError(
                FailureReason.TIMEOUT, f"git {arguments[0]} took longer than {timeout_s:g} s"
            )
        stderr.seek(0)
        return self._failed(arguments, stderr.read(MAX_ANSWER_BYTES))

    def _failed(self, arguments: Sequence[str], stderr: bytes) -> CheckError:
        return CheckError(
            FailureReason.INTERNAL,
            f"git {arguments[0]} in {self.git_dir}: {last_words(stderr)}",
        )


def git_version() -> str:
    """Return the version of git as it names itself, for example ``2.39.5``.

    Raises:
        CheckError: git is not installed (``tool_missing``).
    """
    answer = Git(Path("/")).ask("version").decode("ascii", "replace")
    return answer.removeprefix("git version ").split()[0]


def last_words(stderr: bytes, redaction: Redaction | None = None) -> str:
    """Return what git said at its end, short, printable and without credentials.

    ``redaction`` knows those that git was given; a server may repeat them.
    """
    text = stderr[-_LAST_BYTES:].decode(errors="replace")
    if len(stderr) > _LAST_BYTES:
        # Its first line is cut, and half a secret is not recognised.
        text = text.partition("\n")[2]
    text = (redaction or Redaction()).redacted(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))] or lines
    words = telling[0] if telling else "no reason given"
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:300]


def records(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what stands between NUL bytes, each as soon as it is complete.

    Raises:
        EOFError: the stream ends within a record.
    """
    rest = b""
    while chunk := stream.read(_CHUNK_BYTES):
        *complete, rest = (rest + chunk).split(b"\0")
        yield from complete
        if len(rest) > _CHUNK_BYTES:
            raise EOFError("a record without an end")
    if rest:
        raise EOFError("the last record is cut")


def seconds_left(deadline: float) -> float:
    """Return the seconds until ``deadline`` (monotonic clock), a hundredth at least."""
    return max(deadline - time.monotonic(), 0.01)
