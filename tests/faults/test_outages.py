"""What is away for a while is waited for: every event is decided, none fails, none is buried."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from devsecops_eda import topology
from devsecops_eda.model import Event, EventType
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.programs import Programs
from tests.rig.scraped import ANYWHERE, Watched
from tests.rig.site import Site
from tests.rig.waiting import eventually

LENGTHS = [
    pytest.param(4.0, marks=pytest.mark.faults, id="short"),
    pytest.param(20.0, marks=[pytest.mark.faults_full, pytest.mark.timeout(600)], id="full"),
]
EVENTS = 6
WATCHED = {
    # The first line belongs to the table that the site writes last.
    "gate_metrics": f"metrics = {ANYWHERE}",
    "worker_metrics": f"[worker]\nmetrics = {ANYWHERE}",
}


Push = Callable[[], None]
"""Publishes events that meet the outage."""


@contextmanager
def git_away(site: Site, push: Push) -> Iterator[None]:
    """The git server answers nothing."""
    hidden = site.bare.with_name("hidden.git")
    site.bare.rename(hidden)
    # An empty repository: a git server that is there would say that the commit is not.
    push()
    yield
    hidden.rename(site.bare)


@contextmanager
def evidence_away(site: Site, push: Push) -> Iterator[None]:
    """A file stands where the folder of the evidence store should be."""
    store = site.state / "evidence"
    hidden = store.with_name("hidden")
    if store.exists():
        store.rename(hidden)
    store.write_text("")
    push()
    yield
    store.unlink()
    if hidden.exists():
        hidden.rename(store)


@contextmanager
def ledger_away(site: Site, push: Push) -> Iterator[None]:
    """Somebody else holds the database."""
    with sqlite3.connect(site.state / "gate.db", isolation_level=None, timeout=30) as other:
        other.execute("BEGIN EXCLUSIVE")
        push()
        yield
        other.execute("ROLLBACK")
    other.close()


@contextmanager
def publisher_away(site: Site, push: Push) -> Iterator[None]:
    """The broker is in a memory alarm and takes nothing."""
    with ExitStack() as alarm:
        # Nobody can publish in an alarm, the test neither: what it brings before that waits for
        # git, so that its outcomes have to be told in the alarm.
        with git_away(site, push):
            alarm.enter_context(site.vhost.node.memory_alarm())
        yield


Outage = Callable[[Site, Push], AbstractContextManager[None]]


@pytest.mark.parametrize("length_s", LENGTHS)
@pytest.mark.parametrize("outage", [git_away, evidence_away, ledger_away, publisher_away])
def test_an_outage_is_waited_out(
    rabbit_of_its_own: Callable[..., RabbitNode],
    vhost: Vhost,
    programs: Programs,
    tmp_path: Path,
    outage: Outage,
    length_s: float,
) -> None:
    if outage is publisher_away:
        # An alarm is for the whole node: not for the one that others share.
        vhost = Vhost(rabbit_of_its_own(), "/")
    with Site(vhost, programs, tmp_path, checks=["bulky"], **WATCHED) as site:
        shas = site.commits(3 * EVENTS)
        gate, worker = (Watched.of(one) for one in (site.start_gate(), site.start_worker("bulky")))
        first = [site.push(sha) for sha in shas[:EVENTS]]
        site.await_decisions(first, timeout_s=90)
        during: list[Event] = []
        with outage(site, lambda: during.extend(site.push(sha) for sha in shas[EVENTS:])):
            if outage is publisher_away:
                # The gate says nothing until it hears of outcomes: only who tries is told.
                shows_that_it_is_blocked(worker)
            threading.Event().wait(length_s)  # the length of the outage is what is tried
        site.await_decisions(during, timeout_s=120)
        everything: list[Event] = [*first, *during]
        told = site.outcomes()
        assert all(told[event.id]["bulky"] for event in everything)
        assert site.tap.events(EventType.SCAN_FAILED) == []
        assert all(len(site.decisions()[event.correlationid]) == 1 for event in everything)
        assert site.dead() == []
        for one in (gate, worker):
            assert one.scrape().value("devsecops_broker_blocked") == 0
            assert one.needs()[0]


def shows_that_it_is_blocked(watched: Watched) -> None:
    eventually(
        lambda: watched.scrape().value("devsecops_broker_blocked") == 1,
        timeout_s=30,
        what="it says that the broker takes nothing",
    )


@pytest.mark.faults
def test_a_broker_killed_and_started_again_loses_nothing(
    rabbit_of_its_own: Callable[..., RabbitNode],
    programs: Programs,
    tmp_path: Path,
) -> None:
    node = rabbit_of_its_own()
    with Site(Vhost(node, "/"), programs, tmp_path, checks=["sleepy"]) as site:
        shas = site.commits(12)
        site.start_gate()
        site.start_worker("sleepy")
        events = [site.push(sha) for sha in shas[:8]]
        site.await_decisions(events[:2], timeout_s=60)
        node.keep(*(queue.name for queue in topology.Topology(site.checks).queues), "tap")
        node.kill()
        node.start()
        events += [site.push(sha) for sha in shas[8:]]
        site.await_decisions(events, timeout_s=120)
        told = site.outcomes()
        assert all(told[event.id]["sleepy"] for event in events)
        assert all(len(site.decisions()[event.correlationid]) == 1 for event in events)
        assert site.dead() == []


@pytest.mark.faults
def test_a_gate_whose_ledger_stays_away_leaves_the_events_in_the_queue(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    with Site(vhost, programs, tmp_path, checks=["bulky"], transient_wait="1s") as site:
        shas = site.commits(8)
        gate = site.start_gate()
        site.start_worker("bulky")
        events = [site.push(shas[0])]
        site.await_decisions(events, timeout_s=60)
        with ledger_away(site, lambda: events.extend(site.push(sha) for sha in shas[1:])):
            gate.wait_for("taking no more messages", timeout_s=60)
        gate.wait_for("taking messages again", timeout_s=60)
        site.await_decisions(events, timeout_s=90)
        assert all(len(site.decisions()[event.correlationid]) == 1 for event in events)
        assert site.dead() == []
        assert gate.log.count("taking no more messages") == 1
