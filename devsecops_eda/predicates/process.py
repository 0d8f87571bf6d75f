"""The evaluating child as seen from outside: asked with a deadline, and killed without pity."""

from __future__ import annotations

import marshal
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO

from devsecops_eda.predicates import child
from devsecops_eda.sandbox.process import Child

TOO_LATE = "takes too long"
_MIB = 1024**2


class ChildGoneError(Exception):
    """The child is no more, and why; ``late`` says that its time was over."""

    def __init__(self, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.late = late


class EvaluatingChild:
    """One process that evaluates predicates on what it is given, and on nothing else.

    Not safe from several threads. Whatever raises ChildGoneError has ended it.
    """

    def __init__(self, kinds: child.Kinds, *, memory_bytes: int, until: float) -> None:
        """Start it, ready by ``until`` (monotonic seconds).

        Raises:
            ChildGoneError: it could not be started, or not by then.
        """
        self._memory_bytes = memory_bytes
        # By its path: nothing of the package is imported, so that it is there at once. No
        # environment: what it holds is nothing for a predicate. -I: no folder of the caller's.
        argv = [sys.executable, "-I", child.__file__, str(memory_bytes)]
        try:
            popen = subprocess.Popen(
                argv,
                env={},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._child = Child(popen)
        except OSError as error:
            raise ChildGoneError(f"cannot be started: {error.strerror}") from error
        self._closed = False
        self._stdin, self._stdout = _pipe(popen.stdin), _pipe(popen.stdout)
        if self.ask(kinds, most=1, until=until) != child.READY:
            raise self._gone("answers what nobody asked")

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group and session too."""
        return self._child.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._child.popen.poll() is None

    def ask(self, request: child.Kinds | child.Request, *, most: int, until: float) -> bytes:
        """Return the answer to ``request``, of at most so many bytes.

        Raises:
            ChildGoneError: there was none by ``until``.
        """
        message = marshal.dumps(request)
        self._write(child.LENGTH.pack(len(message)) + message, until)
        (length,) = child.LENGTH.unpack(self._read(child.LENGTH.size, until))
        if not 0 < length <= most:
            raise self._gone("answers what nobody asked")
        return self._read(length, until)

    def close(self) -> None:
        """End the process; it is gone on return. Harmless when it is."""
        if self._closed:
            return
        self._closed = True
        self._child.end()
        for stream in (self._child.popen.stdin, self._child.popen.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        self._child.close()

    def _write(self, message: bytes, until: float) -> None:
        left = memoryview(message)
        while left:
            self._wait(self._stdin, select.POLLOUT, until)
            try:
                left = left[os.write(self._stdin, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._ended() from error

    def _read(self, length: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            self._wait(self._stdout, select.POLLIN, until)
            try:
                more = os.read(self._stdout, length - len(found))
            except BlockingIOError:
                continue
            if not more:
                raise self._ended()
            found += more
        return bytes(found)

    def _wait(self, stream: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(stream, event)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise self._gone(TOO_LATE, late=True)

    def _ended(self) -> ChildGoneError:
        """Return why the child went by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._child.popen.wait(1)
        code = self._child.popen.returncode
        if code == child.OUT_OF_MEMORY:
            return self._gone(f"needs more than {self._memory_bytes // _MIB} MiB of memory")
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return self._gone(f"ended the process that evaluates ({how})")

    def _gone(self, why: str, *, late: bool = False) -> ChildGoneError:
        self.close()
        return ChildGoneError(why, late=late)


def _pipe(stream: IO[bytes] | None) -> int:
    assert stream is not None
    os.set_blocking(stream.fileno(), False)
    return stream.fileno()
