"""A child process with everything it starts: watched while it runs, ended with its block."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devsecops_eda.errors import CheckError, FailureReason

TICK_S = 0.05
"""So often the output and the number of processes are looked at; the end is seen at once."""

GONE_S = 10.0
"""So long a killed process may take to be gone; the kernel needs milliseconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. ``timeout_s`` is the whole time, as measured from outside.

    ``memory_bytes`` is address space per process, ``output_bytes`` standard output and error
    together, ``file_bytes`` one file, ``processes`` all that live at once, ``tmp_bytes`` what
    fits into /tmp (bubblewrap only).
    """

    timeout_s: float = 600.0
    memory_bytes: int = 4 * 1024**3
    output_bytes: int = 64 * 1024**2
    file_bytes: int = 1024**3
    processes: int = 256
    tmp_bytes: int = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Completed:
    """A child that came to its end by itself. A signal ``n`` shows as return code 128 + n."""

    returncode: int
    stdout: bytes
    stderr: bytes
    duration_s: float


class Child:
    """A running process in a session and process group of its own."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen
        try:
            self.pidfd = os.pidfd_open(popen.pid)
        except OSError:
            self.end()
            raise

    def kill(self) -> None:
        """Kill the process and its group."""
        # Only until its leader is reaped is the group's number ours.
        if self.popen.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill the process and its group; it is gone on return. Harmless when it has ended."""
        self.kill()
        self.popen.wait()

    def close(self) -> None:
        """Forget the handle of the process."""
        os.close(self.pidfd)


@contextmanager
def started(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    """Start ``argv`` and end it, with its process group, when the block is left in any way.

    Raises:
        CheckError: the program is not there (``tool_missing``), or could not be started.
    """
    try:
        popen = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise CheckError(
            FailureReason.TOOL_MISSING, f"cannot start {argv[0]}: {error.strerror}"
        ) from error
    except OSError as error:
        raise CheckError(
            FailureReason.RESOURCE_LIMIT, f"cannot start {argv[0]}: {error.strerror}"
        ) from error
    child = Child(popen)
    try:
        yield child
    finally:
        child.end()
        child.close()


def watched(
    argv: Sequence[str],
    *,
    name: str,
    env: Mapping[str, str],
    cwd: Path,
    timeout_s: float,
    output_bytes: int,
    processes: int | None = None,
    pass_fds: Sequence[int] = (),
    stop: threading.Event | None = None,
) -> Completed:
    """Run ``argv`` to its end, called ``name`` in messages.

    Setting ``stop`` ends it within a tick.

    Raises:
        CheckError: over one of the bounds (``timeout``, ``output_limit``, ``resource_limit``),
            not there (``tool_missing``), or stopped (``other``).
    """
    begun = time.monotonic()
    # Files, not pipes: a child that fills stderr first would block on a pipe we are not reading
    # yet, and a flood would fill our memory instead of the disk quota.
    with (
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
        started(argv, env=env, cwd=cwd, stdout=stdout, stderr=stderr, pass_fds=pass_fds) as child,
    ):
        while not wait_for(child.pidfd, max(min(TICK_S, begun + timeout_s - time.monotonic()), 0)):
            if _sizes(stdout, stderr) > output_bytes:
                break
            if stop is not None and stop.is_set():
                raise CheckError(FailureReason.OTHER, f"{name} was stopped")
            if time.monotonic() - begun >= timeout_s:
                raise CheckError(FailureReason.TIMEOUT, f"{name} took longer than {timeout_s:g} s")
            if processes is not None:
                _refuse_a_crowd(child.popen.pid, name=name, most=processes)
        child.end()
        if _sizes(stdout, stderr) > output_bytes:
            raise CheckError(
                FailureReason.OUTPUT_LIMIT, f"{name} wrote more than {output_bytes} bytes"
            )
        returncode = child.popen.returncode
        return Completed(
            returncode=returncode if returncode >= 0 else 128 - returncode,
            stdout=_content(stdout, output_bytes),
            stderr=_content(stderr, output_bytes),
            duration_s=time.monotonic() - begun,
        )


def _refuse_a_crowd(pid: int, *, name: str, most: int) -> None:
    if living(pid, most=most) > most:
        raise CheckError(FailureReason.RESOURCE_LIMIT, f"{name} started more than {most} processes")


def last_words_of(program: str, stderr: bytes) -> str:
    """Return the last line that ``program`` itself wrote, not what it started; bounded."""
    lines = stderr.decode(errors="replace").splitlines()
    # The loader of libraries says it by its whole path.
    own = [line for line in lines if line.partition(":")[0].rpartition("/")[2] == program]
    return own[-1][:300] if own else "no reason given"


def wait_for(pidfd: int, timeout_s: float) -> bool:
    """Return whether the process behind ``pidfd`` has ended, waiting up to ``timeout_s``."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def living(pid: int, *, most: int) -> int:
    """Count ``pid`` and its descendants, stopping soon after ``most``."""
    found, todo = 0, [str(pid)]
    while todo and found <= most:
        one = todo.pop()
        found += 1
        try:
            for thread in Path(f"/proc/{one}/task").iterdir():
                todo.extend((thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def end_marked(entry: str) -> None:
    """Kill every process with ``entry`` (``NAME=value``) in its environment, until none is left.

    Reaches what left its process group, but nothing that cleaned its environment as well.
    """
    wanted = entry.encode()
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline:
        marked = [pid for pid in _pids() if wanted in _environment(pid)]
        if not marked:
            return
        for pid in marked:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _sizes(*files: IO[bytes]) -> int:
    return sum(os.fstat(file.fileno()).st_size for file in files)


def _content(file: IO[bytes], most: int) -> bytes:
    file.seek(0)
    return file.read(most)
