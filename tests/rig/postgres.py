"""A PostgreSQL of the tests' own: its port, its data, its user; nothing is left of it."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.rig.leftovers import alive, descendants
from tests.rig.ports import free_ports
from tests.rig.postgres_files import (
    ADMIN,
    Unprivileged,
    copy_template,
    environment,
)
from tests.rig.provide import CannotProvideError, find_database
from tests.rig.servers import START_S, STOP_S, PrivateServer, ServerError
from tests.rig.waiting import NeverHappenedError, eventually

MARK = "DEVSECOPS_EDA_RIG_POSTGRES"


class PostgresServer(PrivateServer):
    """One private PostgreSQL on loopback; a context manager that leaves nothing behind.

    Args:
        fsync: whether what is committed is on the disk; tests of kills need no power cut.
        settings: of the server, besides ours or instead of ours.
    """

    def __init__(self, *, fsync: bool = False, settings: Mapping[str, str] | None = None) -> None:
        found = find_database()
        if found is None:
            raise CannotProvideError("no PostgreSQL here: `make rig` gets one")
        super().__init__("postgres", mark=MARK)
        self._database = found
        self._user = Unprivileged.found()
        self._settings = {"fsync": "on" if fsync else "off", **(settings or {})}
        self.port = free_ports(1)[0]
        self.password = ""

    def url(self, database: str = "postgres", *, user: str = ADMIN, password: str = "") -> str:
        """Return the SQLAlchemy URL of a database for ``user``, else for the administrator."""
        word = password or self.password
        return f"postgresql+psycopg://{user}:{word}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", **more: Any) -> "psycopg.Connection[Any]":
        """Return a connection of the administrator; each statement is its own transaction."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
            **more,
        )

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Make a database and yield its name; it is gone afterwards, whoever is connected."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield name
        if self.running:
            with self.connect() as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def start(self) -> None:
        """Start the server, the first time on a cluster of its own; raises as every server does."""
        if self._process is None:
            self.password = copy_template(self._database, self._user, self.folder / "data")
            self._user.own(self.folder)
        for attempt in (1, 2, 3):
            self._launch()
            try:
                eventually(self._answers, timeout_s=START_S, what="PostgreSQL answers")
                return
            except NeverHappenedError as never:
                raise self._said_why(never) from None
            except ServerError as ended:
                # Somebody took the port between our look and our start.
                if attempt == 3 or "could not bind" not in str(ended):
                    raise
                self.port = free_ports(1)[0]

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # Files of the data folder, not of /dev/shm: a killed server leaves none there.
            "dynamic_shared_memory_type": "mmap",
            "max_connections": "60",
            "shared_buffers": "32MB",
            **self._settings,
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        argv = (str(self._database.bin / "postgres"), "-D", str(self.folder / "data"), *options)
        marked = {**environment(self._database), MARK: self.folder.name}
        self._process = self._spawn(argv, marked, **self._user.options())

    def _answers(self) -> bool:
        if not self.running:
            raise self._said_why("PostgreSQL ended by itself while starting")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Kill the server and its children with signal 9; its data stay for `start`."""
        if self.running:
            children = descendants(self.pid)
            os.kill(self.pid, signal.SIGKILL)
            for child in alive(children):
                os.kill(child.pid, signal.SIGKILL)
            assert self._process is not None
            self._process.wait(STOP_S)
            eventually(lambda: not alive(children), timeout_s=STOP_S, what="its children ended")
            self._forget_memory()

    def shut_down(self) -> None:
        """End the server as an operator would, whoever is connected; its data stay for `start`."""
        self._signal_and_wait(signal.SIGINT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server in its tracks: connections stay open and say nothing."""
        these = [self.pid, *(one.pid for one in descendants(self.pid))]
        for pid in these:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(these):
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """End the server at once: an orderly end writes all down, only for the sake of the data."""
        self._signal_and_wait(signal.SIGQUIT)

    def _forget_memory(self) -> None:
        # A killed server leaves the segment of System V memory by which it knows itself.
        file = self.folder / "data" / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) > 6 and len(lines[6].split()) == 2:
            subprocess.run(("ipcrm", "-m", lines[6].split()[1]), check=False, capture_output=True)
