"""The ledger on a PostgreSQL that restarts, dies, hangs, is demoted or refuses."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from devsecops_eda.errors import InvalidSettingsError, UnavailableError
from devsecops_eda.ledger import Ledger, open_ledger
from devsecops_eda.ledger.postgresql import CONNECT_TIMEOUT_S, SILENCE_S, postgresql_engine
from tests.recorded import REPO, heard
from tests.rig.ports import free_ports
from tests.rig.postgres import PostgresServer


@pytest.fixture
def server(postgres_of_its_own: Callable[..., PostgresServer]) -> PostgresServer:
    """A server of one test's own that writes to the disk."""
    return postgres_of_its_own(fsync=True)


@pytest.fixture
def ledger(server: PostgresServer) -> Iterator[Ledger]:
    opened = open_ledger(server.url(), busy_timeout_s=2)
    yield opened
    opened.close()


def _records(ledger: Ledger, words: str) -> int:
    with ledger.transaction(REPO) as records:
        return heard(records, words)


def _refused(ledger: Ledger) -> str:
    with pytest.raises(UnavailableError) as caught, ledger.transaction():
        raise AssertionError("a transaction on a database that is away")
    return str(caught.value)


def test_after_a_restart_of_the_database_the_next_transaction_works(
    server: PostgresServer, ledger: Ledger
) -> None:
    seq = _records(ledger, "one")
    server.restart()
    assert _records(ledger, "one") == seq


def test_what_was_committed_is_there_after_a_kill_of_the_database(
    server: PostgresServer, ledger: Ledger
) -> None:
    seqs = [_records(ledger, f"{number}") for number in range(20)]
    server.kill()
    assert "connection" in _refused(ledger)
    server.start()
    assert [_records(ledger, f"{number}") for number in range(20)] == seqs


def test_a_transaction_whose_database_is_killed_is_away_and_left_nothing(
    server: PostgresServer, ledger: Ledger
) -> None:
    def is_killed() -> None:
        with ledger.transaction(REPO) as records:
            heard(records, "one")
            server.kill()
            heard(records, "two")

    with pytest.raises(UnavailableError):
        is_killed()
    server.start()
    with ledger.transaction(REPO) as records:
        assert records.inbox.body(1) is None


def test_a_database_that_says_nothing_is_away_in_time_and_used_again_when_it_speaks(
    server: PostgresServer, ledger: Ledger
) -> None:
    hasty = Ledger(
        postgresql_engine(make_url(server.url()), lock_timeout_s=1, statement_timeout_s=1)
    )
    _records(hasty, "one")
    with server.frozen():
        began = time.monotonic()
        _refused(hasty)
        assert time.monotonic() - began < 2 * (1 + SILENCE_S) + CONNECT_TIMEOUT_S
    _records(hasty, "two")

    def falls_silent() -> None:
        with hasty.transaction() as records, server.frozen():
            heard(records, "three")

    with pytest.raises(UnavailableError, match="silent for 6 s"):
        falls_silent()
    _records(hasty, "three")
    hasty.close()


def test_a_server_that_was_demoted_is_left_for_a_new_connection(postgres_url: str) -> None:
    engine = postgresql_engine(make_url(postgres_url), lock_timeout_s=1)

    def served_by() -> object:
        with engine.connect() as connection:
            return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

    first = served_by()
    assert served_by() == first
    with engine.connect() as connection:
        # As every transaction is on a standby.
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        with pytest.raises(DBAPIError, match="read-only"):
            connection.exec_driver_sql("CREATE TABLE one ()")
    assert served_by() != first
    engine.dispose()


def test_a_commit_waits_for_the_disk_also_where_the_server_would_not(
    postgres_of_its_own: Callable[..., PostgresServer],
) -> None:
    server = postgres_of_its_own(settings={"synchronous_commit": "off"})
    engine = postgresql_engine(make_url(server.url()), lock_timeout_s=1)
    shown = {}
    with engine.connect() as connection:
        for name in ("synchronous_commit", "transaction_isolation", "lock_timeout"):
            shown[name] = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
    engine.dispose()
    assert shown == {
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "lock_timeout": "1s",
    }


def test_a_stronger_promise_of_the_server_stays(
    postgres_of_its_own: Callable[..., PostgresServer],
) -> None:
    server = postgres_of_its_own(settings={"synchronous_commit": "remote_apply"})
    engine = postgresql_engine(make_url(server.url()), lock_timeout_s=1)
    with engine.connect() as connection:
        shown = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
    engine.dispose()
    assert shown == "remote_apply"


def test_a_user_who_may_not_make_tables_is_told_so_and_may_use_those_that_are_there(
    postgres: PostgresServer,
) -> None:
    with postgres.fresh_database() as name, postgres.connect(name) as connection:
        connection.execute(f"CREATE USER u{name} PASSWORD 'p'".encode())
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        poor = postgres.url(name, user=f"u{name}", password="p")
        with pytest.raises(InvalidSettingsError, match=r"gate\.database.*permission denied"):
            open_ledger(poor)
        open_ledger(postgres.url(name)).close()
        may = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
        connection.execute(f"GRANT {may} IN SCHEMA public TO u{name}".encode())
        connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO u{name}".encode())
        ledger = open_ledger(poor)
        _records(ledger, "one")
        ledger.close()
        connection.execute(f"DROP OWNED BY u{name}".encode())
        connection.execute(f"DROP USER u{name}".encode())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"port": free_ports(1)[0]}, "refused"),
        ({"password": "wrong-word"}, "password authentication failed"),
        ({"database": "nowhere"}, "does not exist"),
    ],
)
def test_a_database_that_cannot_be_reached_is_away_and_no_password_is_said(
    postgres: PostgresServer, change: dict[str, str], says: str
) -> None:
    url = make_url(postgres.url()).set(**change)  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match=says) as caught:
        open_ledger(url.render_as_string(hide_password=False))
    assert postgres.password not in str(caught.value)
    assert "wrong-word" not in str(caught.value)


def test_an_option_that_the_driver_does_not_know_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(InvalidSettingsError, match=r"gate\.database.*speed") as caught:
        open_ledger(f"{postgres.url()}?speed=high")
    assert postgres.password not in str(caught.value)


def test_options_of_the_url_hold(postgres_url: str) -> None:
    ledger = open_ledger(f"{postgres_url}?application_name=gate-7&connect_timeout=3")
    _records(ledger, "one")
    ledger.close()


def test_a_connection_is_not_waited_for_longer_than_a_lock(ledger: Ledger) -> None:
    open_ones = [ledger.transaction() for _ in range(10)]
    for one in open_ones:
        one.__enter__()
    assert "all connections are taken" in _refused(ledger)
    for one in open_ones:
        one.__exit__(None, None, None)
    _records(ledger, "one")
