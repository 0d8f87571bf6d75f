"""The rig's PostgreSQL keeps its own promises, else no test on it means anything."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.rig.leftovers import with_environment
from tests.rig.ports import LAST
from tests.rig.postgres import MARK, PostgresServer
from tests.rig.postgres_files import Unprivileged


def _segments() -> set[str]:
    """Return the ids of all segments of System V memory on this machine."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines}


def _own_segment(server: PostgresServer) -> str:
    lines = (server.folder / "data" / "postmaster.pid").read_text().splitlines()
    return lines[6].split()[1]


def test_a_server_listens_on_loopback_below_the_ephemeral_ports_only(
    postgres: PostgresServer,
) -> None:
    assert postgres.port <= LAST
    shown = "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
    with postgres.connect() as connection:
        assert connection.execute(shown).fetchone() == ("127.0.0.1", "")


def test_a_server_runs_as_nobody_in_particular(postgres: PostgresServer) -> None:
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == Unprivileged.found().uid != 0


def test_nobody_comes_in_without_the_password(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url(password="wrong").replace("+psycopg", ""))


def test_a_fresh_database_is_gone_though_somebody_is_connected(postgres: PostgresServer) -> None:
    with postgres.fresh_database() as name:
        forgotten = postgres.connect(name)
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    with postgres.connect() as connection:
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert (name,) not in names


def test_data_survive_a_kill_and_nothing_survives_the_end(
    postgres_of_its_own: Callable[..., PostgresServer],
) -> None:
    server = postgres_of_its_own(fsync=True)
    own = {_own_segment(server)}
    assert own <= _segments()
    with server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.kill()
    assert not server.running
    server.start()
    with server.connect() as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    own.add(_own_segment(server))
    server.kill()
    server.stop()
    assert not own & _segments()
    assert with_environment(f"{MARK}={server.folder.name}") == frozenset()
    assert not server.folder.exists()
