"""The database folder of the check ``safety``.

Three files: the two that safety 3.7.0 reads, and an index of ours with what safety would drop
(severity, aliases, dates). The index holds the digests of the others, so that a folder that is
being replaced is noticed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from devsecops_eda.advisories.osv import Advisory
from devsecops_eda.errors import CheckError, FailureReason, UnavailableError
from devsecops_eda.model import Severity

FORMAT = 1
INDEX_FILE = "advisories.json"
SPECS_FILE = "insecure.json"
FULL_FILE = "insecure_full.json"

MAX_DATABASE_BYTES = 1024**3
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Database:
    """A database as it was read: ``files`` (name -> bytes) belong together, ``digest`` names them.

    ``date`` is the time it speaks for.
    """

    date: datetime
    digest: str
    files: Mapping[str, bytes]

    @property
    def advisories(self) -> Mapping[tuple[str, str], Advisory]:
        """Return its advisories by id and package."""
        return read_index(self.files[INDEX_FILE])


def read_database(folder: Path) -> Database | None:
    """Return the database in ``folder``, None when there is none.

    Raises:
        CheckError: the folder holds something else (``no_data``).
        UnavailableError: its files do not belong together: it is being replaced right now.
    """
    for _ in range(_TRIES):
        try:
            files = {name: _bounded(folder / name) for name in (INDEX_FILE, SPECS_FILE, FULL_FILE)}
        except FileNotFoundError:
            return None
        except OSError as e:
            raise CheckError(FailureReason.NO_DATA, f"{folder} cannot be read: {e.strerror}") from e
        try:
            index = json.loads(files[INDEX_FILE])
            if index["format"] != FORMAT:
                raise ValueError(index["format"])
            date = datetime.fromisoformat(index["date"])
            digests = dict(index["digests"])
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise CheckError(
                FailureReason.NO_DATA,
                f"{folder} holds no database that `devsecops-eda data import` made",
            ) from e
        if all(_sha256(files[name]) == digests.get(name) for name in (SPECS_FILE, FULL_FILE)):
            return Database(date=date, digest=digest_of(files), files=files)
    raise UnavailableError(f"the files in {folder} do not belong together: import them again")


def read_index(content: bytes) -> Mapping[tuple[str, str], Advisory]:
    """Return the advisories of an index by id and package; pure."""
    return {
        (entry["id"], entry["package"]): Advisory(
            id=entry["id"],
            package=entry["package"],
            specs=tuple(entry["specs"]),
            modified=datetime.fromisoformat(entry["modified"]),
            published=datetime.fromisoformat(entry["published"]),
            summary=entry["summary"],
            details=entry["details"],
            severity=Severity.of(entry["severity"]),
            aliases=tuple(entry["aliases"]),
            fixed_versions=tuple(entry["fixed_versions"]),
            cwe=tuple(entry["cwe"]),
        )
        for entry in json.loads(content)["advisories"]
    }


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return the digest that names a database: of its index, which holds those of the others."""
    return _sha256(files[INDEX_FILE])


def database_files(advisories: Iterable[Advisory], date: datetime) -> Mapping[str, bytes]:
    """Return the files of a database by name; pure, and the same for the same advisories."""
    entries = [_entry(advisory) for advisory in advisories]
    specs: dict[str, dict[str, None]] = {}
    full: dict[str, list[Any]] = {}
    for entry in entries:
        specs.setdefault(entry["package"], {}).update(dict.fromkeys(entry["specs"]))
        cves = [name for name in (entry["id"], *entry["aliases"]) if name.startswith("CVE-")]
        full.setdefault(entry["package"], []).append(
            {
                "advisory": entry["summary"],
                "specs": entry["specs"],
                # "pyup" is safety's word for "the id that this database gives it".
                "ids": [
                    {"type": "pyup", "id": entry["id"]},
                    *({"type": "cve", "id": cve} for cve in cves),
                ],
                "fixed_versions": entry["fixed_versions"],
                "published_date": entry["published"],
                "more_info_path": "",
            }
        )
    meta = {
        "schema_version": "2.0.0",
        "timestamp": int(date.timestamp()),
        "base_domain": "",
        "packages": {},
        "severities": {},
    }
    small = {name: list(listed) for name, listed in specs.items()}
    files = {
        SPECS_FILE: _json({"meta": meta, "vulnerable_packages": small}),
        FULL_FILE: _json({"meta": meta, "vulnerable_packages": full}),
    }
    index = {
        "format": FORMAT,
        "date": date.isoformat(),
        "digests": {name: _sha256(content) for name, content in files.items()},
        "advisories": entries,
    }
    return {**files, INDEX_FILE: _json(index)}


def _entry(advisory: Advisory) -> dict[str, Any]:
    return {
        "id": advisory.id,
        "package": advisory.package,
        "specs": list(advisory.specs),
        "modified": advisory.modified.isoformat(),
        "published": advisory.published.isoformat(),
        "summary": advisory.summary,
        "details": advisory.details,
        "severity": advisory.severity.word,
        "aliases": list(advisory.aliases),
        "fixed_versions": list(advisory.fixed_versions),
        "cwe": list(advisory.cwe),
    }


def write_database(into: Path, files: Mapping[str, bytes]) -> None:
    """Replace the database in ``into``; whoever reads meanwhile gets the old or the new one.

    Raises:
        OSError: it cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    with (into / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in (SPECS_FILE, FULL_FILE, INDEX_FILE):
            descriptor, temporary = tempfile.mkstemp(dir=into, prefix=f".{name}.")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(files[name])
                    stream.flush()
                    os.fsync(stream.fileno())
                # It holds nothing secret, and the workers run as other users.
                Path(temporary).chmod(0o644)
                Path(temporary).replace(into / name)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise


def _bounded(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_DATABASE_BYTES)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
