"""Whoever is killed, and whenever: every (event, check) pair has its outcome, every flow one
decision, and no healthy event stands in the dead letters."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import Event, EventType, Outcome, Verdict
from tests.conftest import Vhost
from tests.rig.cast import Gap
from tests.rig.leftovers import Running, alive, processes
from tests.rig.programs import Program, Programs
from tests.rig.site import Site
from tests.rig.waiting import eventually


@pytest.fixture
def site_of(vhost: Vhost, programs: Programs, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(*checks: str, **more: object) -> Site:
        site = Site(vhost, programs, tmp_path, checks=checks, **more)  # type: ignore[arg-type]
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.tap.close()


def holds(site: Site, events: Sequence[Event], checks: Sequence[str]) -> None:
    """The promise, for these events."""
    told = site.outcomes()
    missing = [(e.id, c) for e in events for c in checks if not told[e.id][c]]
    assert not missing, f"no outcome: {missing}"
    slots = {
        (event.causationid, event.source): set[str]()
        for event in site.tap.events(EventType.SCAN_COMPLETED, EventType.SCAN_FAILED)
    }
    for event in site.tap.events(EventType.SCAN_COMPLETED, EventType.SCAN_FAILED):
        slots[event.causationid, event.source].add(event.id)
    assert all(len(ids) == 1 for ids in slots.values()), "one pair, several slots"
    decisions = site.decisions()
    for event in events:
        made = decisions[event.correlationid]
        assert len(made) == 1, f"{event.correlationid} was decided {len(made)} times"
        (bodies,) = made.values()
        assert len(bodies) == 1, "a repeat said something else"
    assert site.dead() == []


def children_of(program: Program) -> list[int]:
    """The pool children of a worker: forks, so they are called what it is called."""
    return [
        one.pid
        for one in processes()
        if one.parent == program.pid and "tests.rig.cast" in one.command
    ]


class Murderer:
    """Kills children and whole workers at random, and starts again what was killed."""

    def __init__(self, start: Callable[[], Program], *, seed: int) -> None:
        self._start = start
        self._random = random.Random(seed)
        self.victim = start()
        self.kills = 0
        self.before: set[Running] = set()

    def find_children(self) -> bool:
        """Start the worker again if it has ended, as a supervisor would; say if it has a pool.

        Celery gives up when a child dies before the pool stands.
        """
        if self.victim.exit_code is not None:
            self.victim = self._start()
        return bool(children_of(self.victim))

    def strike(self) -> None:
        """Kill a pool child, or (one time in four) the main process of the worker."""
        self.before |= set(self.victim.family())
        children = children_of(self.victim)
        if children and self._random.random() < 0.75:
            with suppress(ProcessLookupError):
                os.kill(self._random.choice(children), signal.SIGKILL)
        else:
            self.victim.kill()
            self.victim = self._start()
        self.kills += 1


@pytest.mark.parametrize(
    ("number", "kills"),
    [
        pytest.param(24, 6, marks=pytest.mark.faults, id="short"),
        pytest.param(
            300, 30, marks=[pytest.mark.faults_full, pytest.mark.timeout(1800)], id="full"
        ),
    ],
)
def test_random_kills_lose_nothing(site_of: Callable[..., Site], number: int, kills: int) -> None:
    site = site_of("sleepy")
    shas = site.commits(number)
    site.start_gate()
    murderer = Murderer(lambda: site.start_worker("sleepy"), seed=number)
    events = [site.push(sha) for sha in shas]
    deadline = time.monotonic() + 60 + number * 4
    pause_s = number * 0.5 / kills

    def settled() -> bool:
        return len(site.decisions()) >= number

    while murderer.kills < kills or not settled():
        assert time.monotonic() < deadline, f"{len(site.decisions())} of {number} decided"
        murderer.find_children()
        if murderer.kills < kills and not settled():
            eventually(murderer.find_children, timeout_s=30, what="pool children")
            murderer.strike()
        until = time.monotonic() + pause_s
        eventually(
            lambda end=until: time.monotonic() >= end or settled(),  # type: ignore[misc]
            timeout_s=pause_s + 5,
            what="the next strike",
            interval_s=0.2,
        )
        if settled():
            break
    murderer.find_children()
    site.await_decisions(events, timeout_s=60 + number * 4)
    assert murderer.kills >= kills, "the work was done before enough were killed"
    holds(site, events, ["sleepy"])
    eventually(
        lambda: not alive(frozenset(murderer.before) - murderer.victim.family()),
        timeout_s=15,
        what="no scanner outlives its worker",
    )


@pytest.mark.faults
@pytest.mark.parametrize(
    "gap", [Gap.AFTER_FETCH, Gap.AFTER_SCAN, Gap.BEFORE_CONFIRM, Gap.BEFORE_ACK]
)
def test_a_death_in_a_gap_of_the_worker_loses_nothing(
    site_of: Callable[..., Site], gap: Gap
) -> None:
    site = site_of("sleepy")
    shas = site.commits(3)
    site.start_gate()
    site.start_worker("sleepy", die=gap)
    events = [site.push(sha) for sha in shas]
    site.await_decisions(events, timeout_s=90)
    assert site.died(gap)
    holds(site, events, ["sleepy"])


@pytest.mark.faults
def test_a_gate_that_dies_between_commit_and_publish_says_it_when_it_is_back(
    site_of: Callable[..., Site],
) -> None:
    site = site_of("sleepy")
    shas = site.commits(3)
    gate = site.start_gate(die=Gap.AFTER_COMMIT)
    site.start_worker("sleepy")
    events = [site.push(sha) for sha in shas]
    eventually(lambda: gate.exit_code is not None, timeout_s=60, what="the gate died")
    assert site.died(Gap.AFTER_COMMIT)
    site.start_gate()
    site.await_decisions(events, timeout_s=60)
    holds(site, events, ["sleepy"])


@pytest.mark.faults
def test_who_kills_his_worker_each_time_ends_as_crashed(site_of: Callable[..., Site]) -> None:
    site = site_of("killer")
    (sha,) = site.commits(1)
    site.start_gate()
    site.start_worker("killer", slots=1)
    event = site.push(sha)
    site.await_decisions([event], timeout_s=120)
    outcomes = [told.data for told in site.tap.events(EventType.SCAN_FAILED)]
    assert [
        (o.failure.reason, o.attempts)
        for o in outcomes
        if isinstance(o, Outcome) and o.failure is not None
    ] == [(FailureReason.CRASHED, 6)]
    (decision,) = site.tap.events(EventType.DECISION_MADE)
    assert getattr(decision.data, "verdict", None) is Verdict.ERROR
    assert site.dead() == []


@pytest.mark.faults
def test_a_worker_told_to_stop_finishes_what_runs_and_takes_no_more(
    site_of: Callable[..., Site],
) -> None:
    site = site_of("sleepy")
    shas = site.commits(3)
    site.start_gate()
    worker = site.start_worker("sleepy", slots=1)
    events = [site.push(sha) for sha in shas]
    eventually(
        lambda: any("/usr/bin/sleep" in one.command for one in worker.family()),
        timeout_s=60,
        what="a scan runs",
    )
    assert worker.end(timeout_s=60) == 0
    told = site.outcomes()
    assert 1 <= sum(told[event.id]["sleepy"] for event in events) < len(events)
    site.start_worker("sleepy")
    site.await_decisions(events, timeout_s=60)
    holds(site, events, ["sleepy"])
    # Nothing was scanned twice: what ran was finished, what waited was given back.
    assert all(site.outcomes()[event.id]["sleepy"] == 1 for event in events)
