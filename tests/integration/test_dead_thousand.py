"""A thousand dead letters of five kinds: what is listed, filtered, replayed and dropped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pika
import pytest

from devsecops_eda import codec
from devsecops_eda.broker import Address, Incoming, Outgoing, outgoing, parse_url
from devsecops_eda.model import MessageDropped, MessageReplayed
from devsecops_eda.topology import EVENTS, GATE_CHECK, Identities, queue_name
from devsecops_eda.worker.doorway import Doorway
from devsecops_eda.worker.refusing import Refusal
from tests.conftest import Vhost
from tests.examples import golden
from tests.rig.operators import Operator, dead_message, pushed, say, taken


def spoilt(at: int, old: bytes, new: bytes) -> Outgoing:
    message = outgoing(pushed(at))
    return replace(message, body=message.body.replace(old, new))


FIVE_KINDS: dict[str, Callable[[int], Outgoing]] = {
    "not_json": lambda at: spoilt(at, b'"repo"', b'"repo'),
    "schema": lambda at: spoilt(at, b'"repo"', b'"repository"'),
    "unknown_type": lambda at: spoilt(at, b".v1", b".v9"),
    "key_mismatch": lambda at: replace(
        outgoing(pushed(at)), key=outgoing(pushed(at)).key.replace("acme:app", "acme:other")
    ),
    "not_authorised": lambda at: outgoing(
        replace(golden("approval.granted", "short"), id=f"granted-{at}")
    ),
}
"""What a door refuses, by the reason that it says."""
EACH = 200
EVERYTHING = dict.fromkeys(FIVE_KINDS, EACH)


@pytest.fixture
def operator(vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator.of(vhost, tmp_path, capsys)


class Refusing:
    """Does what a gate does with what its door refuses: the same door, many at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._doorway = Doorway(GATE_CHECK, identities=Identities(), stop=lambda: None)

    def all(self) -> int:
        """Refuse everything that stands in the queue; return how much that was."""
        found = taken(self._address, queue_name(GATE_CHECK))
        say(self._address, [self._buried(message) for message in found])
        return len(found)

    def _buried(self, message: Incoming) -> Outgoing:
        known = {name: value for name, value in vars(message.properties).items() if value}
        headers = known.pop("headers", {})
        delivered = SimpleNamespace(
            body=message.body,
            properties={**known, "application_headers": headers},
            delivery_info={"routing_key": message.key, "exchange": message.exchange},
        )
        task = self._doorway.admit(delivered)
        arguments, _, _ = json.loads(task.body if task else "")
        return dead_message(Refusal(*arguments).letter(datetime.now(UTC)))


def test_a_thousand_letters_of_five_kinds_are_listed_filtered_replayed_twice_and_dropped(
    vhost: Vhost, operator: Operator
) -> None:
    address = parse_url(vhost.url)
    gate = Refusing(address)
    bind(vhost, queue_name(GATE_CHECK), "approval.granted.#")
    bind(vhost, "replays", "message.replayed.#")
    bind(vhost, "drops", "message.dropped.#")
    for make in FIVE_KINDS.values():
        say(address, [make(at) for at in range(EACH)])
    assert gate.all() == 5 * EACH
    looked_at(operator, user=address.user)
    assert gate.all() == 0
    letters = replayed_twice(operator, gate, user=address.user)
    again = {one["id"]: one for one in letters if one["deaths"] == 3}
    facts = [codec.decode(message.body).data for message in taken(address, "replays")]
    told_of = Counter(fact.letter for fact in facts if isinstance(fact, MessageReplayed))
    assert told_of == dict.fromkeys(again, 2)
    assert {one["message_id"] for one in again.values()} == {f"push-{at}" for at in range(EACH)}
    dropped(operator)
    drops = [codec.decode(message.body).data for message in taken(address, "drops")]
    gone = Counter(fact.reason.value for fact in drops if isinstance(fact, MessageDropped))
    assert gone == EVERYTHING


def looked_at(operator: Operator, *, user: str) -> None:
    # Looking, however often, changes nothing; filters mean what they say.
    assert operator.counts() == EVERYTHING
    two = {"schema": EACH, "not_json": EACH}
    assert operator.counts("--reason", "schema", "--reason", "not_json") == two
    assert operator.counts("--type", "approval.granted") == {"not_authorised": EACH}
    assert operator.counts("--repo", "acme/other") == {"key_mismatch": EACH}
    assert operator.counts("--queue", "semgrep") == {}
    assert operator.counts("--queue", "approval", "--user", user) == EVERYTHING
    assert operator.counts("--since", "1h") == EVERYTHING
    assert operator.counts("--until", "2020-01-01T00:00:00Z") == {}
    assert operator.dead("list", "--limit", "7").count("\n") == 10

    # Saying what would be done does nothing.
    told = operator.json("replay", "--all")
    assert (told["would"], told["skipped"], told["dry_run"]) == (4 * EACH, EACH, True)
    assert operator.counts() == EVERYTHING


def replayed_twice(operator: Operator, gate: Refusing, *, user: str) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = []
    for times in (2, 3):
        told = operator.json("replay", "--all", "--yes")
        assert (told["replayed"], told["skipped"], told["refused"]) == (4 * EACH, EACH, 0)
        assert operator.counts() == {"not_authorised": EACH}
        # Each passes the same door, which refuses it for the same reason as before.
        assert gate.all() == 4 * EACH
        assert operator.counts() == EVERYTHING
        letters = operator.json("list", "--limit", "2000")["letters"]
        assert Counter(one["deaths"] for one in letters) == {times: 4 * EACH, 1: EACH}
        assert {one["user"] for one in letters} == {user}
    return letters


def dropped(operator: Operator) -> None:
    assert operator.json("drop", "--reason", "schema")["would"] == EACH
    assert operator.counts() == EVERYTHING
    assert operator.json("drop", "--reason", "schema", "--yes")["dropped"] == EACH
    assert operator.counts() == {word: EACH for word in FIVE_KINDS if word != "schema"}
    assert operator.json("drop", "--all", "--yes")["dropped"] == 4 * EACH
    assert operator.counts() == {}


def bind(vhost: Vhost, queue: str, key: str) -> None:
    """Bring events with ``key`` to ``queue`` too."""
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        if queue not in vhost.queues():
            channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, EVENTS, key)
