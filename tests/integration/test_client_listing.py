"""Asking the gate what is recorded: put together, asked again, and believed from the gate alone."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devsecops_eda.broker import Address, declare, parse_url
from devsecops_eda.client import Client, Overrides, deployment_requested
from devsecops_eda.errors import UnavailableError
from devsecops_eda.model import (
    Decision,
    Event,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    Subject,
    Verdict,
)
from devsecops_eda.topology import Identities, Topology
from tests.conftest import Vhost
from tests.results import WAIVER
from tests.rig.standin import NOW, StandIn, decision_made, ends_within

REPO = "acme/app"
SUBJECT = Subject.commit(REPO, "1" * 40)
ALONE = Identities(sole_user="rig")
WAIVERS = tuple(replace(WAIVER, waiver=f"{WAIVER.waiver[:-1]}{number}") for number in range(3))


@pytest.fixture
def address(vhost: Vhost) -> Address:
    declare(Topology(("semgrep",)), parse_url(vhost.url))
    return parse_url(vhost.url)


def part(question: Event, number: int) -> Event:
    """Return one of three parts of an answer, as a gate would say it."""
    request = question.data
    assert isinstance(request, ListingRequested)
    made = ListingMade(
        Listed.WAIVERS, repo=request.repo, waivers=(WAIVERS[number],), part=number + 1, parts=3
    )
    return Event(
        id=f"{question.id[:-1]}{number}",
        source="urn:test:gate",
        type=EventType.LISTING_MADE,
        subject=question.subject,
        time=NOW,
        correlationid=question.correlationid,
        causationid=question.id,
        data=made,
    )


def listing(*numbers: int, after: int = 0) -> Callable[[Event], Iterable[Event]]:
    """Return a gate that leaves ``after`` questions unanswered."""
    asked = 0

    def answer(event: Event) -> Iterable[Event]:
        nonlocal asked
        if event.type is EventType.LISTING_REQUESTED:
            asked += 1
            if asked > after:
                yield from (part(event, number) for number in numbers)

    return answer


@pytest.mark.parametrize("repo", [REPO, None])
def test_parts_in_any_order_and_repeated_are_one_answer(
    vhost: Vhost, address: Address, repo: str | None
) -> None:
    with (
        StandIn(address, listing(2, 0, 2, 1)) as standin,
        Client(vhost.url, identities=ALONE) as client,
    ):
        made = client.list(ListingRequested(Listed.WAIVERS, repo=repo), timeout_s=30)
    assert made.waivers == WAIVERS
    assert len(standin.heard) == 1
    assert [name for name in vhost.queues() if ".reply." in name] == []


def test_after_a_silence_it_is_asked_again(vhost: Vhost, address: Address) -> None:
    with (
        StandIn(address, listing(0, 1, 2, after=1)) as standin,
        Client(vhost.url, identities=ALONE, silence_s=1) as client,
    ):
        made = client.list(ListingRequested(Listed.WAIVERS, repo=REPO), timeout_s=30)
    assert made.waivers == WAIVERS
    first, second = standin.heard
    assert first.id != second.id
    assert first.correlationid == second.correlationid


@pytest.mark.parametrize(
    ("numbers", "identities"),
    [((0, 1, 2), Identities(gate="the-real-gate")), ((0, 2), ALONE), ((), ALONE)],
    ids=["of somebody else", "not whole", "none"],
)
def test_no_answer_in_time_is_an_error(
    vhost: Vhost, address: Address, numbers: tuple[int, ...], identities: Identities
) -> None:
    with (
        StandIn(address, listing(*numbers)),
        Client(vhost.url, identities=identities) as client,
        ends_within(3),
        pytest.raises(UnavailableError, match="did not say in 3 s which waivers"),
    ):
        client.list(ListingRequested(Listed.WAIVERS, repo=REPO), timeout_s=3)


def test_the_decision_on_a_deployment_is_the_one_for_its_environment_and_branch(
    vhost: Vhost, address: Address
) -> None:
    def answer(event: Event) -> Iterable[Event]:
        if event.type is not EventType.DEPLOYMENT_REQUESTED:
            return
        made = decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.ALLOW)
        assert isinstance(made.data, Decision)
        yield made
        for environment, target in (("staging", "main"), ("prod", "topic")):
            yield replace(made, data=replace(made.data, environment=environment, target=target))
        denied = replace(made.data, environment="prod", target="main", verdict=Verdict.DENY)
        yield replace(made, data=denied)

    request = deployment_requested(
        SUBJECT, environment="prod", target="main", now=datetime.now(UTC)
    )
    heard = Overrides()
    with StandIn(address, answer), Client(vhost.url, identities=ALONE) as client:
        decision = client.ask(request, timeout_s=30, on_event=heard.hear)
    assert decision is not None
    assert (decision.verdict, decision.environment) == (Verdict.DENY, "prod")
