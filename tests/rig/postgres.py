"""A PostgreSQL of the tests' own: its port, its data, its user; nothing is left of it."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.rig.leftovers import alive, descendants, with_environment
from tests.rig.ports import free_ports
from tests.rig.postgres_files import (
    ADMIN,
    ServerError,
    Unprivileged,
    copy_template,
    environment,
)
from tests.rig.provide import CannotProvideError, find_database
from tests.rig.waiting import NeverHappenedError, eventually

START_S = 60.0
STOP_S = 60.0
# In the environment of everything that belongs to one server, so that leftovers can be told.
MARK = "DEVSECOPS_EDA_RIG_POSTGRES"


class PostgresServer:
    """One private PostgreSQL on loopback; a context manager that leaves nothing behind.

    Args:
        fsync: whether what is committed is on the disk; tests of kills need no power cut.
        settings: of the server, besides ours or instead of ours.
    """

    def __init__(self, *, fsync: bool = False, settings: Mapping[str, str] | None = None) -> None:
        found = find_database()
        if found is None:
            raise CannotProvideError("no PostgreSQL here: `make rig` gets one")
        self._database = found
        self._user = Unprivileged.found()
        self._settings = {"fsync": "on" if fsync else "off", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="devsecops-eda-postgres-"))
        self.port = free_ports(1)[0]
        self.password = ""

    def __enter__(self) -> Self:
        try:
            self.password = copy_template(self._database, self._user, self.folder / "data")
            self._user.own(self.folder)
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server, or of the one that ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server has written so far, over all its starts."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

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
        """Start the server, on the data it left if it ran before, and wait until it answers.

        Raises:
            ServerError: it ended by itself, or did not answer within START_S seconds.
        """
        for attempt in (1, 2, 3):
            self._launch()
            try:
                eventually(self._answers, timeout_s=START_S, what="PostgreSQL answers")
                return
            except NeverHappenedError as never:
                raise ServerError(f"{never}\n{self.log[-4000:]}") from None
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
        log = (self.folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                (str(self._database.bin / "postgres"), "-D", str(self.folder / "data"), *options),
                env={**environment(self._database), MARK: self.folder.name},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user.options(),
            )

    def _answers(self) -> bool:
        if not self.running:
            raise ServerError(f"PostgreSQL ended by itself while starting\n{self.log[-4000:]}")
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
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """End the server and start it again on the same port and data."""
        self.shut_down()
        self.start()

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

    def stop(self) -> None:
        """End the server at once and remove its data. Harmless when done before.

        Raises:
            ServerError: a process of the server was still there; it was killed.
        """
        try:
            # An orderly end writes everything down, and its only purpose is the data.
            self._end(signal.SIGQUIT)
            self._no_process_is_left()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        if self.running:
            assert self._process is not None
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def _forget_memory(self) -> None:
        # A killed server leaves the segment of System V memory by which it knows itself.
        file = self.folder / "data" / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) > 6 and len(lines[6].split()) == 2:
            subprocess.run(("ipcrm", "-m", lines[6].split()[1]), check=False, capture_output=True)

    def _no_process_is_left(self) -> None:
        mark = f"{MARK}={self.folder.name}"
        try:
            eventually(lambda: not with_environment(mark), timeout_s=20, what="all have ended")
        except NeverHappenedError:
            left = with_environment(mark)
            for one in left:
                os.kill(one.pid, 9)
            commands = ", ".join(one.command[:80] for one in left)
            raise ServerError(f"outlived the server and were killed: {commands}") from None
