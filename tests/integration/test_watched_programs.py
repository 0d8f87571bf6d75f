"""Worker and gate on a real broker, watched from outside while things go wrong."""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devsecops_eda.broker import Outgoing, outgoing, publish_once
from devsecops_eda.codec import CONTENT_TYPE
from devsecops_eda.metrics import METRICS
from devsecops_eda.model import Event, EventType
from devsecops_eda.topology import queue_name
from tests.conftest import Vhost
from tests.rig.leftovers import processes
from tests.rig.programs import Program, Programs
from tests.rig.scraped import ANYWHERE, Scrape, Watched
from tests.rig.site import Site
from tests.rig.waiting import NeverHappenedError, eventually

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WATCHED = {
    # The first line belongs to the table that the site writes last.
    "gate_metrics": f"metrics = {ANYWHERE}",
    "worker_metrics": f"[worker]\nmetrics = {ANYWHERE}",
}


@pytest.fixture
def site(vhost: Vhost, programs: Programs, tmp_path: Path) -> Iterator[Site]:
    with Site(vhost, programs, tmp_path, checks=["sleepy"], **WATCHED) as made:
        yield made


def children_of(program: Program) -> list[int]:
    return [
        one.pid
        for one in processes()
        if one.parent == program.pid and "tests.rig.cast" in one.command
    ]


def is_ready(watched: Watched) -> None:
    try:
        eventually(lambda: watched.needs()[0], timeout_s=20, what="it is ready")
    except NeverHappenedError:
        raise AssertionError(watched.needs()) from None


def kill_one_at_work(worker: Program, watched: Watched) -> None:
    eventually(
        lambda: any("/usr/bin/sleep" in one.command for one in worker.family()),
        timeout_s=60,
        what="a scan runs",
    )
    for child in children_of(worker):
        os.kill(child, signal.SIGKILL)
    eventually(
        lambda: watched.scrape().value("devsecops_redeliveries_total") >= 1,
        timeout_s=60,
        what="the event is delivered again",
    )


def traces(events: list[Event]) -> set[tuple[str, str]]:
    found = {tuple(str(event.traceparent).split("-")[1:3]) for event in events}
    return {(trace, span) for trace, span in found}


def counts_of_the_worker(scrape: Scrape, pushes: int) -> None:
    value = scrape.value
    assert value("devsecops_scans_total", check="sleepy", result="completed") == pushes
    # The refused message, and that it was refused.
    assert value("devsecops_publishes_total", result="confirmed") == pushes + 2
    assert value("devsecops_refused_total", reason="not_json") == 1
    assert value("devsecops_deliveries_total", result="refused") == 1
    assert value("devsecops_stage_seconds_count", stage="scanner", result="ok") >= pushes
    assert value("devsecops_slots", state="all") == 2
    assert value("devsecops_slots", state="busy") == 0
    assert value("devsecops_broker_connected") == 1
    assert value("devsecops_lost_reports_total") == 0
    assert value("devsecops_ready", need="sandbox") == 1


def counts_of_the_gate(scrape: Scrape, pushes: int) -> None:
    value = scrape.value
    assert value("devsecops_decisions_total", gate="merge", verdict="allow") == pushes
    assert value("devsecops_decision_seconds_count", gate="merge", awaits="machines") == pushes
    assert value("devsecops_conflicting_outcomes_total") == 0
    assert value("devsecops_owed_messages") == 0


def closed(scrape: Scrape) -> None:
    names = {metric.name.removesuffix("_total") for metric in METRICS}
    for name, samples in scrape.samples.items():
        stem = name.removesuffix("_total")
        for tail in ("_bucket", "_count", "_sum"):
            stem = stem.removesuffix(tail)
        assert stem in names
        for labels, _ in samples:
            assert not any("acme" in word or "@" in word for word in labels.values())


def test_what_they_show_is_right_after_kills_and_refusals_and_without_a_broker(
    site: Site, programs: Programs, vhost: Vhost
) -> None:
    shas = site.commits(2)
    gate, worker = site.start_gate(), site.start_worker("sleepy")
    seen = {name: Watched.of(one) for name, one in (("gate", gate), ("worker", worker))}
    for one in seen.values():
        is_ready(one)
        assert one.get("/healthz") == (200, b"ok\n")
        assert one.get("/elsewhere")[0] == 404
    queue = queue_name("sleepy")
    broken = Outgoing("", queue, b"{", {"content_type": CONTENT_TYPE}, mandatory=True)
    publish_once(site.address, broken, timeout_s=30)
    events = [replace(site.pushed(sha), traceparent=TRACE) for sha in shas]
    for event in events:
        publish_once(site.address, outgoing(event, mandatory=True), timeout_s=30)
    kill_one_at_work(worker, seen["worker"])
    before = {name: one.scrape() for name, one in seen.items()}
    site.await_decisions(events, timeout_s=90)
    eventually(
        lambda: (
            seen["gate"].scrape().value("devsecops_owed_messages") == 0
            and seen["worker"].scrape().value("devsecops_slots", state="busy") == 0
        ),
        timeout_s=30,
        what="all is said",
    )
    after = {name: one.scrape() for name, one in seen.items()}
    counts_of_the_worker(after["worker"], 2)
    counts_of_the_gate(after["gate"], 2)
    for name, scrape in after.items():
        closed(scrape)
        assert seen[name].scrape_s() < 0.1
        assert scrape.series < 1000
        assert before[name].falls(scrape) == []
    said = site.tap.events(EventType.SCAN_COMPLETED, EventType.DECISION_MADE)
    spans = traces(said)
    assert {trace for trace, _ in spans} == {TRACE.split("-")[1]}
    assert len(spans) == len({event.id for event in said})
    shown_as_a_flow(site, programs, events[0])
    site.tap.close()
    without_a_broker(vhost, seen)


def shown_as_a_flow(site: Site, programs: Programs, event: Event) -> None:
    asked = ("--config", site.config, "flow", event.correlationid)
    text = programs.run(*asked)
    assert text.exit_code == 0
    lines = [line.rpartition("|  ")[2] for line in text.log.splitlines()[4:]]
    assert [line.split("  (")[0].split(",")[0] for line in lines] == [
        "commit.pushed main",
        "+ scan.completed sleepy: completed",
        "  + decision.made merge: allow",
    ]
    document = json.loads(programs.run(*asked, "--format", "json").log)
    assert [one["type"] for one in document["events"]] == [
        *("commit.pushed", "scan.completed", "decision.made")
    ]
    assert all(
        one["traceparent"].split("-")[1] == TRACE.split("-")[1] for one in document["events"]
    )
    nothing = programs.run("--config", site.config, "flow", str(uuid.uuid4()))
    assert nothing.exit_code == 2
    assert "holds nothing" in nothing.log


def without_a_broker(vhost: Vhost, seen: dict[str, Watched]) -> None:
    vhost.node.management.delete_vhost(vhost.name)
    try:
        for one in seen.values():
            eventually(
                lambda one=one: one.needs()[1]["broker"] != "ok",  # type: ignore[misc]
                timeout_s=60,
                what="it says that the broker is away",
            )
            assert one.scrape().value("devsecops_broker_connected") == 0
            # Nothing that a new start would mend.
            assert one.get("/healthz")[0] == 200
    finally:
        vhost.node.management.add_vhost(vhost.name)
