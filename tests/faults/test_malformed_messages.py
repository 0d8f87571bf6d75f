"""Malformed messages on the wire: the same worker lives on, each stands in the dead letters."""

import itertools
from collections import Counter
from pathlib import Path

import pika
import pytest
from pika.exceptions import UnsupportedAMQPFieldException

from devsecops_eda import topology
from devsecops_eda.codec import MAX_REJECT_BYTES
from devsecops_eda.topology import queue_name
from tests.conftest import Vhost
from tests.malformed import SHAPES, Shape
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.waiting import eventually


def _properties(shape: Shape) -> pika.BasicProperties:
    # The broker refuses another's user_id before the door could.
    return pika.BasicProperties(**{k: v for k, v in shape.properties.items() if k != "user_id"})


def _sendable(shape: Shape) -> bool:
    """Whether this client can put the shape's headers on the wire (no floats, for example)."""
    try:
        _properties(shape).encode()
    except UnsupportedAMQPFieldException:
        return False
    return True


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(120, marks=pytest.mark.faults, id="short"),
        pytest.param(1000, marks=[pytest.mark.faults_full, pytest.mark.timeout(900)], id="full"),
    ],
)
def test_each_malformed_message_is_buried_with_its_reason(
    vhost: Vhost, programs: Programs, tmp_path: Path, number: int
) -> None:
    shapes = [s for s in SHAPES if s.arrives and s.exchange == topology.EVENTS and _sendable(s)]
    assert len(shapes) >= 20
    sent = list(itertools.islice(itertools.cycle(shapes), number))
    with Site(vhost, programs, tmp_path, checks=["sleepy"]) as site:
        (sha,) = site.commits(1)
        gate, worker = site.start_gate(), site.start_worker("sleepy")
        with pika.BlockingConnection(pika.URLParameters(site.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for shape in sent:
                # Straight into both queues: whoever can write there is not held by bindings.
                for check in ("sleepy", topology.GATE_CHECK):
                    channel.queue_bind(queue_name(check), topology.EVENTS, shape.routing_key)
                channel.basic_publish(
                    shape.exchange, shape.routing_key, shape.body, _properties(shape)
                )
        buried: list[tuple[pika.BasicProperties, bytes]] = []

        def all_buried() -> bool:
            buried.extend(site.dead())
            return len(buried) >= 2 * number

        eventually(
            all_buried, timeout_s=60 + number, what=f"{2 * number} dead letters", interval_s=0.5
        )
        expected = Counter({shape.name: 0 for shape in shapes})
        told: Counter[tuple[bytes, str]] = Counter()
        for properties, body in buried:
            if len(body) > MAX_REJECT_BYTES:
                continue  # its length is its reason
            told[body, (properties.headers or {})[topology.REASON_HEADER]] += 1
        for shape in sent:
            expected[shape.name] += 2
        for shape in shapes:
            if len(shape.body) <= MAX_REJECT_BYTES:
                assert told[shape.body, shape.expected_reason.value] >= expected[shape.name], (
                    shape.name
                )
        assert len(buried) == 2 * number
        assert (gate.exit_code, worker.exit_code) == (None, None)
        event = site.push(sha)
        site.await_decisions([event], timeout_s=60)
