"""From a folder or zip file of OSV advisories to a database folder."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devsecops_eda.advisories.database import database_files, digest_of, write_database
from devsecops_eda.advisories.merging import merge
from devsecops_eda.advisories.osv import Advisory, MalformedAdvisoryError, Withdrawn, advisories_of
from devsecops_eda.errors import ConfigurationError

MAX_FILES = 500_000
MAX_ADVISORY_BYTES = 1024**2
_SUFFIXES = (".json", ".yaml", ".yml")
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import made of its files.

    ``advisories`` are vulnerabilities by package; one that two databases list under two names
    counts once. ``skipped`` are names of files with the reason. ``others`` are files about other
    ecosystems.
    """

    advisories: int
    packages: int
    withdrawn: int
    others: int
    skipped: tuple[tuple[str, str], ...]
    date: datetime
    digest: str


def import_osv(
    folder: Path, into: Path, *, date: datetime | None = None, now: datetime | None = None
) -> ImportReport:
    """Replace the database in ``into`` by the OSV advisories below ``folder`` (or in a zip file).

    The database speaks for ``date``; without one, for the newest ``modified`` among all files:
    an export is at least that new, and cannot look newer than it is because it was copied or
    imported late. What lies after ``now`` is refused, where it is given. A scan that reads
    meanwhile sees the old database or the new one.

    Raises:
        ConfigurationError: ``folder`` cannot be read or holds no usable advisory, ``date`` lies in
            the future, or ``into`` cannot be written. The old database stays.
    """
    latest = now + _CLOCK_SKEW if now else datetime.max.replace(tzinfo=UTC)
    if date is not None and date > latest:
        raise ConfigurationError(f"the date {date.isoformat()} lies in the future")
    gathered = _gathered(folder, latest)
    merged = merge(gathered.advisories)
    speaks_for = date or max(advisory.modified for advisory in gathered.advisories)
    files = database_files(merged, speaks_for.astimezone(UTC))
    try:
        write_database(into, files)
    except OSError as e:
        raise ConfigurationError(f"{into} cannot be written: {e.strerror}") from e
    return ImportReport(
        advisories=len(merged),
        packages=len({advisory.package for advisory in merged}),
        withdrawn=gathered.withdrawn,
        others=gathered.others,
        skipped=tuple(gathered.skipped),
        date=speaks_for,
        digest=digest_of(files),
    )


@dataclass(slots=True)
class _Gathered:
    advisories: list[Advisory] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    withdrawn: int = 0
    others: int = 0


def _gathered(folder: Path, latest: datetime) -> _Gathered:
    found = _Gathered()
    try:
        for number, (name, content) in enumerate(_sources(folder)):
            if number >= MAX_FILES:
                raise ConfigurationError(f"{folder} holds more than {MAX_FILES} files")
            try:
                read = _read_one(name, content, latest)
            except MalformedAdvisoryError as e:
                found.skipped.append((name, str(e)))
                continue
            if isinstance(read, Withdrawn):
                found.withdrawn += 1
            else:
                found.others += not read
                found.advisories += read
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as e:
        raise ConfigurationError(f"{folder} cannot be read: {e}") from e
    if not found.advisories:
        raise ConfigurationError(
            f"{folder} holds no usable OSV advisory for PyPI ({len(found.skipped)} malformed, "
            f"{found.withdrawn} withdrawn, {found.others} of other ecosystems)"
        )
    return found


def _read_one(
    name: str, content: bytes | None, latest: datetime
) -> tuple[Advisory, ...] | Withdrawn:
    if content is None:
        raise MalformedAdvisoryError(f"larger than {MAX_ADVISORY_BYTES} bytes")
    read = advisories_of(name, content)
    if not isinstance(read, Withdrawn) and any(a.modified > latest for a in read):
        # It would make the whole database look fresh for ever.
        raise MalformedAdvisoryError("modified in the future")
    return read


def _sources(source: Path) -> Iterator[tuple[str, bytes | None]]:
    """Yield (name, content) of every advisory file; None for one that is too large."""
    if source.is_file():
        with zipfile.ZipFile(source) as archive:
            for member in archive.infolist():
                if member.filename.endswith(_SUFFIXES):
                    with archive.open(member) as stream:
                        content = stream.read(MAX_ADVISORY_BYTES + 1)
                    yield member.filename, _unless_large(content)
        return
    if not source.is_dir():
        raise FileNotFoundError("no such folder or zip file")
    for parent, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            # A link or a pipe could lead anywhere, or block for ever.
            if name.endswith(_SUFFIXES) and path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    content = stream.read(MAX_ADVISORY_BYTES + 1)
                yield str(path.relative_to(source)), _unless_large(content)


def _unless_large(content: bytes) -> bytes | None:
    return content if len(content) <= MAX_ADVISORY_BYTES else None
