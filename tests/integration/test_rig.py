"""The rig keeps its own promises, else no other test means anything."""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pika
import pika.exceptions
import pytest

from devsecops_eda.broker import parse_url
from devsecops_eda.doctor.management import Management
from devsecops_eda.settings import BrokerSettings
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.leftovers import alive, with_environment
from tests.rig.management import RefusedError
from tests.rig.node_files import MARK
from tests.rig.ports import LAST
from tests.rig.programs import Programs
from tests.rig.waiting import NeverHappenedError, eventually

QUORUM = {"x-queue-type": "quorum"}


def _connect(url: str) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(url))


def test_a_node_listens_on_loopback_below_the_ephemeral_ports_only(rabbit: RabbitNode) -> None:
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{rabbit.pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A":
                address, port = local.split(":")
                listening.add((address, int(port, 16), inode))
    sockets = set()
    for descriptor in Path(f"/proc/{rabbit.pid}/fd").iterdir():
        # A running node opens and closes files all the time.
        with suppress(FileNotFoundError):
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    own = {(address, port) for address, port, inode in listening if inode in sockets}
    assert {port for _, port in own} >= {rabbit.ports.amqp, rabbit.ports.distribution}
    assert {address for address, _ in own} == {"0100007F"}
    assert max(port for _, port in own) <= LAST


def test_a_vhost_is_fresh_and_its_user_may_do_all(vhost: Vhost) -> None:
    assert vhost.queues() == ()
    with _connect(vhost.url) as connection:
        connection.channel().queue_declare("one", durable=True, arguments=QUORUM)
    assert vhost.queues() == ("one",)


def test_a_user_has_the_rights_it_was_given_and_no_other(vhost: Vhost) -> None:
    reader = vhost.add_user("reader", read="^one$")
    with _connect(vhost.url_of(reader)) as connection:
        channel = connection.channel()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.queue_declare("one", durable=True, arguments=QUORUM)


def test_topic_rights_hold_a_user_to_its_keys(vhost: Vhost) -> None:
    writer = vhost.add_user("writer", write="^amq\\.topic$")
    vhost.node.management.set_topic_permissions(
        writer.name, vhost=vhost.name, exchange="amq.topic", write="^mine\\."
    )
    with _connect(vhost.url_of(writer)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("amq.topic", "mine.one", b"")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish("amq.topic", "yours.one", b"")


def test_what_the_management_api_refuses_is_raised(rabbit: RabbitNode) -> None:
    with pytest.raises(RefusedError, match="404"):
        rabbit.management.call("GET", "vhosts", "no such")


def test_rabbitmqctl_reaches_the_private_node(rabbit: RabbitNode) -> None:
    assert rabbit.name in rabbit.ctl("eval", "node().")


def test_a_confirmed_message_survives_a_kill_and_a_restart(
    rabbit_of_its_own: Callable[..., RabbitNode],
) -> None:
    node = rabbit_of_its_own()
    with _connect(node.url()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("one", durable=True, arguments=QUORUM)
        channel.basic_publish("", "one", b"kept", pika.BasicProperties(delivery_mode=2))
    node.keep("one")
    node.kill()
    assert not node.running
    node.start()
    with _connect(node.url()) as connection:
        found = eventually(
            lambda: connection.channel().basic_get("one", auto_ack=True)[2],
            timeout_s=30,
            what="the message is back",
        )
    assert found == b"kept"


def test_a_memory_alarm_blocks_publishers_and_ends(
    rabbit_of_its_own: Callable[..., RabbitNode],
) -> None:
    node = rabbit_of_its_own()
    with node.memory_alarm():
        assert node.management.alarms()
        # The doctor's word for it, from the same node.
        assert doctor_of(node).alarm()
        parameters = pika.URLParameters(node.url())
        parameters.blocked_connection_timeout = 1
        connection = pika.BlockingConnection(parameters)
        connection.channel().basic_publish("", "nowhere", b"")
        with pytest.raises(pika.exceptions.ConnectionBlockedTimeout):
            connection.process_data_events(time_limit=30)
    assert not node.management.alarms()
    assert not doctor_of(node).alarm()


def doctor_of(node: RabbitNode) -> Management:
    settings = BrokerSettings(management_url=f"http://127.0.0.1:{node.ports.management}")
    return Management(settings, parse_url(node.url()), timeout_s=10)


def test_nothing_is_left_of_a_stopped_node() -> None:
    with RabbitNode() as node:
        mark = f"{MARK}={node.folder.name}"
        # The node itself and its epmd at least.
        assert len(with_environment(mark)) >= 2
    assert not with_environment(mark)
    assert not node.folder.exists()


def test_waiting_for_what_never_comes_ends_and_says_what() -> None:
    with pytest.raises(NeverHappenedError, match="the moon"):
        eventually(lambda: False, timeout_s=0, what="the moon")


def test_a_program_keeps_its_log_and_exit_code(programs: Programs) -> None:
    program = programs.start(sys.executable, "-c", "print('hello'); raise SystemExit(3)")
    assert program.wait(timeout_s=30) == 3
    assert program.log == "hello\n"


def test_waiting_for_words_of_a_program_that_ended_fails_at_once(programs: Programs) -> None:
    program = programs.start(sys.executable, "-c", "print('hello')")
    with pytest.raises(AssertionError, match="ended with 0"):
        program.wait_for("goodbye", timeout_s=60)


@pytest.mark.parametrize("new_session", [False, True])
def test_a_grandchild_that_outlives_its_parent_fails_the_test(
    tmp_path: Path, new_session: bool
) -> None:
    programs = Programs(tmp_path, patience_s=0.5)
    script = f"""
import subprocess, sys
child = subprocess.Popen(["sleep", "600"], start_new_session={new_session}, env={{}})
print("started", child.pid, flush=True)
child.wait()
"""
    parent = programs.start(sys.executable, "-c", script)
    parent.wait_for("started")
    (grandchild,) = parent.family()
    parent.signal(signal.SIGKILL)
    with pytest.raises(AssertionError, match="outlived its parent"):
        programs.end_all()
    eventually(lambda: not alive(frozenset({grandchild})), timeout_s=10, what="it was killed")
