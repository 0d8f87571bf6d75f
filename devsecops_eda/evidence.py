"""The evidence store: reports by the digest of their bytes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devsecops_eda.errors import ConfigurationError, EvidenceMissingError, UnavailableError

MAX_EVIDENCE_BYTES = 256 * 1024**2
"""A stored report longer than this is not ours, and is not read."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that a store keeps. Without a digest it is what a killed writer left behind."""

    place: Path
    digest: str | None
    size: int


class Evidence(ABC):
    """Bytes by their digest: what was put can be got unchanged, or not at all."""

    @abstractmethod
    def put(self, body: bytes) -> tuple[str, str]:
        """Keep ``body`` durably and return its URI and digest (``sha256:<hex>``).

        Putting the same bytes again is harmless.

        Raises:
            UnavailableError: the store is away or full.
        """

    @abstractmethod
    def get(self, digest: str) -> bytes:
        """Return the bytes with that digest.

        Raises:
            EvidenceMissingError: they are not there, are damaged, or ``digest`` is none.
            UnavailableError: the store is away.
        """

    def answers(self) -> None:
        """Return where the store is there, whatever it holds.

        Raises:
            UnavailableError: it is away.
        """
        # Nothing has that digest: a store that says so is there.
        with suppress(EvidenceMissingError):
            self.get("sha256:" + "0" * 64)

    def old(self, before: datetime) -> Iterator[Kept]:
        """Yield what was put before ``before`` and never again; nothing, where that is not known.

        Raises:
            UnavailableError: the store is away.
        """
        del before
        yield from ()

    def remove(self, kept: Kept, before: datetime) -> bool:
        """Remove what ``old`` found; False where it was put again since then or is not ours to
        remove, and stays.

        Raises:
            UnavailableError: the store is away or lets nothing be removed.
        """
        del kept, before
        return False


def open_evidence(url: str) -> Evidence:
    """Return the store behind ``url`` (``file:///folder``). Touches nothing yet.

    Raises:
        ConfigurationError: no store speaks that URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return _Folder(Path(unquote(parts.path)))
    raise ConfigurationError(f"no evidence store speaks {parts.scheme or 'this'}: use file:///…")


class _Folder(Evidence):
    """A folder of files named by digest. Who may read the folder may read what is in it.

    Made by us it is its owner's alone; an operator who made it may let a group in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, body: bytes) -> tuple[str, str]:
        name = hashlib.sha256(body).hexdigest()
        path = self._path(name)
        try:
            if not (_holds(path, body) and _renewed(path)):
                self._write(path, body)
        except OSError as error:
            raise UnavailableError(
                f"the evidence store {self._root} takes nothing: {error.strerror}"
            ) from error
        return path.as_uri(), f"sha256:{name}"

    def get(self, digest: str) -> bytes:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise EvidenceMissingError(f"{digest[:80]!r} is no digest")
        try:
            with self._path(match[1]).open("rb") as file:
                body = file.read(MAX_EVIDENCE_BYTES + 1)
        except FileNotFoundError as error:
            if not self._root.is_dir():
                raise UnavailableError(f"the evidence store {self._root} is not there") from error
            raise EvidenceMissingError(f"the evidence store does not hold {digest}") from error
        except OSError as error:
            raise UnavailableError(
                f"the evidence store {self._root} cannot be read: {error.strerror}"
            ) from error
        if hashlib.sha256(body).hexdigest() != match[1]:
            raise EvidenceMissingError(f"what the evidence store holds as {digest} is damaged")
        return body

    def old(self, before: datetime) -> Iterator[Kept]:
        try:
            for folder in sorted(self._root.iterdir()):
                if not (folder.is_dir() and len(folder.name) == len("00")):
                    continue
                for path in sorted(folder.iterdir()):
                    name = _NAME.fullmatch(path.name)
                    if not name and not path.name.startswith("."):
                        continue
                    with suppress(FileNotFoundError):
                        status = path.lstat()
                        if stat.S_ISREG(status.st_mode) and _put_at(status) < before:
                            digest = f"sha256:{path.name}" if name else None
                            yield Kept(path, digest, status.st_size)
        except OSError as error:
            raise UnavailableError(
                f"the evidence store {self._root} cannot be read: {error.strerror}"
            ) from error

    def remove(self, kept: Kept, before: datetime) -> bool:
        # Out of the way first: whoever puts the same bytes from now on writes them anew. Whoever
        # did so just before has renewed the time that we look at.
        aside = kept.place.with_name(f".{kept.place.name.lstrip('.')}")
        try:
            kept.place.rename(aside)
            if _put_at(aside.lstat()) >= before:
                aside.rename(kept.place)
                return False
            aside.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UnavailableError(f"{kept.place} cannot be removed: {error.strerror}") from error
        return True

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def _write(self, path: Path, body: bytes) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = self._root.stat().st_mode & 0o770
        with suppress(FileExistsError):
            path.parent.mkdir(mode=0o700)
            path.parent.chmod(mode)
        descriptor, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, mode & 0o660)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
        # The new names are durable only with their folders: the file's own, and the one above
        # where this was the first of its kind.
        for folder in (path.parent, self._root):
            _sync(folder)


def _holds(path: Path, body: bytes) -> bool:
    # Compared, not only looked for: a damaged file is mended by the next who has the bytes.
    try:
        return path.read_bytes() == body
    except FileNotFoundError:
        return False


def _renewed(path: Path) -> bool:
    # So that it is not taken for something that nobody put for long.
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _put_at(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
