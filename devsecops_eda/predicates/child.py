"""The process that evaluates predicates: run by its path, it imports nothing else of ours.

It reads requests from standard input and answers on standard output, each a length and as many
bytes. It holds no file, sees no environment, and ends with its parent, at the latest when the
time of the request is over.
"""

from __future__ import annotations

import marshal
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from typing import Any

LENGTH = struct.Struct(">I")
"""What stands before each message."""

READY, ANSWERS, ERROR = b"R", b"+", b"-"
"""First byte of a message to the parent. ANSWERS: then a byte 0 or 1 for each row. ERROR: then
the number of the row, -1 for none (as ROW packs it), then why, in UTF-8.
"""

ROW = struct.Struct(">i")
MAX_ERROR_BYTES = 1024
OUT_OF_MEMORY = 3
"""The exit code that says so."""

Value = str | int | bool | tuple[str, ...]
"""What a name of a predicate holds."""

Kinds = tuple[tuple[str, str], ...]
"""The first request: each name there is, and what it holds."""

Request = tuple[str, tuple[str, ...], tuple[tuple[Value, ...], ...], float]
"""A predicate, the names it reads, rows of their values, and after how many seconds to die."""


class Evaluation:
    """The one predicate that is evaluated at the time, compiled once."""

    def __init__(self, kinds: Kinds) -> None:
        from cel_expr_python import cel

        texts = cel.Type.List(cel.Type.STRING)
        self._environment = cel.NewEnv(
            variables={
                name: texts if kind == "list(string)" else cel.Type(kind) for name, kind in kinds
            }
        )
        self._where = ""
        self._compiled: Any = None

    def answer(self, where: str, names: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
        """Return the message that says what comes of ``where`` on each row."""
        if where != self._where:
            try:
                self._where, self._compiled = where, self._environment.compile(where)
            except RuntimeError as error:
                return _error(-1, str(error))
        answers = bytearray()
        # The library takes lists only.
        texts = [name for name, value in zip(names, rows[0], strict=True) if type(value) is tuple]
        for number, row in enumerate(rows):
            data: dict[str, Any] = dict(zip(names, row, strict=True))
            for name in texts:
                data[name] = list(data[name])
            try:
                result = self._compiled.eval(data=data)
                answer = result.value()
            except RuntimeError as error:
                return _error(number, str(error))
            if answer is not True and answer is not False:
                # An error of the evaluation is a value, not an exception.
                kind = result.type().name()
                told = f"comes to {kind}, not to true or false"
                return _error(number, str(answer) if kind in ("ERROR", "UNKNOWN") else told)
            answers.append(answer)
        return ANSWERS + answers


def main() -> None:
    """Answer requests until there are no more."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        evaluation = Evaluation(marshal.loads(_read()))  # noqa: S302 - our parent wrote it
        # From here on there is nothing to open.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        _write(READY)
        while True:
            request: Request = marshal.loads(_read())  # noqa: S302
            where, names, rows, seconds = request
            # Whoever started us may be gone, or busy: the kernel sees to it.
            signal.setitimer(signal.ITIMER_REAL, seconds)
            answer = evaluation.answer(where, names, rows)
            signal.setitimer(signal.ITIMER_REAL, 0)
            _write(answer)
    except MemoryError:
        # What was taken may be in any state: another process begins anew.
        os._exit(OUT_OF_MEMORY)


def _read() -> bytes:
    (length,) = LENGTH.unpack(_exactly(LENGTH.size))
    return _exactly(length)


def _exactly(length: int) -> bytes:
    found = sys.stdin.buffer.read(length)
    if len(found) < length:
        # The parent closed the pipe or is gone.
        os._exit(0)
    return found


def _write(message: bytes) -> None:
    sys.stdout.buffer.write(LENGTH.pack(len(message)) + message)
    sys.stdout.buffer.flush()


def _error(row: int, text: str) -> bytes:
    return ERROR + ROW.pack(row) + text.encode("utf-8", "replace")[:MAX_ERROR_BYTES]


if __name__ == "__main__":
    main()
