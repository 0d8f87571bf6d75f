"""What every user of a machine sees of processes, and what each child is given: written down."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.leftovers import descendants

PAUSE_S = 0.05
SPIED_ON = ("git", "bwrap", "prlimit", "setpriv")

_SHIM = """#!/bin/sh
{{ tr '\\0' '\\n' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; }} >> "{told}/{name}.$$"
exec "{real}" "$@"
"""


class Spy:
    """Stands before programs on a PATH and writes down with what arguments and environment.

    Args:
        folder: of the spy's own; ``path`` in it goes before what is on the PATH otherwise.
    """

    def __init__(self, folder: Path, programs: Sequence[str] = SPIED_ON) -> None:
        self.path = folder / "bin"
        self._told = folder / "told"
        self.path.mkdir(parents=True)
        self._told.mkdir()
        for name in programs:
            real = shutil.which(name)
            assert real is not None, name
            shim = self.path / name
            shim.write_text(_SHIM.format(told=self._told, name=name, real=real))
            shim.chmod(0o755)

    def told(self) -> dict[str, str]:
        """Return, by program, all arguments and environments that it was started with."""
        told: dict[str, str] = {}
        for file in sorted(self._told.iterdir()):
            name = file.name.partition(".")[0]
            told[name] = told.get(name, "") + file.read_text(errors="surrogateescape")
        return told


class Watcher:
    """Looks at the process list again and again while its block runs.

    Args:
        ours: programs to whose own processes an environment is allowed to be known.
    """

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self._parents: set[int] = set()
        self.commands: set[bytes] = set()
        self.environments: dict[bytes, set[bytes]] = {}

    def watch(self, pid: int) -> None:
        """Look at the environments of what this process starts, too."""
        self._parents.add(pid)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _look_on(self) -> None:
        while not self._over.wait(PAUSE_S):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    self.commands.add(_read(entry / "cmdline"))
            for parent in tuple(self._parents):
                for child in descendants(parent):
                    if self._ours not in child.command:
                        self._note(child.pid)

    def _note(self, pid: int) -> None:
        command = _read(Path(f"/proc/{pid}/cmdline"))
        # Between fork and exec it is still who started it.
        if command and self._ours.encode() not in command:
            name = command.split(b"\0")[0]
            self.environments.setdefault(name, set()).add(_read(Path(f"/proc/{pid}/environ")))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
