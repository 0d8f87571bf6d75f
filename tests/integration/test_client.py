"""A client hears the answer to its own question, whatever the network does meanwhile."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devsecops_eda.broker import Address, declare, outgoing, parse_url, publish_once
from devsecops_eda.client import Client, commit_pushed, flow_of_push, scan_requested
from devsecops_eda.errors import (
    UnroutableError,
)
from devsecops_eda.model import Decision, DecisionRequested, Event, EventType, Subject, Verdict
from devsecops_eda.topology import Identities, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.standin import StandIn, decision_made, ends_within, scan_completed
from tests.rig.waiting import eventually

REPO = "acme/app"
SHA = "1" * 40
SUBJECT = Subject.commit(REPO, SHA)
ALONE = Identities(sole_user="rig")


def push(sha: str = SHA) -> Event:
    return commit_pushed(REPO, ref="main", sha=sha, now=datetime.now(UTC))


def saying(verdict: Verdict, *types: EventType) -> Callable[[Event], Iterable[Event]]:
    """Return a gate that answers events of these types with one decision."""

    def answer(event: Event) -> Iterable[Event]:
        if event.type in types:
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=verdict)

    return answer


@pytest.fixture
def address(vhost: Vhost) -> Address:
    declare(Topology(("semgrep",)), parse_url(vhost.url))
    return parse_url(vhost.url)


def replies(vhost: Vhost) -> list[str]:
    return [name for name in vhost.queues() if name.startswith("devsecops.reply.")]


def heard(vhost: Vhost) -> list[str]:
    """The reply queues that somebody listens to already: they are bound before that."""
    listened = vhost.node.listened(vhost.name)
    return [name for name in replies(vhost) if name in listened]


def test_asking_returns_the_decision_and_leaves_no_queue(vhost: Vhost, address: Address) -> None:
    gate = saying(Verdict.DENY, EventType.COMMIT_PUSHED)
    with StandIn(address, gate), Client(vhost.url, identities=ALONE) as client:
        decision = client.ask(push(), timeout_s=30)
    assert decision is not None
    assert decision.verdict is Verdict.DENY
    assert replies(vhost) == []


def test_nothing_is_logged_of_an_answer_that_came(
    vhost: Vhost, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """What pika calls an error would stand on the stderr of a script that sets up no logging."""
    gate = saying(Verdict.ALLOW, EventType.COMMIT_PUSHED)
    with StandIn(address, gate), Client(vhost.url, identities=ALONE) as client:
        assert client.ask(push(), timeout_s=30) is not None
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_reply_queue_has_the_name_and_life_of_its_waiter(vhost: Vhost, address: Address) -> None:
    del address
    with Client(vhost.url, identities=ALONE) as client:
        asking = threading.Thread(target=client.ask, args=[push()], kwargs={"timeout_s": 5})
        asking.start()
        (name,) = eventually(lambda: replies(vhost), timeout_s=30, what="the reply queue")
        found = vhost.node.management.call("GET", "queues", vhost.name, name)
        asking.join(30)
    flow = flow_of_push(REPO, ref="main", sha=SHA)
    user, _, waiter = name.removeprefix("devsecops.reply.").partition(".")
    assert user == "rig"
    assert len(waiter.split(".")[0]) == 26
    assert flow == push().correlationid
    assert found["durable"]
    assert not found["exclusive"]
    assert found["arguments"]["x-expires"] == (5 + 300) * 1000


def test_when_the_time_is_over_the_answer_is_none(vhost: Vhost, address: Address) -> None:
    heard: list[Event] = []
    gate = saying(Verdict.PENDING, EventType.COMMIT_PUSHED)
    with StandIn(address, gate), Client(vhost.url, identities=ALONE) as client, ends_within(3):
        assert client.ask(push(), timeout_s=3, on_event=heard.append) is None
    # A pending answer is no answer, but worth telling.
    assert [event.type for event in heard] == [EventType.DECISION_MADE]


def test_a_decision_of_somebody_else_is_not_believed(vhost: Vhost, address: Address) -> None:
    gate = saying(Verdict.ALLOW, EventType.COMMIT_PUSHED)
    strict = Identities(gate="the-real-gate")
    with StandIn(address, gate), Client(vhost.url, identities=strict) as client:
        assert client.ask(push(), timeout_s=3) is None


@pytest.mark.parametrize(
    "other",
    [
        {"gate": "deploy"},
        {"subject": Subject.commit(REPO, "2" * 40)},
        {"verdict": Verdict.PENDING},
    ],
)
def test_only_the_final_decision_of_the_gate_about_the_subject_counts(
    vhost: Vhost, address: Address, other: dict[str, object]
) -> None:
    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.COMMIT_PUSHED:
            plain: dict[str, object] = {"subject": SUBJECT, "verdict": Verdict.ALLOW}
            told = {**plain, **other, "flow": event.correlationid, "number": 1}
            yield decision_made(**told)  # type: ignore[arg-type]
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.DENY)

    with StandIn(address, answer), Client(vhost.url, identities=ALONE) as client:
        decision = client.ask(push(), timeout_s=30)
    assert decision is not None
    assert decision.verdict is Verdict.DENY


def test_a_lost_answer_is_asked_for(vhost: Vhost, address: Address) -> None:
    gate = saying(Verdict.ALLOW, EventType.DECISION_REQUESTED)
    with StandIn(address, gate), Client(vhost.url, identities=ALONE, silence_s=1) as client:
        decision = client.ask(push(), timeout_s=30)
    assert decision is not None


def test_waiting_asks_for_the_decision_of_its_flow(vhost: Vhost, address: Address) -> None:
    gate = saying(Verdict.ALLOW, EventType.DECISION_REQUESTED)
    flow = flow_of_push(REPO, ref="main", sha=SHA)
    with StandIn(address, gate) as standin, Client(vhost.url, identities=ALONE) as client:
        decision = client.wait(REPO, flow, gate="merge", timeout_s=30)
    assert decision is not None
    (question,) = standin.heard
    assert question.data == DecisionRequested(repo=REPO, gate="merge")
    assert question.correlationid == flow


@pytest.mark.parametrize(
    "other", [{"subject": Subject.commit(REPO, "2" * 40)}, {"target": "topic"}]
)
def test_who_waits_for_a_commit_and_branch_takes_no_decision_about_another(
    vhost: Vhost, address: Address, other: dict[str, object]
) -> None:
    flow = flow_of_push(REPO, ref="main", sha=SHA)

    def answer(event: Event) -> Iterable[Event]:
        # Somebody who guessed the flow began it about something else.
        theirs = decision_made(SUBJECT, flow=flow, verdict=Verdict.ALLOW, number=1)
        data = replace(theirs.data, **other)  # type: ignore[arg-type]
        yield replace(theirs, subject=str(data.subject), data=data)  # type: ignore[union-attr]
        yield decision_made(SUBJECT, flow=flow, verdict=Verdict.DENY)

    with StandIn(address, answer), Client(vhost.url, identities=ALONE) as client:
        decision = client.wait(
            REPO, flow, subject=str(SUBJECT), target="refs/heads/main", timeout_s=30
        )
    assert decision is not None
    assert decision.verdict is Verdict.DENY


def test_two_waiters_of_one_flow_each_get_the_answer(vhost: Vhost, address: Address) -> None:
    answers: list[Decision | None] = []

    with Client(vhost.url, identities=ALONE) as client:
        flow = push().correlationid

        def wait() -> None:
            answers.append(client.wait(REPO, flow, timeout_s=30))

        waiters = [threading.Thread(target=wait) for _ in range(2)]
        for waiter in waiters:
            waiter.start()
        eventually(lambda: len(heard(vhost)) == 2, timeout_s=30, what="both listen")
        said = decision_made(SUBJECT, flow=flow, verdict=Verdict.ALLOW)
        publish_once(address, outgoing(said), timeout_s=10)
        for waiter in waiters:
            waiter.join(30)
    assert [answer.verdict for answer in answers if answer] == [Verdict.ALLOW] * 2


def cut(vhost: Vhost, times: int = 1) -> None:
    """Have the broker close every connection of the vhost."""
    for _ in range(times):
        listed = eventually(
            lambda: vhost.node.management.connections(vhost.name),
            timeout_s=30,
            what="connections are listed",
        )
        for one in listed:
            vhost.node.management.call("DELETE", "connections", one["name"])


def test_a_lost_connection_does_not_lose_the_answer(vhost: Vhost, address: Address) -> None:
    answers: list[Decision | None] = []
    with Client(vhost.url, identities=ALONE) as client:
        asking = threading.Thread(target=lambda: answers.append(client.ask(push(), timeout_s=60)))
        asking.start()
        (queue,) = eventually(lambda: heard(vhost), timeout_s=30, what="the waiter listens")
        cut(vhost)
        said = decision_made(SUBJECT, flow=push().correlationid, verdict=Verdict.ALLOW)
        publish_once(address, outgoing(said), timeout_s=10)
        asking.join(60)
    (answer,) = answers
    assert answer is not None
    assert queue not in vhost.queues()


def test_a_lost_queue_is_replaced_and_the_answer_asked_for(vhost: Vhost, address: Address) -> None:
    answers: list[Decision | None] = []
    with Client(vhost.url, identities=ALONE) as client:
        asking = threading.Thread(target=lambda: answers.append(client.ask(push(), timeout_s=60)))
        asking.start()
        (queue,) = eventually(lambda: heard(vhost), timeout_s=30, what="the waiter listens")
        vhost.node.management.call("DELETE", "queues", vhost.name, queue)
        with StandIn(address, saying(Verdict.ALLOW, EventType.DECISION_REQUESTED)):
            asking.join(60)
    (answer,) = answers
    assert answer is not None
    assert replies(vhost) == []


def test_a_rescan_returns_the_decision_that_knows_of_its_outcome(
    vhost: Vhost, address: Address
) -> None:
    request = scan_requested(SUBJECT, check="semgrep", now=datetime.now(UTC))
    done = scan_completed(request, SUBJECT, check="semgrep")
    asked = 0

    def answer(event: Event) -> Iterable[Event]:
        nonlocal asked
        flow = event.correlationid
        if event.type is EventType.SCAN_REQUESTED:
            yield decision_made(SUBJECT, flow=flow, verdict=Verdict.DENY, number=1)
            yield done
        elif event.type is EventType.DECISION_REQUESTED:
            asked += 1
            # The first question comes before the gate has recorded the outcome.
            verdict = Verdict.DENY if asked == 1 else Verdict.ALLOW
            rests_on = () if asked == 1 else (done.id,)
            yield decision_made(SUBJECT, flow=flow, verdict=verdict, number=2, evidence=rests_on)

    with StandIn(address, answer), Client(vhost.url, identities=ALONE) as client:
        decision = client.rescan(request, timeout_s=30)
    assert decision is not None
    assert decision.verdict is Verdict.ALLOW


def test_a_rescan_that_the_policy_does_not_want_ends_in_the_old_decision(
    vhost: Vhost, address: Address
) -> None:
    request = scan_requested(SUBJECT, check="semgrep", now=datetime.now(UTC))

    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.SCAN_REQUESTED:
            yield scan_completed(request, SUBJECT, check="semgrep")
        elif event.type is EventType.DECISION_REQUESTED:
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.DENY)

    with StandIn(address, answer), Client(vhost.url, identities=ALONE) as client:
        decision = client.rescan(request, timeout_s=60)
    assert decision is not None
    assert decision.verdict is Verdict.DENY


def test_what_cannot_be_told_is_raised_and_leaves_no_queue(vhost: Vhost) -> None:
    publish_nowhere = Topology(())
    declare(publish_nowhere, parse_url(vhost.url))
    for key in ("commit.pushed.#", "scan.#", "decision.requested.#"):
        vhost.node.management.call(
            *("DELETE", "bindings", vhost.name, "e", "devsecops.events", "q"),
            *(queue_name("approval"), key.replace("#", "%23")),
        )
    with Client(vhost.url, identities=ALONE) as client, pytest.raises(UnroutableError):
        client.ask(push(), timeout_s=30)
    assert replies(vhost) == []
