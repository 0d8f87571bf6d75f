"""What tests share: the private RabbitMQ node and PostgreSQL, and real processes."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.rig.broker import RabbitNode
from tests.rig.management import Login
from tests.rig.newer import find_chosen
from tests.rig.postgres import PostgresServer
from tests.rig.programs import Programs

# How fast a machine is says nothing of what is tested on it; it may do something else meanwhile.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")


def pytest_report_header() -> str:
    """Say which RabbitMQ the tests run on."""
    broker = find_chosen()
    return f"rabbitmq: {broker.version} ({broker.sbin})" if broker else "rabbitmq: none"


@dataclass(frozen=True, slots=True)
class Vhost:
    """A virtual host of one test's own."""

    node: RabbitNode
    name: str

    @property
    def url(self) -> str:
        """The AMQP URL of a user who may do everything in it."""
        return self.url_of(self.node.admin)

    def url_of(self, login: Login) -> str:
        """The AMQP URL for ``login``."""
        return self.node.url(login, vhost=self.name)

    def add_user(
        self, name: str, *, configure: str = "^$", write: str = "^$", read: str = "^$"
    ) -> Login:
        """Make a user for this test alone; the name gets a tail so that no two tests meet."""
        login = self.node.add_user(f"{name}-{self.name}")
        self.node.management.set_permissions(
            login.name, vhost=self.name, configure=configure, write=write, read=read
        )
        return login

    def grant(self, document: Mapping[str, Any]) -> None:
        """Give the users of this test the rights that a definitions document has for them."""
        for row in document["permissions"]:
            patterns = {name: row[name] for name in ("configure", "write", "read")}
            self.node.management.set_permissions(row["user"], vhost=self.name, **patterns)
        for row in document["topic_permissions"]:
            self.node.management.set_topic_permissions(
                row["user"],
                vhost=self.name,
                exchange=row["exchange"],
                write=row["write"],
                read=row["read"],
            )

    def queues(self) -> tuple[str, ...]:
        """The names of all queues in it."""
        return self.node.management.queues(self.name)


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitNode]:
    """The session's RabbitMQ node; whoever wants to hurt it takes `rabbit_of_its_own`."""
    with RabbitNode() as node:
        yield node


@pytest.fixture
def rabbit_of_its_own() -> Iterator[Callable[..., RabbitNode]]:
    """Start nodes for one test alone; called with RabbitNode's arguments."""
    with ExitStack() as nodes:
        yield lambda **arguments: nodes.enter_context(RabbitNode(**arguments))


@pytest.fixture
def vhost(rabbit: RabbitNode) -> Iterator[Vhost]:
    """A fresh virtual host of the session's node, gone with all its queues after the test."""
    own = Vhost(rabbit, f"test-{uuid.uuid4().hex[:12]}")
    rabbit.management.add_vhost(own.name)
    yield own
    rabbit.management.delete_vhost(own.name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's PostgreSQL; whoever wants to hurt it takes `postgres_of_its_own`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_of_its_own() -> Iterator[Callable[..., PostgresServer]]:
    """Start servers for one test alone; called with PostgresServer's arguments."""
    with ExitStack() as servers:
        yield lambda **arguments: servers.enter_context(PostgresServer(**arguments))


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh database, gone with all in it after the test."""
    with postgres.fresh_database() as name:
        yield postgres.url(name)


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """Real commands, ended after the test; it fails where one of them leaves something running."""
    started = Programs(Path(tmp_path_factory.mktemp("logs")))
    yield started
    started.end_all()
