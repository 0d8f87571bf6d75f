"""The ledger's database as one file, or in memory: SQLite, for one gate process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

READING = "ledger_reading"
"""The execution option of a connection whose transactions only read."""


def sqlite_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine whose transactions are durable, and of which one at a time writes.

    Raises:
        OSError: the folder of the file cannot be made.
    """
    options: dict[str, Any] = {}
    if in_memory(url):
        options["poolclass"] = StaticPool
    else:
        folder = Path(url.database or "").parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": busy_timeout_s},
        # They are whole events, and would stand in every traceback.
        hide_parameters=True,
        **options,
    )
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _begin)
    return engine


def in_memory(url: URL) -> bool:
    """Return whether a SQLite URL names no file."""
    return url.database in (None, "", ":memory:")


def _durable(connection: Any, _record: object) -> None:
    # Autocommit off in the driver: we say BEGIN ourselves, else sqlite3 begins too late and two
    # transactions that both read first would deadlock at their first write.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A reader sees a snapshot and holds back no writer.
    reads = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
