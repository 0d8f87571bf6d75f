"""Dead letters on a real broker: none is lost by looking, and what is replayed passes the door."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pika
import pytest

from devsecops_eda import codec
from devsecops_eda.broker import (
    Address,
    Borrowed,
    Borrowing,
    Deadline,
    Incoming,
    Link,
    Outgoing,
    declare,
    outgoing,
    parse_url,
    publish_once,
)
from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.deadletters import Pile
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.model import Event, EventType, MessageReplayed
from devsecops_eda.roles import Role
from devsecops_eda.topology import DEAD, EVENTS, GATE_CHECK, Identities, Topology, queue_name
from devsecops_eda.worker.doorway import Doorway
from devsecops_eda.worker.outgoing import buried
from devsecops_eda.worker.refusing import DeadLetter, Refusal
from tests.conftest import Vhost
from tests.examples import golden
from tests.hostile_properties import HOSTILE, Raw
from tests.letters import PUSH
from tests.letters import buried as letter
from tests.rig.programs import Programs
from tests.rig.site import REPO, Site
from tests.rig.standin import messages
from tests.rig.waiting import eventually

TOPOLOGY = Topology(("commit", "semgrep"))


@dataclass(frozen=True, slots=True)
class Operator:
    """One who has the rights of an operator and no other, and calls the command in process."""

    address: Address
    config: Path
    capture: pytest.CaptureFixture[str]

    def dead(self, *argv: str, expect: int = ExitCode.ALLOW) -> str:
        self.capture.readouterr()
        code = run(["--config", str(self.config), "dead", *argv])
        said = self.capture.readouterr()
        assert code == expect, said.out + said.err
        assert "Traceback" not in said.err
        return said.out + said.err

    def json(self, *argv: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.dead(*argv, "--format", "json"))
        return told

    def counts(self, *filters: str) -> dict[str, int]:
        told = self.json("list", *filters)
        assert told["read"] == told["total"]
        assert told["matched"] == sum(told["reasons"].values())
        assert len(told["letters"]) == min(50, told["matched"])
        return dict(told["reasons"])


@pytest.fixture
def operator(vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Operator:
    declare(TOPOLOGY, parse_url(vhost.url))
    login = vhost.add_user("operator")
    account = Account(login.name, Role.OPERATOR)
    vhost.grant(definitions(TOPOLOGY, vhost=vhost.name, users=(account,)))
    config = tmp_path / "operator.toml"
    config.write_text(f'[broker]\nurl = {json.dumps(vhost.url_of(login))}\nsole_user = "rig"\n')
    return Operator(parse_url(vhost.url_of(login)), config, capsys)


def say(address: Address, sent: list[Outgoing]) -> None:
    """Publish many messages, each confirmed, over one connection."""
    deadline = Deadline.after(30)
    link = Link.open(address, deadline)
    for promise in [link.publish(message) for message in sent]:
        promise.result(deadline.left_s)
    link.close()


def dead_message(letter: DeadLetter | Borrowed) -> Outgoing:
    """Return a letter as a worker buries it."""
    if isinstance(letter, DeadLetter):
        return buried(letter)
    properties = letter.message.properties
    kept = ("headers", "content_type", "message_id", "type", "correlation_id")
    given = {name: getattr(properties, name) for name in kept}
    return Outgoing(DEAD, "", letter.message.body, {**given, "delivery_mode": 2}, mandatory=True)


def bury(address: Address, number: int, letter: Callable[[int], Borrowed]) -> None:
    """Put letters into the dead letters."""
    say(address, [dead_message(letter(at)) for at in range(number)])


def numbered(at: int) -> Borrowed:
    return letter(message_id=f"message-{at}", body=b"%d" % at, queue=queue_name("semgrep"))


def pushed(at: int) -> Event:
    return replace(PUSH, id=f"push-{at}")


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


def taken(address: Address, queue: str) -> list[Incoming]:
    """Take all messages out of ``queue``, with their keys."""
    deadline = Deadline.after(30)
    link = Borrowing.open(address, deadline)
    number = link.begin(queue, deadline, keep_bytes=codec.MAX_BODY_BYTES)
    found = [one for one in (link.next(10) for _ in range(number)) if one]
    for one in found:
        link.ack(one)
    link.close()
    return [one.message for one in found]


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
    each = 200
    everything = dict.fromkeys(FIVE_KINDS, each)
    address = parse_url(vhost.url)
    gate = Refusing(address)
    bind(vhost, queue_name(GATE_CHECK), "approval.granted.#")
    bind(vhost, "replays", "message.replayed.#")
    for make in FIVE_KINDS.values():
        say(address, [make(at) for at in range(each)])
    assert gate.all() == 5 * each

    # Looking, however often, changes nothing; filters mean what they say.
    assert operator.counts() == everything
    two = {"schema": each, "not_json": each}
    assert operator.counts("--reason", "schema", "--reason", "not_json") == two
    assert operator.counts("--type", "approval.granted") == {"not_authorised": each}
    assert operator.counts("--repo", "acme/other") == {"key_mismatch": each}
    assert operator.counts("--queue", "semgrep") == {}
    assert operator.counts("--queue", "approval", "--user", address.user) == everything
    assert operator.counts("--since", "1h") == everything
    assert operator.counts("--until", "2020-01-01T00:00:00Z") == {}
    assert operator.dead("list", "--limit", "7").count("\n") == 10

    # Saying what would be done does nothing.
    told = operator.json("replay", "--all")
    assert (told["would"], told["skipped"], told["dry_run"]) == (4 * each, each, True)
    assert operator.counts() == everything
    assert gate.all() == 0

    letters: list[dict[str, Any]] = []
    for times in (2, 3):
        told = operator.json("replay", "--all", "--yes")
        assert (told["replayed"], told["skipped"], told["refused"]) == (4 * each, each, 0)
        assert operator.counts() == {"not_authorised": each}
        # Each passes the same door, which refuses it for the same reason as before.
        assert gate.all() == 4 * each
        assert operator.counts() == everything
        letters = operator.json("list", "--limit", "2000")["letters"]
        assert Counter(one["deaths"] for one in letters) == {times: 4 * each, 1: each}
        assert {one["user"] for one in letters} == {address.user}
    facts = [codec.decode(message.body).data for message in taken(address, "replays")]
    again = {one["id"]: one for one in letters if one["deaths"] == 3}
    told_of = Counter(fact.letter for fact in facts if isinstance(fact, MessageReplayed))
    assert told_of == dict.fromkeys(again, 2)
    assert {one["message_id"] for one in again.values()} == {f"push-{at}" for at in range(each)}

    assert operator.json("drop", "--reason", "schema")["would"] == each
    assert operator.counts() == everything
    assert operator.json("drop", "--reason", "schema", "--yes")["dropped"] == each
    del everything["schema"]
    assert operator.counts() == everything
    assert operator.json("drop", "--all", "--yes")["dropped"] == 4 * each
    assert operator.counts() == {}


def bind(vhost: Vhost, queue: str, key: str) -> None:
    """Bring events with ``key`` to ``queue`` too."""
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        if queue not in vhost.queues():
            channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, EVENTS, key)


def test_what_is_replayed_when_its_cause_is_mended_is_of_its_sender_and_decided_once(
    vhost: Vhost, programs: Programs, tmp_path: Path, operator: Operator
) -> None:
    with Site(vhost, programs, tmp_path, checks=["commit"]) as site:
        site.start_gate()
        (sha,) = site.commits(1)
        say(site.address, [outgoing(golden("approval.voted", "approve"))])
        eventually(lambda: operator.counts() == {"unknown_id": 1}, timeout_s=30, what="a gate")
        operator.dead("drop", "--all", "--yes")
        ahead = timedelta(minutes=5, seconds=2)
        event = replace(site.pushed(sha), time=datetime.now(UTC) + ahead)
        publish_once(site.address, outgoing(event, mandatory=True), timeout_s=30)
        eventually(lambda: operator.counts() == {"future_time": 1}, timeout_s=30, what="refused")
        site.start_worker("commit")
        told = operator.json("list")["letters"][0]
        letter = operator.dead("show", told["id"][:8])
        assert "5 minutes from now" in letter
        eventually(
            lambda: datetime.now(UTC) > event.time - timedelta(minutes=5),
            timeout_s=10,
            what="the clock has come so far",
        )
        with Pile.open(operator.address, timeout_s=10) as pile:
            (dead,) = pile.letters()
        assert operator.json("replay", told["id"], "--yes")["replayed"] == 1
        site.await_decisions([event], timeout_s=60)
        assert operator.counts() == {}
        first = site.decisions()

        # Twice is harmless: the same letter once more is answered with the same decision.
        bury(site.address, 1, lambda _: dead.found)
        assert operator.json("replay", "--all", "--yes")["replayed"] == 1
        eventually(
            lambda: len(site.tap.events(EventType.DECISION_MADE)) >= 2,
            timeout_s=30,
            what="the decision is told again",
        )
        assert site.decisions() == first
        assert operator.counts() == {}


def test_a_command_that_is_killed_in_the_middle_has_lost_nothing(
    vhost: Vhost, programs: Programs, operator: Operator
) -> None:
    number = 1000
    bury(parse_url(vhost.url), number, numbered)
    config = ("--config", operator.config)
    running = programs.devsecops_eda(*config, "dead", "replay", "--all", "--yes")
    eventually(lambda: "replayed" in running.log, timeout_s=30, what="a letter", interval_s=0.001)
    running.kill()
    ready = Counter[bytes]()

    def found() -> bool:
        for queue in (DEAD, queue_name("semgrep")):
            ready.update(body for body, _ in messages(parse_url(vhost.url), queue))
        return len(ready) == number

    eventually(found, timeout_s=20, what="every letter stands in one queue or the other")
    assert set(ready) == {b"%d" % at for at in range(number)}
    assert running.log.count("replayed") < number


def test_two_who_look_at_once_take_nothing_from_each_other_for_good(
    vhost: Vhost, operator: Operator
) -> None:
    bury(parse_url(vhost.url), 100, numbered)
    with Pile.open(operator.address, timeout_s=10) as one:
        letters = one.letters()
        seen = [next(letters).letter.id]
        with Pile.open(operator.address, timeout_s=10) as other:
            assert 0 < other.total < 100
            assert len(list(other.letters())) == other.total
        seen += [dead.letter.id for dead in letters]
    assert (len(seen), len(set(seen))) == (100, 100)
    assert operator.counts() == {"future_time": 100}


def test_letters_that_the_broker_wrote_are_letters_too(vhost: Vhost, operator: Operator) -> None:
    address = parse_url(vhost.url)
    large = b"x" * (codec.MAX_REJECT_BYTES + 1)
    say(address, [replace(outgoing(pushed(at)), body=large) for at in range(2)])
    say(address, [outgoing(pushed(2))])
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        for _ in range(2):
            method, _, _ = channel.basic_get(queue_name("semgrep"))
            channel.basic_reject(method.delivery_tag, requeue=False)
        while (method := channel.basic_get(queue_name("semgrep"))[0]) is not None:
            channel.basic_reject(method.delivery_tag, requeue=True)
    both = {"too_large": 2, "delivery_limit": 1}
    eventually(lambda: operator.counts() == both, timeout_s=20, what="three letters")
    letters = operator.json("list")["letters"]
    assert all(one["by_broker"] and one["queue"] == queue_name("semgrep") for one in letters)
    assert {one["user"] for one in letters} == {address.user}

    told = operator.json("replay", "--all", "--yes")
    assert (told["replayed"], told["skipped"]) == (1, 2)
    ((body, properties),) = messages(address, queue_name("semgrep"))
    assert (body, properties.message_id) == (codec.encode(pushed(2)), "push-2")
    assert not {name for name in properties.headers if name.startswith("x-death")}


def test_a_letter_whose_headers_nobody_can_read_does_not_hide_the_others(
    vhost: Vhost, operator: Operator
) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for name, raw in HOSTILE.items():
            channel.basic_publish(DEAD, "", name.encode(), Raw(raw))
    bury(parse_url(vhost.url), 3, numbered)
    assert operator.counts() == {"other": len(HOSTILE), "future_time": 3}
    letters = operator.json("list")["letters"]
    for one in letters[:2]:
        assert "body" in operator.dead("show", one["id"])
    told = operator.json("replay", "--all", "--yes")
    assert (told["replayed"], told["skipped"]) == (3, len(HOSTILE))
    assert operator.json("drop", "--all", "--yes")["dropped"] == len(HOSTILE)


def test_a_letter_for_a_queue_that_is_gone_stays_and_says_so(
    vhost: Vhost, operator: Operator
) -> None:
    gone = queue_name("gone")
    bury(parse_url(vhost.url), 3, lambda at: letter(message_id=str(at), queue=gone))
    bury(parse_url(vhost.url), 2, numbered)
    told = json.loads(operator.dead("replay", "--all", "--yes", "--format", "json", expect=3))
    assert (told["replayed"], told["refused"]) == (2, 3)
    assert all("topology apply" in one["why"] for one in told["letters"] if one["why"])
    assert operator.counts() == {"future_time": 3}


def test_who_is_no_operator_sees_no_letter(vhost: Vhost, operator: Operator) -> None:
    bury(parse_url(vhost.url), 1, numbered)
    login = vhost.add_user("ci")
    account = Account(login.name, Role.CI, repos=(REPO,))
    vhost.grant(definitions(TOPOLOGY, vhost=vhost.name, users=(account,)))
    operator.config.write_text(f"[broker]\nurl = {json.dumps(vhost.url_of(login))}\n")
    for command in (("list",), ("drop", "--all", "--yes"), ("replay", "--all", "--yes")):
        said = operator.dead(*command, expect=ExitCode.NOT_AUTHORISED)
        assert "access" in said.lower() or "refused" in said.lower()


def test_what_was_typed_wrong_is_said_and_nothing_is_done(vhost: Vhost, operator: Operator) -> None:
    bury(parse_url(vhost.url), 2, numbered)
    for argv, why in (
        (("replay", "--yes"), "--all"),
        (("replay", "--all", "--reason", "schema"), "--all"),
        (("show", "abc"), "no letter"),
        (("show", "abcdef"), "no letter"),
        (("drop", "abcdef", "--yes"), "no letter"),
        (("list", "--since", "yesterday"), "neither"),
        (("list", "--reason", "bored"), "bored"),
    ):
        assert why in operator.dead(*argv, expect=ExitCode.USAGE)
    assert operator.counts() == {"future_time": 2}
