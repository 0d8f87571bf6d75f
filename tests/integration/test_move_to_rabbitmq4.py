"""From the RabbitMQ 3.x of this machine to a 4.x: side by side, as docs/rabbitmq.md has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pika
import pytest

from devsecops_eda.broker import parse_url
from devsecops_eda.cli import run
from devsecops_eda.model import EventType
from devsecops_eda.topology import DEAD, Topology
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.newer import CHOICE, RELEASES, find_chosen, find_newer
from tests.rig.programs import Program, Programs
from tests.rig.provide import Broker, find_broker
from tests.rig.servers import ServerError
from tests.rig.site import Site, Tap
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.rabbitmq4, pytest.mark.timeout(300)]

VHOST = "devsecops"
CHECK = "sleepy"
WAITING = 6
CHOSEN = os.environ.get(CHOICE) or "4"
# What the chosen one can be started on the data of; itself, for want of an older one.
OF_THIS_MAJOR = tuple(
    name for name, release in RELEASES.items() if release.least <= RELEASES[CHOSEN].least
)


@pytest.fixture
def old() -> Iterator[RabbitNode]:
    """A node of this machine's own RabbitMQ."""
    machine = find_broker()
    assert machine is not None
    assert machine.version.startswith("3."), "this machine has no RabbitMQ to move away from"
    with RabbitNode(broker=machine) as node:
        node.management.add_vhost(VHOST)
        yield node


@pytest.fixture
def new(old: RabbitNode) -> Iterator[RabbitNode]:
    """A node of the RabbitMQ that the tests run on, with the administrator of the old one."""
    node = RabbitNode()
    assert node.version.startswith("4."), "run by `make rabbitmq4`"
    node.admin = old.admin
    node._take_ports(node.ports)
    with node:
        yield node


def messages(node: RabbitNode, *queues: str) -> dict[str, int]:
    """How many messages are ready in each queue, as the queue says itself."""
    with pika.BlockingConnection(pika.URLParameters(node.url(vhost=VHOST))) as connection:
        channel = connection.channel()
        return {
            queue: channel.queue_declare(queue, passive=True).method.message_count
            for queue in queues
        }


def started(site: Site) -> tuple[Program, Program]:
    return site.start_gate(), site.start_worker(CHECK)


def move(site: Site, url: str) -> None:
    """Give whatever is started from now on the new node, and listen there."""
    site.tap.close()
    site.url = url
    site.tap = Tap(url)
    site.configure()
    assert run(("--config", str(site.config), "topology", "apply")) == 0


def test_side_by_side_nothing_is_lost_and_what_was_decided_stays_so(
    old: RabbitNode, new: RabbitNode, programs: Programs, tmp_path: Path
) -> None:
    ours = [queue.name for queue in Topology((CHECK,)).queues]
    ci = Vhost(old, VHOST).add_user("ci", write=r"^devsecops\.events$")
    with Site(Vhost(old, VHOST), programs, tmp_path, checks=[CHECK]) as site:
        shas = site.commits(WAITING)
        before = [site.push(sha) for sha in shas]
        waiting = messages(old, *ours)
        assert set(waiting.values()) == {0, WAITING}

        # 1. The new node, with all that was defined on the old one: users and passwords too.
        new.management.import_definitions(old.management.call("GET", "definitions"))
        assert set(messages(new, *ours).values()) == {0}
        with pika.BlockingConnection(pika.URLParameters(new.url(ci, vhost=VHOST))):
            pass

        # 2. Whoever tells events tells them there. Nobody listens yet: they wait.
        site.address = parse_url(new.url(vhost=VHOST))
        later = [site.push(sha) for sha in site.commits(WAITING)]
        assert messages(new, *ours) == waiting

        # 3. The programs stay until the old queues are empty, and then move.
        programs_here = started(site)
        site.await_decisions(before, timeout_s=90)
        eventually(
            lambda: set(messages(old, *ours).values()) == {0},
            timeout_s=30,
            what="the old queues are empty",
        )
        for program in programs_here:
            program.end()
        assert set(messages(old, *ours).values()) == {0}
        first = site.decisions()

        move(site, new.url(vhost=VHOST))
        started(site)
        site.await_decisions(later, timeout_s=90)
        second = site.decisions()
        assert len(site.tap.events(EventType.SCAN_FAILED)) == 0
        assert (len(first), len(second)) == (WAITING, WAITING)
        assert {event.correlationid for event in before} == set(first)
        assert {event.correlationid for event in later} == set(second)

        # What was decided before the move is known after it.
        asked = site.push(shas[0])
        site.await_decisions([asked], timeout_s=60)
        assert set(site.decisions()[asked.correlationid]) == set(first[asked.correlationid])
        assert messages(new, DEAD) == {DEAD: 0} == messages(old, DEAD)


def become(node: RabbitNode, broker: Broker) -> None:
    """Let the node be of another RabbitMQ from its next start on, with the data it has."""
    node._broker = broker
    node._files = replace(node._files, broker=broker)


@contextmanager
def with_a_message(broker: Broker) -> Iterator[RabbitNode]:
    """A node with a message of which it has all flags on, shut down in good order."""
    with RabbitNode(broker=broker) as node:
        node.management.add_vhost(VHOST)
        with pika.BlockingConnection(pika.URLParameters(node.url(vhost=VHOST))) as connection:
            channel = connection.channel()
            channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
            channel.confirm_delivery()
            channel.basic_publish("", "kept", b"x")
        node.ctl("enable_feature_flag", "all")
        node.shut_down()
        yield node


def has_the_message(node: RabbitNode) -> None:
    eventually(lambda: messages(node, "kept") == {"kept": 1}, timeout_s=30, what="it is there")


def test_in_place_3_x_is_refused_and_still_has_what_it_had() -> None:
    machine, chosen = find_broker(), find_chosen()
    assert machine is not None
    assert chosen is not None
    with with_a_message(machine) as node:
        become(node, chosen)
        with pytest.raises(ServerError, match="feature_flag"):
            node.start()
        become(node, machine)
        node.start()
        has_the_message(node)


@pytest.mark.parametrize("series", OF_THIS_MAJOR)
def test_in_place_a_node_of_an_older_4_x_becomes_the_chosen_one(series: str) -> None:
    older, chosen = find_newer(series), find_chosen()
    assert older is not None, f"python -m tests.rig.newer {series}"
    assert chosen is not None
    with with_a_message(older) as node:
        become(node, chosen)
        node.start()
        assert node.management.call("GET", "overview")["rabbitmq_version"] == chosen.version
        has_the_message(node)
        node.ctl("enable_feature_flag", "all")
        node.restart()
        has_the_message(node)
