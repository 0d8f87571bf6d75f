"""Looking at a ledger without touching it: nothing is made, nothing is brought up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, inspect, text
from sqlalchemy.exc import DBAPIError

from devsecops_eda.errors import UnavailableError
from devsecops_eda.ledger import postgresql
from devsecops_eda.ledger.schema import revisions
from devsecops_eda.ledger.store import database_of

_TABLE = "alembic_version"
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Inspected:
    """How a ledger stands.

    ``revision`` is that of its tables, None where there are none yet; ``newest`` what this release
    brings them to, ``known`` whether it knows the revision at all. ``clock`` is the server's.
    """

    database: str
    revision: str | None
    newest: str
    known: bool
    clock: datetime | None = None


def inspect_ledger(url: str) -> Inspected:
    """Return how the ledger at ``url`` stands.

    Raises:
        InvalidSettingsError: the URL is none.
        MissingExtraError: the driver of that database is not installed.
        UnavailableError: the database cannot be reached or read.
    """
    parsed = database_of(url)
    _, scripts = revisions()
    (newest,) = scripts.get_heads()
    known = {one.revision for one in scripts.walk_revisions()}
    if parsed.drivername.startswith("sqlite"):
        revision, clock = _of_file(Path(parsed.database or "")), None
    else:
        revision, clock = _of_server(parsed)
    name = parsed.render_as_string(hide_password=True)
    return Inspected(name, revision, newest, revision is None or revision in known, clock)


def _of_file(file: Path) -> str | None:
    if not os.access(file, os.F_OK):
        return None
    try:
        # Read only: opening it otherwise would make files beside it, and in another's name.
        with closing(
            sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_TIMEOUT_S)
        ) as db:
            tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?"
            if db.execute(tables, (_TABLE,)).fetchone() is None:
                return None
            row = db.execute(f"SELECT version_num FROM {_TABLE}").fetchone()  # noqa: S608 - ours
    except sqlite3.Error as error:
        raise UnavailableError(f"the ledger {file} cannot be read: {error}") from error
    return str(row[0]) if row else None


def _of_server(url: URL) -> tuple[str | None, datetime]:
    engine = postgresql.postgresql_engine(
        url, lock_timeout_s=_TIMEOUT_S, statement_timeout_s=_TIMEOUT_S
    )
    try:
        with engine.connect() as connection:
            now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            if not inspect(connection).has_table(_TABLE):
                return None, now.astimezone(UTC)
            row = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).first()  # noqa: S608
    except DBAPIError as error:
        raise UnavailableError(f"the ledger cannot be reached: {postgresql.says(error)}") from error
    finally:
        engine.dispose()
    return (str(row[0]) if row else None), now.astimezone(UTC)
