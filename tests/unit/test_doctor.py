"""Each thing that can be wrong is found, is told in one sentence, and says how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devsecops_eda.broker import Standing
from devsecops_eda.definitions import definitions
from devsecops_eda.doctor import Finding, State, broker, versions
from devsecops_eda.doctor.finding import fail, ok
from devsecops_eda.doctor.management import NotToldError
from devsecops_eda.doctor.seen import Managed, Seen, untold
from devsecops_eda.topology import DEAD, EVENTS, Identities, Topology, queue_name

TOPOLOGY = Topology(("commit", "semgrep"))
WELL = Seen(
    product="RabbitMQ",
    version="3.10.8",
    cluster="rabbit@mq",
    exchanges=dict.fromkeys((one.name for one in TOPOLOGY.exchanges), ""),
    queues={one.name: Standing(0, 0 if one.name == DEAD else 1, "") for one in TOPOLOGY.queues},
)
NOTHING = untold(NotToldError("not asked"))
REQUIRED = frozenset(("commit", "semgrep"))


def states(found: Iterable[Finding]) -> list[State]:
    return [one.state for one in found]


def wrong(found: Iterable[Finding]) -> list[Finding]:
    bad = [one for one in found if one.state in (State.WARN, State.FAIL)]
    assert all(one.mend for one in bad)
    return bad


def with_queue(name: str, standing: Standing | None) -> Seen:
    return replace(WELL, queues={**WELL.queues, name: standing})


def test_a_finding_that_names_no_check_or_no_mend_is_none() -> None:
    with pytest.raises(ValueError, match="no check"):
        ok("weather", "fine")
    with pytest.raises(ValueError, match="mend"):
        fail("clock", "it stands still", "")


def test_of_a_broker_that_is_well_nothing_is_wrong() -> None:
    assert wrong(broker.topology_findings(WELL)) == []
    assert wrong(broker.consumer_findings(WELL, TOPOLOGY, required=REQUIRED)) == []
    assert wrong(broker.dead_letter_findings(WELL)) == []


def test_what_is_not_there_or_differs_is_named() -> None:
    gone = replace(with_queue(DEAD, None), exchanges={**WELL.exchanges, EVENTS: None})
    (found,) = wrong(broker.topology_findings(gone))
    assert found.state is State.FAIL
    assert f"exchange {EVENTS}, queue {DEAD} are not there" in found.text
    assert "topology apply" in found.mend
    differs = with_queue(DEAD, Standing(0, 0, "queue devsecops.dead exists with another x"))
    (found,) = wrong(broker.topology_findings(differs))
    assert "another x" in found.text
    unasked = with_queue(DEAD, Standing(0, 0, None))
    assert states(broker.topology_findings(unasked)) == [State.NOT_CHECKED]


@pytest.mark.parametrize(
    ("name", "standing", "required", "state", "words"),
    [
        ("semgrep", None, REQUIRED, State.FAIL, "has no queue"),
        ("semgrep", Standing(7, 0, ""), REQUIRED, State.FAIL, "7 events wait"),
        ("semgrep", Standing(0, 0, ""), REQUIRED, State.FAIL, "the policy requires it"),
        ("semgrep", Standing(0, 0, ""), frozenset(), State.WARN, "no rule of the policy"),
        ("approval", Standing(0, 0, ""), frozenset(), State.FAIL, "nothing is decided"),
    ],
)
def test_a_required_check_without_queue_or_consumer_fails(
    name: str, standing: Standing | None, required: frozenset[str], state: State, words: str
) -> None:
    seen = with_queue(queue_name(name), standing)
    (found,) = wrong(broker.consumer_findings(seen, TOPOLOGY, required=required))
    assert (found.state, words in found.text) == (state, True), found


def test_of_queues_that_are_not_there_nobody_is_said_to_work_on_them() -> None:
    seen = replace(WELL, queues=dict.fromkeys(WELL.queues))
    found = list(broker.consumer_findings(seen, TOPOLOGY, required=frozenset(("commit",))))
    assert states(found) == [State.FAIL]


def test_a_required_check_that_is_configured_nowhere_fails() -> None:
    found = wrong(broker.consumer_findings(WELL, TOPOLOGY, required={"safety"}))
    assert [one.state for one in found] == [State.FAIL]
    assert "safety" in found[0].text


@pytest.mark.parametrize("number", [1, 12])
def test_dead_letters_are_counted_and_who_eats_them_is_told(number: int) -> None:
    (found,) = wrong(broker.dead_letter_findings(with_queue(DEAD, Standing(number, 0, ""))))
    assert found.text.startswith(f"{number} message")
    assert "dead list" in found.mend
    (found,) = wrong(broker.dead_letter_findings(with_queue(DEAD, Standing(0, 1, ""))))
    assert "consumes" in found.text
    unseen = broker.dead_letter_findings(with_queue(DEAD, None))
    assert states(unseen) == [State.NOT_CHECKED]


@pytest.mark.parametrize(
    ("timeout_s", "longest_s", "state"),
    [
        (1800.0, 1620.0, State.OK),
        (1620.0, 1620.0, State.OK),
        (1619.0, 1620.0, State.FAIL),
        (None, 9000.0, State.OK),
        (NotToldError("nobody knows"), 1620.0, State.NOT_CHECKED),
        (NotToldError("nobody knows"), 1801.0, State.WARN),
    ],
)
def test_the_consumer_timeout_is_measured_against_the_longest_scan(
    timeout_s: float | NotToldError | None, longest_s: float, state: State
) -> None:
    found = broker.timeout_finding(timeout_s, longest_s=longest_s, default_s=1800.0, who="semgrep")
    assert (found.state, "semgrep" in found.text) == (state, True)
    if state in (State.FAIL, State.WARN):
        assert f"consumer_timeout = {int(max(1_800_000, 1100 * longest_s))}" in found.mend


def test_a_policy_of_the_broker_may_shorten_the_timeout() -> None:
    def managed(pattern: str, value: object) -> Managed:
        row = {"name": "p", "pattern": pattern, "definition": {"consumer-timeout": value}}
        return replace(NOTHING, policies=[row])

    assert broker.policy_timeout_s(managed("^devsecops", 60_000), TOPOLOGY) == 60
    assert broker.policy_timeout_s(managed("^celery", 60_000), TOPOLOGY) is None
    assert broker.policy_timeout_s(managed("(", 60_000), TOPOLOGY) is None
    assert broker.policy_timeout_s(managed(".*", "soon"), TOPOLOGY) is None
    assert broker.policy_timeout_s(NOTHING, TOPOLOGY) is None


def bindings() -> list[dict[str, Any]]:
    document = definitions(TOPOLOGY, vhost="/")
    default = {"source": "", "destination": DEAD, "destination_type": "queue", "routing_key": DEAD}
    return [default, *document["bindings"]]


def test_a_missing_binding_is_a_failure_and_a_strange_one_a_warning() -> None:
    assert wrong(broker.binding_findings(replace(NOTHING, bindings=bindings()), TOPOLOGY)) == []
    without = [row for row in bindings() if row["routing_key"] != "commit.pushed.#"]
    (found,) = wrong(broker.binding_findings(replace(NOTHING, bindings=without), TOPOLOGY))
    assert (found.state, "commit.pushed.#" in found.text) == (State.FAIL, True)
    strange = {**bindings()[-1], "source": EVENTS, "routing_key": "#"}
    more = replace(NOTHING, bindings=[*bindings(), strange])
    (found,) = wrong(broker.binding_findings(more, TOPOLOGY))
    assert found.state is State.WARN
    assert states(broker.binding_findings(NOTHING, TOPOLOGY)) == [State.NOT_CHECKED]


@pytest.mark.parametrize(
    ("definition", "pattern", "loses"),
    [
        ({"message-ttl": 1}, ".*", True),
        ({"expires": 1}, r"\Adevsecops\.check", True),
        ({"max-length": 1}, ".*", True),
        ({"max-length": 1}, r"\Adevsecops\.check\..*\z", False),
        ({"message-ttl": 1}, "^other", False),
        ({"queue-leader-locator": "balanced"}, ".*", False),
    ],
)
def test_a_policy_that_lets_messages_vanish_is_found(
    definition: Mapping[str, object], pattern: str, loses: bool
) -> None:
    row = {"name": "p", "pattern": pattern, "definition": definition}
    found = wrong(broker.leftover_findings(replace(NOTHING, policies=[row]), TOPOLOGY))
    assert [one.state for one in found] == [State.FAIL] * loses


def test_a_queue_of_a_check_that_nobody_configured_is_found() -> None:
    rows = [{"name": queue_name("old")}, {"name": DEAD}, {"name": "celery"}]
    (found,) = wrong(broker.leftover_findings(replace(NOTHING, queues=rows), TOPOLOGY))
    assert queue_name("old") in found.text


def test_a_worker_whose_word_is_not_believed_is_found() -> None:
    def consuming(check: str, user: str) -> dict[str, Any]:
        return {"queue": {"name": queue_name(check)}, "channel_details": {"user": user}}

    rows = [
        consuming("approval", "devsecops-gate"),
        consuming("semgrep", "devsecops-worker-semgrep"),
        consuming("commit", "somebody"),
        {"queue": {"name": "reply"}, "channel_details": {"user": "ci"}},
        {"queue": {"name": queue_name("commit")}, "channel_details": []},
    ]
    managed = replace(NOTHING, consumers=rows)
    (found,) = wrong(broker.speaker_findings(managed, Identities()))
    assert "somebody" in found.text
    assert "devsecops-worker-commit" in found.text
    assert wrong(broker.speaker_findings(managed, Identities(sole_user="rig"))) == []


@pytest.mark.parametrize(
    ("ahead_s", "state"),
    [(0, State.OK), (5, State.OK), (-6, State.WARN), (60, State.WARN), (61, State.FAIL),
     (-86400, State.FAIL)],
)  # fmt: skip
def test_a_clock_that_is_wrong_is_told_by_how_much(ahead_s: int, state: State) -> None:
    found = broker.clock_of_broker(replace(NOTHING, ahead=timedelta(seconds=ahead_s)))
    assert found.state is state
    if state is not State.OK:
        assert f"{abs(ahead_s)} s {'ahead of' if ahead_s > 0 else 'behind'}" in found.text
    assert broker.clock_of_broker(NOTHING).state is State.NOT_CHECKED


def test_an_alarm_is_a_failure() -> None:
    def state(alarm: bool | NotToldError, *, reached: bool = True) -> State:
        return broker.alarm_finding(replace(NOTHING, alarm=alarm), reached=reached).state

    assert state(alarm=True) is state(alarm=True, reached=False) is State.FAIL
    assert state(alarm=False) is State.OK
    assert state(NOTHING.alarm) is State.NOT_CHECKED


def test_a_broker_that_amqp_does_not_reach_is_not_said_to_take_messages() -> None:
    found = broker.alarm_finding(replace(NOTHING, alarm=False), reached=False)
    assert found.state is State.NOT_CHECKED
    assert "see queues" in found.text


# Versions.


@pytest.mark.parametrize(
    ("version", "state", "lacks"),
    [
        ("3.9.29", State.FAIL, ["CC and BCC", "consumer timeout", "delivery limit", "x-death"]),
        ("3.10.8", State.OK, ["CC and BCC", "consumer timeout", "delivery limit", "x-death"]),
        ("3.13.7", State.OK, ["CC and BCC", "delivery limit", "x-death"]),
        ("4.0.1", State.OK, ["CC and BCC", "twenty times"]),
        ("4.0.5", State.OK, ["twenty times"]),
        ("4.1.0-rc.1", State.OK, ["twenty times"]),
        ("4.3.6", State.OK, ["twenty times"]),
    ],
)
def test_what_a_version_does_not_protect_is_said(
    version: str, state: State, lacks: list[str]
) -> None:
    found = list(versions.version_findings("RabbitMQ", version))
    assert found[0].state is state
    told = [one.text for one in found if one.check == "protection" and one.state is State.WARN]
    assert len(told) == len(lacks)
    for words, text in zip(lacks, told, strict=True):
        assert words in text


@pytest.mark.parametrize(("product", "version"), [("LavinMQ", "2.0.0"), ("RabbitMQ", ""), ("", "")])
def test_another_broker_is_none_that_we_know(product: str, version: str) -> None:
    found = list(versions.version_findings(product, version))
    assert states(found) == [State.FAIL, State.NOT_CHECKED]
