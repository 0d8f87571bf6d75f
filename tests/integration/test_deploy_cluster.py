"""Three nodes with the configuration that is shipped are one cluster that can lose one of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest

from devsecops_eda.broker import outgoing, parse_url, publish_once
from devsecops_eda.client import commit_pushed
from devsecops_eda.errors import PublishRefusedError
from tests.rig.broker import RabbitNode
from tests.rig.management import Login
from tests.rig.ports import free_ports
from tests.rig.shipped import RABBITMQ, made_certificates, on_our_ports, plugins
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]

VHOST = "devsecops"


class Member(RabbitNode):
    """A node that meets the others: the same epmd, the same cookie, and a listener for TLS."""

    def __init__(self, tls: Path, epmd: int, admin: Login) -> None:
        super().__init__(plugins=plugins())
        # One cluster has one administrator.
        self.admin = admin
        self._take_ports(replace(self.ports, epmd=epmd))
        home = self.folder / "home"
        home.mkdir()
        (home / ".erlang.cookie").write_text(admin.password)
        (home / ".erlang.cookie").chmod(0o400)
        self._settings, own = on_our_ports("rabbitmq.conf", tls)
        self.tls_port = own["tls"]

    def take(self, members: list[Member]) -> None:
        """Take the names of all members instead of those that are shipped."""
        for number, member in enumerate(members, 1):
            self._settings[f"cluster_formation.classic_config.nodes.{number}"] = member.name


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    made_certificates(tmp_path)
    return tmp_path


@pytest.fixture
def cluster(tls: Path) -> Iterator[list[Member]]:
    (epmd,) = free_ports(1)
    admin = Login("rig", secrets.token_hex(20))
    members = [Member(tls, epmd, admin) for _ in range(3)]
    with ExitStack() as stack, ThreadPoolExecutor(len(members)) as pool:
        for member in members:
            member.take(members)
            stack.callback(member.stop)
        # At once: from 4.0 on a node asks its peers whether they are there before it goes on.
        list(pool.map(RabbitNode.start, members))
        yield members


def test_a_cluster_that_lost_a_node_confirms_what_a_worker_then_gets(
    cluster: list[Member], tls: Path
) -> None:
    first, second, third = cluster
    names = [member.name for member in cluster]
    running = json.loads(first.ctl("cluster_status", "--formatter=json"))["running_nodes"]
    assert sorted(running) == sorted(names)
    first.ctl("import_definitions", str(RABBITMQ / "definitions.json"))
    listing = ("list_queues", "-p", VHOST, "name", "members", "--formatter=json")
    queues = {row["name"]: row["members"] for row in json.loads(first.ctl(*listing))}
    assert len(queues) == 5
    assert all(sorted(members) == sorted(names) for members in queues.values())

    ci, worker = Login("ci-acme", "one"), Login("devsecops-worker-semgrep", "two")
    for login in (ci, worker):
        first.ctl("change_password", login.name, login.password)
    third.kill()
    event = commit_pushed("acme/app", ref="main", sha="1" * 40, now=datetime.now(UTC))
    url = f"amqps://{ci.name}:{ci.password}@localhost:{second.tls_port}/{VHOST}"
    message = outgoing(event, mandatory=True)
    address = parse_url(url, ca_file=tls / "ca.pem")

    def taken() -> bool:
        # Until a queue whose leader was on the lost node has another one, it refuses.
        try:
            publish_once(address, message, timeout_s=60)
        except PublishRefusedError:
            return False
        return True

    eventually(taken, timeout_s=60, what="two nodes of three take an event")
    with pika.BlockingConnection(pika.URLParameters(first.url(worker, vhost=VHOST))) as connection:
        channel = connection.channel()
        found = eventually(
            lambda: channel.basic_get("devsecops.check.semgrep", auto_ack=True)[2],
            timeout_s=60,
            what="the event is there",
        )
    assert json.loads(found)["id"] == event.id
