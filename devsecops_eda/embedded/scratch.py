"""Where the trees of one scan live: in memory where there is plenty, else in the temporary folder.

Removing some thousand files from a disk takes seconds once they were written back (measured on
ext4 with ``discard``: 20 s for 6 900 files), longer than all else that is ours.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a fresh folder of ours is made in it, mode 0700
PLENTY_BYTES = 4 * 1024**3
"""Twice what a scan tree may hold (``workspace.Bounds``)."""


def scratch_root() -> Path:
    """Return the folder in which to make the folder of a scan.

    ``TMPDIR``, where it is set, is the user's word and is taken.
    """
    if os.environ.get("TMPDIR"):
        return Path(tempfile.gettempdir())
    return MEMORY_FOLDER if _plenty() else Path(tempfile.gettempdir())


def _plenty() -> bool:
    try:
        free = os.statvfs(MEMORY_FOLDER)
        memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        available = int(memory["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return False
    return (
        os.access(MEMORY_FOLDER, os.W_OK)
        and min(free.f_bavail * free.f_frsize, available) >= PLENTY_BYTES
    )
