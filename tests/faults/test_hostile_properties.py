"""Properties and keys that no event has: each is refused, and the same programs live on."""

from pathlib import Path

import pika
import pytest
from pika import spec
from pika.data import encode_short_string

from devsecops_eda import topology
from devsecops_eda.errors import RefusalReason
from devsecops_eda.topology import GATE_CHECK, queue_name
from tests.conftest import Vhost
from tests.hostile_properties import HOSTILE, UNREADABLE, Raw
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.waiting import eventually

KEY = "commit.pushed.acme:app._._._"
NO_KEY = b"commit.pushed.\xff\xfe._._._"


class RawPublish(spec.Basic.Publish):  # type: ignore[misc]
    """A publish under a key that is no UTF-8."""

    def encode(self) -> list[bytes]:
        pieces = [b"\0\0"]
        encode_short_string(pieces, topology.EVENTS)
        return [*pieces, bytes([len(NO_KEY)]) + NO_KEY, b"\0"]


@pytest.mark.faults
def test_hostile_properties_and_keys_are_refused_by_programs_that_live_on(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    with Site(vhost, programs, tmp_path, checks=["sleepy"]) as site:
        (sha,) = site.commits(1)
        gate, worker = site.start_gate(), site.start_worker("sleepy")
        with pika.BlockingConnection(pika.URLParameters(site.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            # The tap reads with pika, which has no answer to them either.
            channel.queue_unbind("tap", topology.EVENTS, "#")
            for name, raw in HOSTILE.items():
                channel.basic_publish(topology.EVENTS, KEY, name.encode(), Raw(raw), mandatory=True)
            # Confirmed by what follows on the same channel.
            channel._impl._send_method(RawPublish(), (pika.BasicProperties(), b"a key"))
            channel.queue_bind("tap", topology.EVENTS, "#")
        wanted = 2 * (len(HOSTILE) + 1)
        found: list[tuple[pika.BasicProperties, bytes]] = []

        def all_buried() -> bool:
            found.extend(site.dead())
            return len(found) >= wanted

        eventually(all_buried, timeout_s=60, what=f"{wanted} dead letters", interval_s=0.5)
        # A good event comes after them: by its decision nothing of theirs is under way.
        site.await_decisions([site.push(sha)], timeout_s=60)
        found.extend(site.dead())
        said = sorted(
            (
                body.decode(),
                str(properties.headers[topology.ORIGIN_HEADER]),
                "cannot be read" in properties.headers[topology.DETAIL_HEADER],
            )
            for properties, body in found
        )
        assert said == sorted(
            (name, queue_name(check), name in UNREADABLE)
            for name in (*HOSTILE, "a key")
            for check in ("sleepy", GATE_CHECK)
        )
        for properties, body in found:
            reason = properties.headers[topology.REASON_HEADER]
            expected = RefusalReason.NOT_AN_EVENT
            if body.decode() in UNREADABLE:
                expected = RefusalReason.BAD_TEXT
            assert reason == expected.value, body
        assert (gate.exit_code, worker.exit_code) == (None, None)
        assert "Connection to broker lost" not in gate.log + worker.log
        assert "the door itself failed" not in gate.log + worker.log
