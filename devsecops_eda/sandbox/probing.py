"""Trying the sandbox out from within a process that may fork at any moment.

A process that forks while a program is being started hands the pipes of that program to its
child, who keeps them open: whoever waits for their end waits for ever. So the trial is a program
of its own, started without a single pipe, and this process only waits for its end.
"""

from __future__ import annotations

import os
import sys
import tempfile

from devsecops_eda.sandbox.running import dies_with_us, missing
from devsecops_eda.settings import SandboxMode

MAX_WORDS = 500
_KEPT = ("PATH", "PYTHONPATH", "TMPDIR", "LANG")


def tried_apart(mode: SandboxMode) -> str | None:
    """Return one sentence why ``mode`` does not work here, None when it does.

    Safe where other threads fork. The thread that calls must live until it returns.
    """
    argv = [*dies_with_us(), sys.executable, "-m", __name__, mode.value]
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with tempfile.TemporaryFile() as said:
        child = os.posix_spawn(
            argv[0],
            argv,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, said.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
            ],
        )
        _, status = os.waitpid(child, 0)
        if status == 0:
            return None
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    return words[-MAX_WORDS:] or f"the trial of the sandbox ended with {status}"


if __name__ == "__main__":
    sys.exit(missing(SandboxMode(sys.argv[1])))
