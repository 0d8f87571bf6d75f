"""A RabbitMQ node of the tests' own: its ports, its data, its epmd; nothing is left of it."""

import json
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import quote

from tests.rig.management import Login, Management
from tests.rig.newer import find_chosen
from tests.rig.node_files import MARK, NodeFiles, Ports
from tests.rig.provide import Broker, CannotProvideError
from tests.rig.servers import START_S, STOP_S, PrivateServer, ServerError
from tests.rig.waiting import NeverHappenedError, eventually


class RabbitNode(PrivateServer):
    """One private RabbitMQ node on loopback; a context manager that leaves nothing behind.

    Args:
        settings: lines of ``rabbitmq.conf`` besides ours, or instead of ours.
        plugins: enabled besides the management plugin.
        broker: the RabbitMQ to run; without one that which the tests run on.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        plugins: Sequence[str] = (),
        broker: Broker | None = None,
    ) -> None:
        found = broker or find_chosen()
        if found is None:
            raise CannotProvideError("no RabbitMQ here: `make rig` or `make rabbitmq4` gets one")
        super().__init__("rabbit", mark=MARK)
        self._broker = found
        self._settings = dict(settings or {})
        self._plugins = tuple(plugins)
        self._epmd: subprocess.Popen[bytes] | None = None
        self.admin = Login("rig", secrets.token_urlsafe(16))
        self._take_ports(Ports.free())

    def _take_ports(self, ports: Ports) -> None:
        self.ports = ports
        self.name = f"rig-{ports.amqp}@localhost"
        self._files = NodeFiles(self.folder, self.name, ports, self._broker)
        self.management = Management(ports.management, self.admin)

    @property
    def version(self) -> str:
        """The version of RabbitMQ that is to run here, by the folder of its programs."""
        return self._broker.version

    def url(self, login: Login | None = None, *, vhost: str = "/") -> str:
        """Return the AMQP URL for ``login``, else for the node's administrator."""
        user = login or self.admin
        who = f"{quote(user.name, safe='')}:{quote(user.password, safe='')}"
        return f"amqp://{who}@127.0.0.1:{self.ports.amqp}/{quote(vhost, safe='')}"

    def start(self) -> None:
        """Start the node and wait until it takes work; raises as every server does."""
        first = self._process is None
        for attempt in (1, 2, 3):
            self._launch()
            try:
                eventually(self._is_ready, timeout_s=START_S, what="RabbitMQ takes connections")
                return
            except NeverHappenedError as never:
                raise self._said_why(never) from None
            except ServerError as ended:
                # Somebody took a port between our look and our start. Data of a node that ran
                # before belong to its name, and so to its ports.
                if not first or attempt == 3 or "eaddrinuse" not in str(ended):
                    raise
                self._end_epmd()
                self._take_ports(Ports.free())

    def _launch(self) -> None:
        self._files.write(self.admin, self._settings, self._plugins)
        environment = self._files.environment()
        if self._epmd is None or self._epmd.poll() is not None:
            # Ours, in the foreground: one that the node starts by itself would outlive it.
            address = ("-address", "127.0.0.1", "-port", str(self.ports.epmd))
            self._epmd = self._spawn(("epmd", *address), environment)
            eventually(self._epmd_listens, timeout_s=START_S, what="epmd listens")
        server = str(self._broker.sbin / "rabbitmq-server")
        self._process = self._spawn((server,), environment)

    def _epmd_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports.epmd)) == 0

    def _is_ready(self) -> bool:
        if not self.running:
            raise self._said_why("RabbitMQ ended by itself while starting")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.ports.amqp)) != 0:
                return False
        try:
            self.management.call("GET", "whoami")
        except OSError:
            return False
        return True

    def ctl(self, *argv: str, timeout_s: float = 60.0) -> str:
        """Run rabbitmqctl against this node (1.5 s of CPU each) and return what it printed.

        Raises:
            ServerError: it ended with another exit code than 0.
        """
        done = subprocess.run(
            (str(self._broker.sbin / "rabbitmqctl"), "--node", self.name, "-q", *argv),
            env=self._files.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            raise ServerError(f"rabbitmqctl {argv[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def listened(self, vhost: str) -> tuple[str, ...]:
        """Return the names of the queues in ``vhost`` that have a consumer (see `ctl`)."""
        asked = ("list_queues", "-p", vhost, "name", "consumers", "--formatter=json")
        return tuple(row["name"] for row in json.loads(self.ctl(*asked)) if row["consumers"])

    def add_user(self, name: str, *, tags: str = "") -> Login:
        """Make a user with a password of its own and no rights."""
        login = Login(name, secrets.token_urlsafe(16))
        self.management.add_user(login, tags=tags)
        return login

    @contextmanager
    def memory_alarm(self) -> Iterator[None]:
        """Hold the node in a memory alarm: it stops reading from whoever publishes."""
        self.ctl("set_vm_memory_high_watermark", "absolute", "1")
        try:
            eventually(self.management.alarms, timeout_s=30, what="the memory alarm is on")
            yield
        finally:
            self.ctl("set_vm_memory_high_watermark", "0.4")
            eventually(
                lambda: not self.management.alarms(), timeout_s=30, what="the memory alarm is off"
            )

    def keep(self, *queues: str) -> None:
        """Return once the node would find these quorum queues again after a `kill`.

        RabbitMQ 3.10 writes the names of new quorum queues down about once a second. A queue
        declared just before a kill comes back without a leader, and stays so.
        """
        eventually(lambda: self._has_written(queues), timeout_s=30, what=f"{queues} are kept")

    def _has_written(self, queues: Sequence[str]) -> bool:
        written = b"".join(
            path.read_bytes() for path in self.folder.glob("mnesia/*/quorum/*/names.dets")
        )
        return all(queue.encode() in written for queue in queues)

    def kill(self) -> None:
        """Kill the node with signal 9; its data stay for `start` (see `keep`)."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait(STOP_S)

    def shut_down(self) -> None:
        """End the node as an operator would; its data stay for `start`."""
        self._signal_and_wait(signal.SIGTERM)

    def end(self) -> None:
        """Kill node and epmd: an orderly end takes six seconds, only for the sake of the data."""
        self.kill()
        self._end_epmd()

    def _end_epmd(self) -> None:
        if self._epmd is not None and self._epmd.poll() is None:
            # It ignores SIGTERM while it knows names; there is nothing in it worth saving.
            self._epmd.kill()
            self._epmd.wait(STOP_S)
