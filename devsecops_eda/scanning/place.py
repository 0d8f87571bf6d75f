"""A folder that lives as long as one scan, and is gone afterwards even if we were killed."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from devsecops_eda.errors import UnavailableError


class Place:
    """The folder of one scan."""

    def __init__(self, root: Path) -> None:
        """Take the existing folder."""
        self._root = root

    def folder(self, name: str) -> Path:
        """Return a new empty folder."""
        made = self._root / name
        made.mkdir(mode=0o755)
        return made

    def write(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Return a new folder that holds ``files`` (plain names, ours, not the repository's)."""
        made = self.folder(name)
        for file, body in files.items():
            (made / file).write_bytes(body)
        return made


@contextmanager
def workplace(root: Path) -> Iterator[Place]:
    """Give a folder below ``root`` for the length of the block; clear away what others left.

    A folder belongs to whoever holds the lock beside it: a killed process holds none any more.

    Raises:
        UnavailableError: ``root`` cannot be written, or the disk is full.
    """
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(root)
        lock, folder = _claim(root)
    except OSError as error:
        raise UnavailableError(f"{root} cannot be used for scanning: {error.strerror}") from error
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)
        os.close(lock)


def sweep(root: Path) -> None:
    """Remove the folders below ``root`` whose owners are gone."""
    for path in root.glob("*.lock"):
        try:
            lock = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _claim(root: Path) -> tuple[int, Path]:
    while True:
        folder = root / uuid4().hex
        path = folder.with_suffix(".lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A sweeper may have been quicker between open and flock: then the name is gone.
        if os.fstat(lock).st_nlink:
            # The scanner may run as another user inside its sandbox and has to get in.
            folder.mkdir(mode=0o755)
            return lock, folder
        os.close(lock)
