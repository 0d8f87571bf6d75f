"""A publish ends: confirmed, or with the error that says what to do, in the time it was given."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from devsecops_eda.broker import (
    Address,
    Outgoing,
    PublishingThread,
    declare,
    outgoing,
    parse_url,
    publish_once,
)
from devsecops_eda.errors import (
    BrokerBlockedError,
    BrokerUnreachableError,
    NotAuthorisedError,
    PublishRefusedError,
    PublishTimeoutError,
    TransientError,
    UnroutableError,
)
from devsecops_eda.model import CommitPushed, Event, EventType
from devsecops_eda.topology import EVENTS, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.standin import ends_within, messages
from tests.rig.waiting import eventually

TOPOLOGY = Topology(("semgrep",))
SHA = "1" * 40


def event(number: int = 0) -> Event:
    data = CommitPushed(repo="acme/app", ref="refs/heads/main", sha=SHA)
    return Event(
        id=f"0198c2aa-0000-7000-8000-{number:012d}",
        source="urn:test",
        type=EventType.COMMIT_PUSHED,
        subject=str(data.subject),
        time=datetime(2026, 1, 1, tzinfo=UTC),
        correlationid="0198c2aa-0000-7000-8000-000000000000",
        data=data,
    )


@pytest.fixture
def address(vhost: Vhost) -> Address:
    declare(TOPOLOGY, parse_url(vhost.url))
    return parse_url(vhost.url)


@pytest.fixture
def own_node(rabbit_of_its_own: Callable[..., RabbitNode]) -> RabbitNode:
    node = rabbit_of_its_own()
    declare(TOPOLOGY, parse_url(node.url()))
    return node


@contextmanager
def stopped(node: RabbitNode) -> Iterator[None]:
    """Let the node neither answer nor end: what a network does that swallows packets."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


def test_what_was_published_stands_in_every_queue_that_wants_it(address: Address) -> None:
    message = outgoing(event(), mandatory=True)
    publish_once(address, message, timeout_s=10)
    for queue in (queue_name("semgrep"), queue_name("approval")):
        ((body, properties),) = messages(address, queue)
        assert body == message.body
        assert properties.message_id == event().id
        assert properties.user_id == address.user
        assert properties.delivery_mode == 2


def test_a_message_that_no_queue_wants_is_unroutable(address: Address) -> None:
    message = replace(outgoing(event(), mandatory=True), key="nobody.wants.this")
    with pytest.raises(UnroutableError, match="topology apply"):
        publish_once(address, message, timeout_s=10)
    publish_once(address, replace(message, mandatory=False), timeout_s=10)


def test_without_the_exchange_a_message_is_unroutable(vhost: Vhost) -> None:
    with pytest.raises(UnroutableError, match="topology apply"):
        publish_once(parse_url(vhost.url), outgoing(event(), mandatory=True), timeout_s=10)


def test_a_full_queue_refuses(vhost: Vhost, address: Address) -> None:
    vhost.node.management.call(
        *("PUT", "policies", vhost.name, "short"),
        body={"pattern": "semgrep", "definition": {"max-length": 1}, "apply-to": "queues"},
    )

    def refused() -> bool:
        try:
            publish_once(address, outgoing(event(), mandatory=True), timeout_s=10)
        except PublishRefusedError:
            return True
        return False

    # The length of a quorum queue is counted a moment later.
    eventually(refused, timeout_s=30, what="the queue refuses")


def test_a_wrong_password_is_not_authorised_and_not_repeated(address: Address) -> None:
    wrong = replace(address, password="hunter2-hunter2")
    with pytest.raises(NotAuthorisedError) as caught:
        publish_once(wrong, outgoing(event()), timeout_s=10)
    assert "hunter2" not in str(caught.value) + repr(caught.value) + repr(wrong)


def test_a_vhost_that_is_not_there_is_not_authorised(address: Address) -> None:
    with pytest.raises(NotAuthorisedError, match="nowhere"):
        publish_once(replace(address, vhost="nowhere"), outgoing(event()), timeout_s=10)


def test_a_user_without_the_right_is_not_authorised(vhost: Vhost, address: Address) -> None:
    reader = parse_url(vhost.url_of(vhost.add_user("reader", read=".*")))
    with pytest.raises(NotAuthorisedError, match="ACCESS_REFUSED"):
        publish_once(reader, outgoing(event()), timeout_s=10)


def test_nobody_listening_is_unreachable_within_the_deadline(address: Address) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = replace(address, port=taken.getsockname()[1])
        with ends_within(3), pytest.raises(BrokerUnreachableError, match="nobody listens"):
            publish_once(closed, outgoing(event()), timeout_s=3)


def test_a_host_without_an_address_is_unreachable(address: Address) -> None:
    with pytest.raises(BrokerUnreachableError):
        publish_once(replace(address, host="broker.invalid"), outgoing(event()), timeout_s=3)


