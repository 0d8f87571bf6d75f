"""Several gates on one PostgreSQL come to what one gate alone comes to."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devsecops_eda.errors import UnavailableError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, open_ledger
from devsecops_eda.model import Event
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository
from tests.judged import BASE, CHECKS, NOW, POLICY, NoEvidence, commit_told, pushed, semgrep_told

REPOS = tuple(f"acme/app{number}" for number in range(3))
ATTEMPTS = 20


def _gate(ledger: Ledger) -> Gate:
    return Gate(
        ledger=ledger,
        policy=load_policy(POLICY, file="test.yaml", checks=CHECKS),
        checks=CHECKS,
        repositories={repo: Repository(key=repo, url="/nowhere") for repo in REPOS},
        evidence=NoEvidence(),
    )


def _events() -> list[Event]:
    told: list[Event] = []
    for repo in REPOS:
        for number, sha in enumerate((BASE, *(f"{one:040x}" for one in range(4)))):
            push = pushed(sha, repo=repo)
            told += [push, commit_told(push), semgrep_told(push, *"ab"[: number % 3])]
    return told


def _take(gate: Gate, event: Event) -> None:
    for _ in range(ATTEMPTS):
        try:
            gate.published(gate.take(event, user="ci", now=NOW), NOW)
        except UnavailableError:
            continue
        return
    raise AssertionError(f"{event.id} was not taken in {ATTEMPTS} attempts")


def _came_to(ledger: Ledger) -> dict[tuple[str, str], str | None]:
    with ledger.reading() as records:
        asks = [ask for repo in REPOS for ask in records.asks.of_repo(repo)]
    return {(ask.flow, ask.gate): ask.decision for ask in asks}


@pytest.fixture
def gates(postgres_url: str) -> Iterator[list[Ledger]]:
    ledgers = [open_ledger(postgres_url) for _ in range(3)]
    yield ledgers
    for ledger in ledgers:
        ledger.close()


@pytest.mark.parametrize("times", [1, 2])
def test_several_gates_decide_as_one_in_whatever_order_and_however_often_events_come(
    gates: list[Ledger], times: int
) -> None:
    alone = open_ledger("sqlite://")
    one = _gate(alone)
    for event in _events():
        _take(one, event)
    # At once, those of one flow beside each other: what one does not see of the other is lost.
    order = _events() * times
    if times > 1:
        random.Random(times).shuffle(order)
    several = [_gate(ledger) for ledger in gates]
    with ThreadPoolExecutor(6) as pool:
        taken = [
            pool.submit(_take, several[number % len(several)], event)
            for number, event in enumerate(order)
        ]
        for each in taken:
            each.result()
    came_to = _came_to(alone)
    assert sum(decision is not None for decision in came_to.values()) >= 4 * len(REPOS)
    assert _came_to(gates[0]) == came_to
    alone.close()
