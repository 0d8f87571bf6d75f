"""Files of a folder that others can write, read without following a link anywhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.workspace.names import Reason, refused
from devsecops_eda.workspace.tree import Bounds, ScanTree, TreeWriter

MAX_DEPTH = 200
"""Folders nested deeper are left out: each level on the way down is an open file."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a FIFO put there a moment ago would hold us for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Beneath:
    """Opens files below one folder, step by step, so that no link leads out of it."""

    def __init__(self, root: Path) -> None:
        """Open the folder.

        Raises:
            CheckError: it is not there or not ours to read (``misconfigured``).
        """
        try:
            descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise CheckError(
                FailureReason.MISCONFIGURED, f"cannot read {root}: {error.strerror}"
            ) from error
        self._open = [(b"", descriptor)]

    def __enter__(self) -> Beneath:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(0)

    def add(self, raw: bytes, writer: TreeWriter) -> bool:
        """Hand one entry to ``writer``, whatever it is; False when nothing is there.

        Quick when paths come in order of folders.
        """
        parts = raw.split(b"/")
        if len(parts) > MAX_DEPTH:
            writer.leave_out(raw, Reason.TOO_DEEP)
            return True
        try:
            folder = self._enter(parts[:-1])
            self._add(folder, parts[-1], raw, writer)
        except (FileNotFoundError, NotADirectoryError):
            # Also a folder that has become a link: what was below it is gone.
            return False
        except OSError:
            writer.leave_out(raw, Reason.UNREADABLE)
        return True

    def walk(self, writer: TreeWriter) -> None:
        """Hand every entry below the folder to ``writer``."""
        for raw in self._entries((), b""):
            self.add(raw, writer)

    def _entries(self, parts: tuple[bytes, ...], prefix: bytes) -> Iterator[bytes]:
        with os.scandir(self._enter(parts)) as found:
            entries = sorted(
                (os.fsencode(one.name), one.is_dir(follow_symlinks=False)) for one in found
            )
        for name, is_folder in entries:
            raw = prefix + name
            if is_folder and refused(raw) is None and len(parts) + 1 < MAX_DEPTH:
                try:
                    yield from self._entries((*parts, name), raw + b"/")
                except OSError:
                    yield raw
            else:
                yield raw

    def _add(self, folder: int, name: bytes, raw: bytes, writer: TreeWriter) -> None:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            writer.leave_out(raw, Reason.LINK)
        elif stat.S_ISDIR(found.st_mode):
            writer.leave_out(raw, refused(raw) or Reason.UNREADABLE)
        elif not stat.S_ISREG(found.st_mode):
            writer.leave_out(raw, Reason.SPECIAL_FILE)
        else:
            file = os.open(name, _FILE, dir_fd=folder)
            try:
                self._read(file, raw, writer)
            finally:
                os.close(file)

    def _read(self, file: int, raw: bytes, writer: TreeWriter) -> None:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            writer.leave_out(raw, Reason.SPECIAL_FILE)
            return
        if not writer.wants(raw, found.st_size):
            return
        content = b""
        while chunk := os.read(file, found.st_size + 1 - len(content)):
            content += chunk
            if len(content) > found.st_size:
                # It grows while we read: what was there when we looked is what is judged.
                content = content[: found.st_size]
                break
        writer.write(raw, content)

    def _enter(self, parts: tuple[bytes, ...] | list[bytes]) -> int:
        """Return the open folder of that path; what is open of the way stays open."""
        same = 0
        for (name, _), part in zip(self._open[1:], parts, strict=False):
            if name != part:
                break
            same += 1
        self._leave(same + 1)
        for part in parts[same:]:
            if part in (b"", b".", b".."):
                raise NotADirectoryError(part)
            descriptor = os.open(part, _FOLDER, dir_fd=self._open[-1][1])
            self._open.append((part, descriptor))
        return self._open[-1][1]

    def _leave(self, depth: int) -> None:
        while len(self._open) > depth:
            os.close(self._open.pop()[1])


def copy_folder(folder: Path, into: Path, *, bounds: Bounds | None = None) -> ScanTree:
    """Write the scan tree of a plain folder into ``into``: regular files, no link followed.

    Folders of version control are listed, not entered.

    Raises:
        CheckError: the folder is not there (``misconfigured``) or too big (``resource_limit``).
    """
    writer = TreeWriter(into, bounds or Bounds())
    with Beneath(folder) as beneath:
        beneath.walk(writer)
    return writer.finish()