@pytest.mark.parametrize("tls", [False, True])
def test_a_peer_that_never_answers_is_unreachable_within_the_deadline(
    address: Address, tls: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        there = replace(address, port=mute.getsockname()[1], tls=tls)
        with ends_within(2), pytest.raises(BrokerUnreachableError, match=r"answer|2 s"):
            publish_once(there, outgoing(event()), timeout_s=2)


def test_many_threads_share_one_connection_and_each_gets_its_own_answer(address: Address) -> None:
    good = [outgoing(event(number), mandatory=True) for number in range(200)]
    lost = [replace(message, key="nobody.wants.this") for message in good]

    with PublishingThread(address) as thread, ThreadPoolExecutor(20) as pool:

        def publish(message: Outgoing) -> str:
            try:
                thread.publish(message, timeout_s=30)
            except UnroutableError:
                return "unroutable"
            return "confirmed"

        mixed = [message for pair in zip(good, lost, strict=True) for message in pair]
        assert list(pool.map(publish, mixed)) == ["confirmed", "unroutable"] * 200
    assert len(messages(address, queue_name("semgrep"))) == 200


def test_one_message_without_the_right_does_not_harm_its_neighbours(
    vhost: Vhost, address: Address
) -> None:
    writer = vhost.add_user("writer", write="^devsecops\\.events$")
    vhost.node.management.set_topic_permissions(
        writer.name, vhost=vhost.name, exchange=EVENTS, write="^commit\\."
    )
    good = [outgoing(event(number), mandatory=True) for number in range(60)]
    bad = replace(good[0], key="decision.made.acme:app._._._")

    with (
        PublishingThread(parse_url(vhost.url_of(writer))) as thread,
        ThreadPoolExecutor(12) as pool,
    ):

        def publish(message: Outgoing) -> str:
            try:
                thread.publish(message, timeout_s=30)
            except NotAuthorisedError:
                return "refused"
            return "confirmed"

        mixed = [bad if number % 6 == 0 else good[number] for number in range(60)]
        expected = ["refused" if message is bad else "confirmed" for message in mixed]
        assert list(pool.map(publish, mixed)) == expected
    found = {properties.message_id for _, properties in messages(address, queue_name("semgrep"))}
    assert found == {event(number).id for number in range(60) if number % 6}


def test_in_an_alarm_a_publish_is_blocked_and_goes_on_when_it_ends(own_node: RabbitNode) -> None:
    address = parse_url(own_node.url())
    with PublishingThread(address) as thread:
        thread.publish(outgoing(event(1), mandatory=True), timeout_s=10)
        assert not thread.blocked
        with own_node.memory_alarm():
            for _ in range(2):
                with ends_within(3), pytest.raises(BrokerBlockedError):
                    thread.publish(outgoing(event(2), mandatory=True), timeout_s=3)
                assert thread.blocked
            with ends_within(3), pytest.raises(BrokerBlockedError):
                publish_once(address, outgoing(event(3), mandatory=True), timeout_s=3)
        thread.publish(outgoing(event(4), mandatory=True), timeout_s=10)
        assert not thread.blocked
    ids = [properties.message_id for _, properties in messages(address, queue_name("semgrep"))]
    # What could not be told from a loss was sent once, not once per try.
    assert ids.count(event(2).id) <= 1
    assert {event(1).id, event(4).id} <= set(ids)


def test_when_packets_are_swallowed_every_publish_ends_in_time(own_node: RabbitNode) -> None:
    address = parse_url(own_node.url())
    with PublishingThread(address) as thread:
        thread.publish(outgoing(event(1), mandatory=True), timeout_s=10)
        with stopped(own_node):
            with ends_within(3), pytest.raises(PublishTimeoutError, match="may have arrived"):
                thread.publish(outgoing(event(2), mandatory=True), timeout_s=3)
            with ends_within(3), pytest.raises(BrokerUnreachableError):
                publish_once(address, outgoing(event(3), mandatory=True), timeout_s=3)
        thread.publish(outgoing(event(4), mandatory=True), timeout_s=30)


def test_a_restart_of_the_broker_is_waited_out(own_node: RabbitNode) -> None:
    address = parse_url(own_node.url())
    with PublishingThread(address) as thread:
        thread.publish(outgoing(event(1), mandatory=True), timeout_s=10)
        own_node.keep(queue_name("semgrep"), queue_name("approval"))
        own_node.kill()
        with ends_within(2), pytest.raises(TransientError):
            thread.publish(outgoing(event(2), mandatory=True), timeout_s=2)
        failures: list[BaseException] = []

        def publish() -> None:
            try:
                thread.publish(outgoing(event(3), mandatory=True), timeout_s=120)
            except TransientError as error:
                failures.append(error)

        waiting = threading.Thread(target=publish)
        waiting.start()
        own_node.start()
        waiting.join(130)
        assert not waiting.is_alive()
        assert not failures
    ids = [properties.message_id for _, properties in messages(address, queue_name("semgrep"))]
    assert event(3).id in ids


def test_the_next_message_goes_over_the_same_connection(address: Address, vhost: Vhost) -> None:
    def connections() -> list[dict[str, Any]]:
        return vhost.node.management.connections(vhost.name)

    with PublishingThread(address) as thread:
        for number in range(5):
            thread.publish(outgoing(event(number), mandatory=True), timeout_s=10)
        assert len(eventually(connections, timeout_s=30, what="it is listed")) == 1


def test_a_closed_publisher_says_so(address: Address) -> None:
    thread = PublishingThread(address)
    thread.publish(outgoing(event(1), mandatory=True), timeout_s=10)
    thread.close()
    thread.close()
    with pytest.raises(BrokerUnreachableError, match="closed"):
        thread.publish(outgoing(event(2), mandatory=True), timeout_s=5)
    assert not [one for one in threading.enumerate() if one.name.startswith("broker ")]
