"""Opening the ledger, its transactions, and its lease."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from devsecops_eda.errors import InvalidSettingsError, UnavailableError
from devsecops_eda.ledger.records import Records

BUSY_TIMEOUT_S = 5.0
"""So long a transaction waits for a lock before the ledger counts as away."""


class Ledger:
    """The gate's memory on SQLite (one gate process). Thread-safe: transactions stand in line."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine whose tables are up to date (see ``open_ledger``)."""
        self._engine = engine
        # SQLite has one writer. Standing in line here is fair; its busy handler is a lottery.
        self._turn = threading.Lock()

    @contextmanager
    def transaction(self, about: str | None = None) -> Iterator[Records]:
        """Open one transaction; it is committed and durable when the block ends without error.

        Of several that are ``about`` the same repository one runs at a time, also among several
        gates on one database.

        Raises:
            UnavailableError: the database is away, locked by others or full; nothing was kept.
        """
        with self._turn:
            try:
                with self._engine.begin() as connection:
                    yield Records(connection)
            except DBAPIError as error:
                # The message of the driver, not of SQLAlchemy: that one shows our parameters.
                raise UnavailableError(f"the ledger is away: {error.orig}") from error

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def open_ledger(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Ledger:
    """Open the ledger at a SQLAlchemy ``url`` and bring its tables up to date.

    A lock that another process holds is waited for ``busy_timeout_s`` seconds.

    Raises:
        InvalidSettingsError: the URL is none, or names a database this release does not serve.
        UnavailableError: the database cannot be reached or opened.
    """
    engine = _engine(url, busy_timeout_s)
    config = Config()
    config.set_main_option("script_location", "devsecops_eda:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise UnavailableError(f"the ledger cannot be opened: {error.orig}") from error
    except SQLAlchemyError as error:
        raise UnavailableError(f"the ledger cannot be opened: {error}") from error
    return Ledger(engine)


def _engine(url: str, busy_timeout_s: float) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise InvalidSettingsError(
                f"gate.database: {parsed.get_backend_name()!r} is not served by this release, "
                "use sqlite:///path/to/ledger.db"
            )
        memory = parsed.database in (None, "", ":memory:")
        options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
        if parsed.database is not None and not memory:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(
            parsed,
            connect_args={"check_same_thread": False, "timeout": busy_timeout_s},
            **options,
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidSettingsError(f"gate.database: {error}") from error
    except OSError as error:
        raise UnavailableError(f"the ledger cannot be opened: {error}") from error
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _begin)
    return engine


def _durable(connection: Any, _record: object) -> None:
    # Autocommit off in the driver: we say BEGIN ourselves, else sqlite3 begins too late and two
    # transactions that both read first would deadlock at their first write.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
