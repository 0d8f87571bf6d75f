"""The scan tree: regular files under safe names, written by us, with an account of the rest."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Gap
from devsecops_eda.workspace.names import Reason, SafeNames, printable_path, refused


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a scan tree may hold. A bigger file is left out; more in all is no verdict."""

    files: int = 200_000
    file_bytes: int = 10 * 1024**2
    total_bytes: int = 2 * 1024**3


class ScanTree:
    """What a scanner sees of a repository; paths are the repository's, in printable form.

    ``names`` maps them to paths below ``root``. ``left_out`` are the entries that were not
    written, ``notes`` files that were and cannot be taken as they are (``declared_coding``: a
    scanner reads them wrongly; ``transcoded``: they were UTF-16 or UTF-32 and are UTF-8 here).
    ``digest`` is over paths and content of files and over paths and reasons of the rest; names
    are not in it.
    """

    def __init__(
        self,
        root: Path,
        *,
        names: Mapping[str, str],
        sizes: Mapping[str, int],
        left_out: tuple[Gap, ...],
        notes: tuple[Gap, ...],
        digest: str,
    ) -> None:
        self.root = root
        self.names = names
        self.left_out = left_out
        self.notes = notes
        self.digest = digest
        self.paths = tuple(sorted(names))
        self._sizes = sizes

    def read(self, path: str) -> bytes:
        """Return the bytes of the file with that repository path, as the scanner sees them."""
        return (self.root / self.names[path]).read_bytes()

    def size(self, path: str) -> int:
        """Return the size in bytes of the file with that repository path."""
        return self._sizes[path]

    def close(self) -> None:
        """Remove the tree. Twice is harmless."""
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> ScanTree:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TreeWriter:
    """Writes a scan tree entry by entry; without a ``root`` it only computes the digest."""

    def __init__(self, root: Path | None, bounds: Bounds) -> None:
        """Make the folder ``root`` where it is not there yet."""
        self._root = root
        self._base = f"{root}/" if root is not None else ""
        self._bounds = bounds
        self._safe = SafeNames()
        self._names: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._entries = 0
        self._left_out: list[Gap] = []
        self._notes: list[Gap] = []
        self._lines: list[bytes] = []
        if root is not None:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def file_bytes(self) -> int:
        """Return the size up to which a file is wanted."""
        return self._bounds.file_bytes

    def wants(self, raw: bytes, size: int) -> bool:
        """Return whether the content of that file is wanted; if not, it is listed as left out.

        Raises:
            CheckError: the tree is over one of its bounds (``resource_limit``).
        """
        reason = refused(raw)
        if reason is None and size > self._bounds.file_bytes:
            reason = Reason.TOO_BIG
        if reason is not None:
            self.leave_out(raw, reason, str(size) if reason is Reason.TOO_BIG else "")
            return False
        self._count()
        self._total += size
        if self._total > self._bounds.total_bytes:
            raise CheckError(
                FailureReason.RESOURCE_LIMIT,
                f"the tree holds more than {self._bounds.total_bytes} bytes",
            )
        return True

    def leave_out(self, raw: bytes, reason: Reason, detail: str = "") -> None:
        """List an entry that is not written.

        Raises:
            CheckError: there are more entries than the bounds allow (``resource_limit``).
        """
        self._count()
        self._left_out.append(Gap(printable_path(raw), reason.value))
        self._lines.append(b"%s\0%s %s\0" % (raw, reason.value.encode(), detail.encode()))

    def write(self, raw: bytes, content: bytes) -> None:
        """Write one file that ``wants`` said yes to, or list it when it is only a pointer."""
        if content.startswith(_LFS) and len(content) < _LFS_BYTES:
            self.leave_out(raw, Reason.LFS_POINTER, hashlib.sha256(content).hexdigest())
            return
        path = printable_path(raw)
        self._lines.append(b"%s\0%s\0" % (raw, hashlib.sha256(content).hexdigest().encode()))
        if content[:2] in _WIDE or content[:4] in _WIDE:
            text = _transcoded(content)
            if text is not None:
                content = text
                self._notes.append(Gap(path, Reason.TRANSCODED.value))
        if _declares_foreign_coding(raw, content):
            self._notes.append(Gap(path, Reason.DECLARED_CODING.value))
        if self._root is None:
            return
        inside = self._safe.place(raw)
        self._names[path] = inside
        self._sizes[path] = len(content)
        for folder in self._safe.new_folders():
            Path(self._base + folder).mkdir(mode=0o755)
        file = os.open(self._base + inside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            written = os.write(file, content)
            while written < len(content):
                written += os.write(file, memoryview(content)[written:])
        finally:
            os.close(file)

    def finish(self) -> ScanTree:
        """Return the tree."""
        return ScanTree(
            self._root if self._root is not None else Path(os.devnull),
            names=self._names,
            sizes=self._sizes,
            left_out=tuple(sorted(self._left_out, key=lambda gap: gap.path)),
            notes=tuple(sorted(self._notes, key=lambda gap: gap.path)),
            digest="sha256:" + hashlib.sha256(b"".join(sorted(self._lines))).hexdigest(),
        )

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self._bounds.files:
            raise CheckError(
                FailureReason.RESOURCE_LIMIT,
                f"the tree holds more than {self._bounds.files} entries",
            )


_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_BYTES = 1024

_WIDE = (
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
)

# PEP 263: a comment in the first or second line.
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_HARMLESS_CODINGS = ("utf-8", "iso8859-1", "ascii", "utf-8-sig")
_PYTHON = (b".py", b".pyi", b".pyw")


def _transcoded(content: bytes) -> bytes | None:
    # The mark of UTF-32 begins with that of UTF-16.
    wide = content[:4] in _WIDE
    try:
        return content.decode("utf-32" if wide else "utf-16").encode()
    except UnicodeError:
        return None


def _declares_foreign_coding(raw: bytes, content: bytes) -> bool:
    if not (raw.endswith(_PYTHON) or content.startswith(b"#!")):
        return False
    for line in content[:4096].splitlines()[:2]:
        match = _CODING.match(line)
        if match is not None:
            try:
                return codecs.lookup(match[1].decode("ascii")).name not in _HARMLESS_CODINGS
            except LookupError:
                return True
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return False
