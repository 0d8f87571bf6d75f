"""The ledger's database on PostgreSQL, for several gate processes. Nothing waits for ever.

The server ends a statement that takes too long and a transaction that nobody goes on with; the
driver gives up on a server that says nothing at all; either counts as a ledger that is away.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import DBAPIError

from devsecops_eda.errors import MissingExtraError

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import PQGen

STATEMENT_TIMEOUT_S = 30.0
"""So long one statement may take."""

SILENCE_S = 5.0
"""So much longer than a statement may take the driver waits for a word of the server."""

ABANDONED_S = 300.0
"""After so long without a statement the server ends a transaction and frees what it locked."""

CONNECT_TIMEOUT_S = 5
POOL_SIZE = 5
MAX_OVERFLOW = 5

_READ_ONLY = "25006"
# A peer that vanished (power, cable) is noticed after about 25 s, by either side.
_KEEPALIVE = {"idle": 10, "interval": 5, "count": 3}

_T = TypeVar("_T")


def postgresql_engine(
    url: URL, *, lock_timeout_s: float, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> Engine:
    """Return an engine whose transactions are READ COMMITTED and durable.

    A lock that somebody else holds is waited for ``lock_timeout_s``, a free connection of the
    pool as long. A connection that broke is replaced before the next transaction.

    Raises:
        MissingExtraError: the driver is not installed.
    """
    try:
        bounded = _bounded(statement_timeout_s + SILENCE_S)
    except ImportError as error:
        raise MissingExtraError(
            "gate.database names a PostgreSQL, which needs the extra: install"
            " 'devsecops-eda[postgres]'"
        ) from error
    engine = create_engine(
        url,
        connect_args=_connect_arguments(url),
        isolation_level="READ COMMITTED",
        # They are whole events, and would stand in every traceback.
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=lock_timeout_s,
    )
    settings = {
        "statement_timeout": f"{statement_timeout_s * 1000:.0f}",
        "lock_timeout": f"{lock_timeout_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{ABANDONED_S * 1000:.0f}",
        **{f"tcp_keepalives_{name}": str(value) for name, value in _KEEPALIVE.items()},
    }

    def connect(_dialect: Dialect, _record: object, args: list[Any], more: dict[str, Any]) -> Any:
        connection = bounded.connect(*args, **more)
        _settle(connection, settings)
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "handle_error", _leave_the_demoted)
    return engine


def _connect_arguments(url: URL) -> dict[str, Any]:
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "devsecops-eda",
        **{f"keepalives_{name}": value for name, value in _KEEPALIVE.items()},
        "tcp_user_timeout": 20_000,
    }
    # What the operator's URL says holds.
    return {name: value for name, value in ours.items() if name not in url.query}


def _settle(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    """Say to the server for the whole session what it may do without us."""
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        # Stronger promises of the operator (a standby that has it too) stay as they are.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def lock(connection: Connection, name: str) -> None:
    """Hold the lock of this name until the transaction ends; others wait for it."""
    digest = hashlib.blake2b(f"devsecops-eda/{name}".encode(), digest_size=8).digest()
    key = int.from_bytes(digest, signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def be_patient(connection: Connection, *, lock_s: float, statement_s: float) -> None:
    """Let this one transaction wait and work longer than others may."""
    for name, value_s in (("lock_timeout", lock_s), ("statement_timeout", statement_s)):
        connection.execute(
            text("SELECT set_config(:name, :value, true)"),
            {"name": name, "value": f"{value_s * 1000:.0f}"},
        )


def says(error: DBAPIError) -> str:
    """Return what the server said, without the values that its details repeat."""
    diagnosis = getattr(error.orig, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    return primary or " ".join(str(error.orig).split())


def sqlstate(error: DBAPIError) -> str | None:
    """Return the code of an error, None where it did not come from the server."""
    return getattr(error.orig, "sqlstate", None)


def _leave_the_demoted(context: ExceptionContext) -> None:
    # After a failover the old primary goes on as a standby: a new connection finds the new one.
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _bounded(silence_s: float) -> type[psycopg.Connection[Any]]:
    """Return a class of connections that give up on a server that stays silent.

    The server's own time limits do not help where the server is stopped or its disk hangs.

    Raises:
        ImportError: the driver is not installed.
    """
    import psycopg

    class Bounded(psycopg.Connection[Any]):
        def wait(self, gen: PQGen[_T], *args: Any, **more: Any) -> _T:
            return super().wait(self._until(gen, time.monotonic() + silence_s), *args, **more)

        def _until(self, gen: PQGen[_T], end: float) -> PQGen[_T]:
            # The driver looks in ten times a second, whether there is news or not.
            try:
                wanted = next(gen)
                while True:
                    news = yield wanted
                    if time.monotonic() > end:
                        self.pgconn.finish()
                        raise psycopg.OperationalError(
                            f"the database was silent for {silence_s:g} s"
                        )
                    wanted = gen.send(news)
            except StopIteration as stopped:
                result: _T = stopped.value
                return result

    return Bounded
