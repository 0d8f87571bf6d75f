"""The broker looks like the table; where it cannot, somebody is told what to do."""

import json
from collections.abc import Callable
from pathlib import Path

import pika
import pytest

from devsecops_eda.broker import Deadline, Link, declare, parse_url
from devsecops_eda.errors import NotAuthorisedError, TopologyMismatchError
from devsecops_eda.topology import DEAD, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.management import Login
from tests.rig.programs import DEVSECOPS_EDA, Programs

TOPOLOGY = Topology(("commit", "safety", "semgrep"))


def bindings(vhost: Vhost) -> set[tuple[str, str, str]]:
    found = vhost.node.management.call("GET", "bindings", vhost.name)
    return {
        (one["source"], one["destination"], one["routing_key"]) for one in found if one["source"]
    }


def test_applying_makes_the_table_and_applying_again_changes_nothing(vhost: Vhost) -> None:
    for _ in range(2):
        declare(TOPOLOGY, parse_url(vhost.url))
        assert set(vhost.queues()) == {queue.name for queue in TOPOLOGY.queues}
        assert bindings(vhost) == {(one.exchange, one.queue, one.key) for one in TOPOLOGY.bindings}
    for queue in TOPOLOGY.queues:
        found = vhost.node.management.call("GET", "queues", vhost.name, queue.name)
        assert found["arguments"] == dict(queue.arguments)
        assert found["durable"]


def test_a_queue_with_other_arguments_is_explained(vhost: Vhost) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 3}
        connection.channel().queue_declare(queue_name("semgrep"), durable=True, arguments=arguments)
    with pytest.raises(TopologyMismatchError) as caught:
        declare(TOPOLOGY, parse_url(vhost.url))
    said = str(caught.value)
    assert f"queue {queue_name('semgrep')} exists with another x-" in said
    assert "ours is" in said
    assert "there it is" in said
    assert "delete it and apply again" in said


def test_an_exchange_of_another_type_is_explained(vhost: Vhost) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        connection.channel().exchange_declare(DEAD, "topic", durable=True)
    with pytest.raises(TopologyMismatchError, match=f"exchange {DEAD} exists with another type"):
        declare(TOPOLOGY, parse_url(vhost.url))


def test_a_user_who_may_not_make_things_is_told_which(vhost: Vhost) -> None:
    reader = parse_url(vhost.url_of(vhost.add_user("reader", read=".*")))
    with pytest.raises(NotAuthorisedError, match=r"exchange devsecops\.events"):
        declare(TOPOLOGY, reader)


def test_a_dead_letter_is_found_in_the_queue_of_the_dead(vhost: Vhost) -> None:
    declare(TOPOLOGY, parse_url(vhost.url))
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(DEAD, "anything", b"why not", mandatory=True)
        assert channel.basic_get(DEAD, auto_ack=True)[2] == b"why not"


def config(tmp_path: Path, url: str) -> str:
    file = tmp_path / "devsecops-eda.toml"
    broker = f'[broker]\nurl = "{url}"\nbuilders = ["builder-app"]\n'
    file.write_text(f"{broker}[checks.semgrep]\n[checks.safety]\n")
    return str(file)


def test_the_command_applies_and_explains_in_one_line(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    argv = (DEVSECOPS_EDA, "--config", config(tmp_path, vhost.url), "topology", "apply")
    for _ in range(2):
        applied = programs.start(*argv)
        assert applied.wait() == 0, applied.log
        assert vhost.node.admin.password not in applied.log
    assert set(vhost.queues()) == {queue.name for queue in TOPOLOGY.queues}

    vhost.node.management.call("DELETE", "queues", vhost.name, queue_name("safety"))
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        connection.channel().queue_declare(queue_name("safety"), durable=True)
    refused = programs.start(*argv)
    assert refused.wait() == 2
    assert len(refused.log.splitlines()) == 1
    assert f"queue {queue_name('safety')} exists with another" in refused.log


def test_what_is_exported_can_be_imported_and_used(
    rabbit_of_its_own: Callable[..., RabbitNode], programs: Programs, tmp_path: Path
) -> None:
    node = rabbit_of_its_own()
    passwords = tmp_path / "passwords"
    passwords.mkdir()
    (passwords / "ci-acme").write_text("a password\n")
    (passwords / "ada").write_text("a password\n")
    argv = (
        *("topology", "export", "--users", "--ci", "ci-acme=acme/app", "--vhost", "devsecops"),
        *("--builder", "builder-app=acme/app", "--approver", "ada"),
    )
    exported = programs.start(
        *(DEVSECOPS_EDA, "--config", config(tmp_path, node.url())),
        *(*argv, "--passwords", str(passwords)),
    )
    assert exported.wait() == 0, exported.log
    document = json.loads(exported.log)
    assert "a password" not in exported.log
    for _ in range(2):
        node.management.import_definitions(document)
    queues = set(node.management.queues("devsecops"))
    assert queues == {queue.name for queue in TOPOLOGY.queues}
    # An import and an apply make the same thing.
    node.management.set_permissions(
        node.admin.name, vhost="devsecops", configure=".*", write=".*", read=".*"
    )
    declare(TOPOLOGY, parse_url(node.url(vhost="devsecops")))

    for user in ("ci-acme", "ada"):
        address = parse_url(node.url(Login(user, "a password"), vhost="devsecops"))
        Link.open(address, Deadline.after(10)).close()
    for nobody in ("", "guest", "devsecops-gate"):
        there = parse_url(node.url(Login("devsecops-gate", nobody), vhost="devsecops"))
        with pytest.raises(NotAuthorisedError):
            Link.open(there, Deadline.after(10))
