"""What differs between the versions of RabbitMQ, tried on the one that the tests run on."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from devsecops_eda.broker import outgoing, publish_once
from devsecops_eda.doctor.versions import UNPROTECTED, parse_version
from devsecops_eda.model import EventType
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.management import RefusedError
from tests.rig.newer import CHOICE, RELEASES
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.waiting import eventually

QUORUM = {"x-queue-type": "quorum"}
FORGED: dict[str, Any] = {
    "queue": "source",
    "reason": "rejected",
    "exchange": "forged",
    "routing-keys": ["forged"],
    "count": 41,
    "time": datetime(2001, 1, 1, tzinfo=UTC),
}


def test_the_node_is_of_the_series_that_was_asked_for(rabbit: RabbitNode) -> None:
    version = rabbit.management.call("GET", "overview")["rabbitmq_version"]
    assert version == rabbit.version
    series = os.environ.get(CHOICE)
    assert not series or RELEASES[series].has(version)


@pytest.mark.parametrize(
    ("series", "version", "has"),
    [("4", "4.0.5", True), ("4", "4.3.6", True), ("4", "3.13.7", False), ("4", "5.0.0", False),
     ("4.3", "4.2.9", False), ("4.3", "4.4.0", True)],
)  # fmt: skip
def test_a_series_has_what_is_not_older_and_of_its_major(
    series: str, version: str, has: bool
) -> None:
    assert RELEASES[series].has(version) is has


def copies_reach_other_keys(vhost: Vhost, channel: Any) -> bool:
    """Whether CC or BCC lead to where its sender may not publish."""
    writer = vhost.add_user("writer", write="^amq\\.topic$")
    vhost.node.management.set_topic_permissions(
        writer.name, vhost=vhost.name, exchange="amq.topic", write="^mine\\."
    )
    channel.queue_declare("yours", durable=True, arguments=QUORUM)
    channel.queue_bind("yours", "amq.topic", "yours.#")
    arrived = []
    for header in ("CC", "BCC"):
        properties = pika.BasicProperties(headers={header: ["yours.one"]})
        with pika.BlockingConnection(pika.URLParameters(vhost.url_of(writer))) as connection:
            sending = connection.channel()
            sending.confirm_delivery()
            with suppress(ChannelClosedByBroker):
                sending.basic_publish("amq.topic", "mine.one", b"", properties)
        arrived.append(channel.basic_get("yours", auto_ack=True)[0] is not None)
    assert len(set(arrived)) == 1
    return arrived[0]


def the_timeout_is_no_policy(vhost: Vhost, _channel: Any) -> bool:
    """Whether the broker refuses a policy that sets a consumer timeout."""
    policy = {"pattern": "^t", "apply-to": "queues", "definition": {"consumer-timeout": 60000}}
    try:
        vhost.node.management.call("PUT", "policies", vhost.name, "t", body=policy)
    except RefusedError:
        return True
    return False


def kept(channel: Any, give_back: Callable[[Any, int], None]) -> bool:
    """Whether a message stays in a queue without a limit however often it is given back."""
    name, grave = f"kept-{give_back.__name__}", f"gone-{give_back.__name__}"
    to = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": grave}
    channel.queue_declare(name, durable=True, arguments={**QUORUM, **to})
    channel.queue_declare(grave, durable=True, arguments=QUORUM)
    channel.basic_publish("", name, b"x", mandatory=True)
    for _ in range(25):
        looking = channel.connection.channel()

        def came(looking: Any = looking) -> Any:
            for queue in (name, grave):
                method = looking.basic_get(queue)[0]
                if method is not None:
                    return queue, method.delivery_tag
            return None

        queue, tag = eventually(came, timeout_s=30, what="the message is back, or gone")
        if queue == grave:
            return False
        give_back(looking, tag)
        if looking.is_open:
            looking.close()
    return True


def nacked(channel: Any, tag: int) -> None:
    channel.basic_nack(tag, requeue=True)


def rejected(channel: Any, tag: int) -> None:
    channel.basic_reject(tag, requeue=True)


def left(channel: Any, _tag: int) -> None:
    channel.close()


def no_limit_of_its_own(_vhost: Vhost, channel: Any) -> bool:
    """Whether what ends its consumer comes back for ever."""
    return kept(channel, left)


def a_look_counts(_vhost: Vhost, channel: Any) -> bool:
    """Whether what is looked at twenty times is dropped."""
    return not kept(channel, left)


def a_forged_history_is_written_on(_vhost: Vhost, channel: Any) -> bool:
    """Whether the broker goes on from an x-death of the sender's."""
    to = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "target"}
    channel.queue_declare("source", durable=True, arguments={**QUORUM, **to})
    channel.queue_declare("target", durable=True, arguments=QUORUM)
    properties = pika.BasicProperties(headers={"x-death": [FORGED]})
    channel.basic_publish("", "source", b"x", properties)
    tag = eventually(lambda: channel.basic_get("source")[0], timeout_s=10, what="it is there")
    channel.basic_reject(tag.delivery_tag, requeue=False)
    letter = eventually(
        lambda: channel.basic_get("target", auto_ack=True)[1], timeout_s=10, what="it is dead"
    )
    (death,) = letter.headers["x-death"]
    written_on = death["count"] == FORGED["count"] + 1
    assert written_on or death["count"] == 1
    assert written_on is (death["exchange"] == "forged")
    return bool(written_on)


TRIALS: dict[str, Callable[[Vhost, Any], bool]] = {
    "CC and BCC": copies_reach_other_keys,
    "consumer timeout": the_timeout_is_no_policy,
    "no delivery limit": no_limit_of_its_own,
    "x-death": a_forged_history_is_written_on,
    "comes back twenty times": a_look_counts,
}


@pytest.mark.parametrize("words", TRIALS)
def test_a_version_leaves_to_us_what_the_doctor_says_and_nothing_else(
    vhost: Vhost, words: str
) -> None:
    (said,) = (one for one in UNPROTECTED if words in one.text)
    version = parse_version(vhost.node.version)
    assert version is not None
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        assert TRIALS[words](vhost, channel) is said.concerns(version)


def test_all_that_the_doctor_says_of_versions_is_tried() -> None:
    assert len(TRIALS) == len(UNPROTECTED)


def test_from_4_3_on_a_nack_does_not_count_and_a_reject_does(vhost: Vhost) -> None:
    version = parse_version(vhost.node.version)
    assert version is not None
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        assert kept(channel, rejected) is (version < (4, 0, 0))
        assert kept(channel, nacked) is (version < (4, 0, 0) or version >= (4, 3, 0))


def test_what_a_sender_says_of_deliveries_is_not_believed(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    with Site(vhost, programs, tmp_path, checks=["sleepy"]) as site:
        (sha,) = site.commits(1)
        site.start_gate()
        site.start_worker("sleepy", slots=1)
        event = site.pushed(sha)
        made = outgoing(event, mandatory=True)
        headers = {**made.properties.get("headers", {}), "x-delivery-count": 99}
        forged = replace(made, properties={**made.properties, "headers": headers})
        publish_once(site.address, forged, timeout_s=30)
        site.await_decisions([event], timeout_s=60)
        # So many deliveries would have ended it as a scan that kills its worker.
        assert len(site.tap.events(EventType.SCAN_COMPLETED)) == 1
        assert site.tap.events(EventType.SCAN_FAILED) == []
