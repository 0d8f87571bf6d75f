"""Opening the ledger, and its transactions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from devsecops_eda.errors import (
    InvalidSettingsError,
    RacedError,
    UnavailableError,
    UnwritableError,
)
from devsecops_eda.ledger import postgresql
from devsecops_eda.ledger.records import Records
from devsecops_eda.ledger.schema import bring_up_to_date
from devsecops_eda.ledger.sqlite import READING, in_memory, sqlite_engine

BUSY_TIMEOUT_S = 5.0
"""So long a transaction waits for a lock before the ledger counts as away."""

_NO_PRIVILEGE = "42501"


class Ledger:
    """The gate's memory: SQLite for one gate process, PostgreSQL for several. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine whose tables are up to date (see ``open_ledger``)."""
        self._engine = engine
        self._shared = engine.dialect.name == "postgresql"
        # SQLite has one writer. Standing in line here is fair; its busy handler is a lottery.
        line: AbstractContextManager[object] = threading.Lock()
        self._turn = nullcontext() if self._shared else line
        self._turn_to_read = self._turn if in_memory(engine.url) else nullcontext()

    @contextmanager
    def transaction(self, about: str | None = None) -> Iterator[Records]:
        """Open one transaction; it is committed and durable when the block ends without error.

        Of several that are ``about`` the same repository one runs at a time, also among several
        gates on one database, and each sees what those before it left. Those about nothing lock
        only the rows they change.

        Raises:
            UnavailableError: the database is away, full, locked by others for too long, or two
                wrote the same at once (``RacedError``). Nothing was kept; where the connection
                broke while it was committed, maybe all of it. Doing it again is right in each case.
            UnwritableError: it cannot hold what was to be kept, now or later; nothing was kept.
        """
        with self._turn, self._translated(), self._engine.begin() as connection:
            if self._shared and about is not None:
                postgresql.lock(connection, f"about/{about}")
            yield Records(connection)

    @contextmanager
    def reading(self) -> Iterator[Records]:
        """Open a transaction that sees one state of everything; what it writes is not kept.

        It holds back nobody who writes, however long it takes.

        Raises:
            UnavailableError: the database is away.
        """
        options = {"isolation_level": "REPEATABLE READ"} if self._shared else {READING: True}
        with self._turn_to_read, self._translated(), self._engine.connect() as connection:
            whole = connection.execution_options(**options)
            with whole.begin() as transaction:
                yield Records(whole)
                transaction.rollback()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            # It would say so for ever, and the gate would wait for it for ever.
            raise UnwritableError(f"the ledger cannot hold it: {postgresql.says(error)}") from error
        except IntegrityError as error:
            raise RacedError(f"the ledger holds another: {postgresql.says(error)}") from error
        except DBAPIError as error:
            # The message of the driver, not of SQLAlchemy: that one shows our parameters.
            raise UnavailableError(f"the ledger is away: {postgresql.says(error)}") from error
        except PoolTimeoutError as error:
            raise UnavailableError("the ledger is away: all connections are taken") from error

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def open_ledger(
    url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S, existing: bool = False
) -> Ledger:
    """Open the ledger at a SQLAlchemy ``url`` and bring its tables up to date.

    A lock that somebody else holds is waited for ``busy_timeout_s`` seconds. With ``existing``
    no file is made: what somebody looks for in a new one is not there.

    Raises:
        InvalidSettingsError: the URL is none, or names a database that is not served, whose
            tables this release does not know, or where its user may not make tables; or, with
            ``existing``, a file that is not there.
        MissingExtraError: the driver of that database is not installed.
        UnavailableError: the database cannot be reached or opened.
    """
    if existing:
        _must_exist(url)
    engine = _engine(url, busy_timeout_s)
    try:
        with engine.begin() as connection:
            bring_up_to_date(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        if not isinstance(error, DBAPIError):
            raise UnavailableError(f"the ledger cannot be opened: {error}") from error
        said = postgresql.says(error)
        code = postgresql.sqlstate(error)
        if isinstance(error, ProgrammingError) and code is None:
            # No server said so: the driver does not know an option of the URL.
            raise InvalidSettingsError(f"gate.database: {said}") from error
        if code == _NO_PRIVILEGE:
            raise InvalidSettingsError(
                f"gate.database: its user may not bring the tables up to date ({said}): let it"
                " own its schema"
            ) from error
        raise UnavailableError(f"the ledger cannot be opened: {said}") from error
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine)


def database_of(url: str) -> URL:
    """Return a SQLAlchemy ``url`` in its parts.

    Raises:
        InvalidSettingsError: it is none; the message does not repeat it, it may hold a password.
    """
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidSettingsError("gate.database: that is no URL of a database") from error


def _must_exist(url: str) -> None:
    parsed = database_of(url)
    file = parsed.database
    if parsed.get_backend_name() == "sqlite" and file and not Path(file).is_file():
        raise InvalidSettingsError(
            f"gate.database: there is no ledger at {file}: look on the gate's host, with the"
            " gate's configuration"
        )


def _engine(url: str, busy_timeout_s: float) -> Engine:
    parsed = database_of(url)
    try:
        return _engine_of(parsed, busy_timeout_s)
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidSettingsError(f"gate.database: {error}") from error
    except OSError as error:
        raise UnavailableError(f"the ledger cannot be opened: {error}") from error


def _engine_of(url: URL, busy_timeout_s: float) -> Engine:
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return sqlite_engine(url, busy_timeout_s=busy_timeout_s)
    if url.drivername == "postgresql+psycopg":
        return postgresql.postgresql_engine(url, lock_timeout_s=busy_timeout_s)
    raise InvalidSettingsError(
        f"gate.database: {url.drivername!r} is not served, use sqlite:///path/to/ledger.db or"
        " postgresql+psycopg://user@host/database"
    )
