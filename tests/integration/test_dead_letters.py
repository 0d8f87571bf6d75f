"""Dead letters on a real broker: none is lost by looking, and what is replayed passes the door."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pika
import pytest

from devsecops_eda import codec
from devsecops_eda.broker import (
    Outgoing,
    outgoing,
    parse_url,
    publish_once,
)
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.deadletters import Pile
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.model import DeadLettered, EventType, MessageDropped, MessageReplayed
from devsecops_eda.roles import Role
from devsecops_eda.topology import DEAD, queue_name
from tests.conftest import Vhost
from tests.examples import golden
from tests.hostile_properties import HOSTILE, Raw
from tests.letters import buried as letter
from tests.rig.operators import TOPOLOGY, Operator, bury, numbered, pushed, say
from tests.rig.programs import Programs
from tests.rig.site import REPO, Site, Tap
from tests.rig.standin import messages
from tests.rig.waiting import eventually


@pytest.fixture
def operator(vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator.of(vhost, tmp_path, capsys)


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


def with_header(message: Outgoing, name: str, value: str) -> Outgoing:
    properties = {
        **message.properties,
        "content_type": "application/json",
        "headers": {name: value},
    }
    return replace(message, properties=properties)


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACED = {
    # The gate's refusal, the door's of an event, the door's of what is none.
    "vote": outgoing(replace(golden("approval.voted", "approve"), traceparent=TRACE)),
    "push": replace(
        outgoing(pushed(1)), body=b'{"traceparent": "%s", "specversion": "1.0"}' % TRACE.encode()
    ),
    "binary": with_header(outgoing(pushed(2)), "ce-traceparent", TRACE),
    "forged": replace(outgoing(pushed(3)), body=b'{"traceparent": "00-%s"}' % (b"0" * 52)),
    "none": replace(outgoing(pushed(4)), body=b"{"),
}


def test_what_is_told_of_a_refused_message_is_of_its_trace(
    vhost: Vhost, programs: Programs, tmp_path: Path, operator: Operator
) -> None:
    ids = {name: message.properties["message_id"] for name, message in TRACED.items()}
    traced = {ids[name]: TRACE.split("-")[1] for name in ("vote", "push", "binary")}
    silent = dict.fromkeys((ids["forged"], ids["none"]))
    with Site(vhost, programs, tmp_path, checks=["commit"]) as site:

        def told(type_: EventType, number: int) -> Mapping[str, str | None]:
            events = site.tap.events
            eventually(lambda: len(events(type_)) == number, timeout_s=30, what=type_.value)
            spans = [event.traceparent for event in events(type_) if event.traceparent]
            assert len(set(spans) - {TRACE}) == len(spans)
            return {
                event.data.message_id or "": event.traceparent and event.traceparent.split("-")[1]
                for event in events(type_)
                if isinstance(event.data, DeadLettered | MessageReplayed | MessageDropped)
            }

        site.start_gate()
        say(site.address, list(TRACED.values()))
        assert told(EventType.MESSAGE_DEAD_LETTERED, 5) == traced | silent
        # A vote is never replayed; the others are refused once more.
        assert operator.json("replay", "--all", "--yes")["replayed"] == 4
        replays = told(EventType.MESSAGE_REPLAYED, 4)
        assert replays == {id_: trace for id_, trace in (traced | silent).items() if id_ in replays}
        assert told(EventType.MESSAGE_DEAD_LETTERED, 9) == traced | silent
        assert operator.json("drop", "--all", "--yes")["dropped"] == 5
        assert told(EventType.MESSAGE_DROPPED, 5) == traced | silent


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


def test_a_drop_that_is_killed_in_the_middle_has_told_of_every_letter_that_is_gone(
    vhost: Vhost, programs: Programs, operator: Operator
) -> None:
    number, url = 1000, parse_url(vhost.url)
    tap = Tap(vhost.url)
    bury(url, number, numbered)
    config = ("--config", operator.config)
    running = programs.devsecops_eda(*config, "dead", "drop", "--all", "--yes")
    eventually(lambda: "dropped" in running.log, timeout_s=30, what="a letter", interval_s=0.001)
    running.kill()
    there: set[str] = set()

    def found() -> bool:
        there.update(str(said.message_id) for _, said in messages(url, DEAD))
        return len(there | told_of()) == number

    def told_of() -> set[str]:
        facts = [event.data for event in tap.events(EventType.MESSAGE_DROPPED)]
        return {str(one.message_id) for one in facts if isinstance(one, MessageDropped)}

    eventually(found, timeout_s=20, what="every letter stands there or was told")
    assert 0 < len(told_of()) < number
    tap.close()


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
