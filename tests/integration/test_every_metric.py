"""Each metric of a real worker and a real gate moves when its fact happens; so does readiness."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pika
import pytest

from devsecops_eda.broker import Outgoing, declare, outgoing, publish_once
from devsecops_eda.codec import CONTENT_TYPE, MAX_REJECT_BYTES
from devsecops_eda.metrics import METRICS, Kind, Metric, table
from devsecops_eda.model import Coverage, Event, EventType, Outcome
from devsecops_eda.topology import EVENTS, GATE_CHECK, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.cast import DATE
from tests.rig.postgres import PostgresServer
from tests.rig.programs import Programs
from tests.rig.scraped import ANYWHERE, Scrape, Watched
from tests.rig.site import POLICY, RULE, Site
from tests.rig.waiting import NeverHappenedError, eventually

NEVER_MOVES = {table.BUILD_INFO, table.DATA_MAX_AGE}
ELSEWHERE = {
    # Of the whole broker, which other tests share: tests/faults/test_outages.py.
    table.BROKER_BLOCKED,
    # A pipe that nobody empties: tests/unit/test_metrics.py.
    table.LOST_REPORTS,
}
NEEDS = {
    "worker": {"broker", "scanner", "sandbox", "data", "evidence"},
    "gate": {"broker", "ledger", "evidence", "intake"},
}


@dataclass
class Run:
    """One worker and one gate, and all that was ever scraped of them."""

    site: Site
    seen: dict[str, Watched] = field(default_factory=dict)
    scrapes: dict[str, list[Scrape]] = field(default_factory=dict)

    def scrape(self, name: str) -> Scrape:
        self.scrapes.setdefault(name, []).append(self.seen[name].scrape())
        return self.scrapes[name][-1]

    def shows(self, name: str, metric: Metric, **labels: str) -> float:
        tail = "_count" if metric.kind is Kind.HISTOGRAM else ""
        return self.scrape(name).value(metric.name + tail, **labels)

    def comes_to(self, name: str, metric: Metric, least: float = 1, **labels: str) -> None:
        eventually(
            lambda: self.shows(name, metric, **labels) >= least,
            timeout_s=60,
            what=f"{metric.name} {labels} of the {name} is {least:g}",
        )

    def lacks(self, name: str, *needs: str) -> None:
        """Return once exactly these needs are not met."""

        def so() -> bool:
            ready, said = self.seen[name].needs()
            assert set(said) == NEEDS[name]
            return not ready and {need for need, why in said.items() if why != "ok"} == set(needs)

        try:
            eventually(so, timeout_s=30, what=f"the {name} lacks {needs}")
        except NeverHappenedError:
            raise AssertionError(self.seen[name].needs()) from None
        for need in NEEDS[name]:
            assert self.shows(name, table.READY, need=need) == float(need not in needs)

    def is_ready(self, name: str) -> None:
        eventually(lambda: self.seen[name].needs()[0], timeout_s=30, what=f"the {name} is ready")

    def moved(self) -> set[Metric]:
        """Return the metrics that showed two values of one series, or one where none was."""
        return {metric for metric in METRICS if any(map(_moves(metric), self.scrapes.values()))}


def _moves(metric: Metric) -> Callable[[list[Scrape]], bool]:
    tail = "_count" if metric.kind is Kind.HISTOGRAM else ""

    def moves(scrapes: list[Scrape]) -> bool:
        shown = {
            repr(sorted((sorted(labels.items()), value) for labels, value in found))
            for scrape in scrapes
            if (found := scrape.samples.get(metric.name + tail, [])) or tail
        }
        return len(shown) > 1

    return moves


@pytest.fixture
def bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands before the real bwrap on the PATH and hands everything on to it."""
    real = shutil.which("bwrap")
    assert real is not None, "bwrap is missing: `make rig` gets it"
    folder = tmp_path / "bin"
    folder.mkdir()
    made = folder / "bwrap"
    script(made, f'#!/bin/sh\nexec {real} "$@"\n')
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return made


def script(file: Path, text: str) -> None:
    """Write a program that somebody may be about to start: the old one or the new, no half."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o755)
    new.rename(file)


@pytest.fixture
def ledger(postgres_of_its_own: Callable[..., PostgresServer]) -> PostgresServer:
    return postgres_of_its_own()


@pytest.fixture
def run(vhost: Vhost, programs: Programs, tmp_path: Path, ledger: PostgresServer) -> Iterator[Run]:
    policy = POLICY + RULE.format(check="dated").replace("30m", "8s")
    more = {
        "gate": f'metrics = {ANYWHERE}\ndatabase = "{ledger.url()}"',
        "worker": f"[worker]\nmetrics = {ANYWHERE}",
    }
    with Site(
        vhost, programs, tmp_path, checks=["dated"], policy=policy, transient_wait="1s", **more
    ) as site:
        yield Run(site)


def dated(site: Site, days: float) -> None:
    """Let the data be so old."""
    file = site.state / "dated" / DATE
    file.parent.mkdir(exist_ok=True)
    new = file.with_name("new")
    new.write_text((datetime.now(UTC) - timedelta(days=days)).isoformat())
    new.rename(file)


@pytest.mark.timeout(200)
def test_every_metric_moves_and_every_need_is_told(
    run: Run, bubblewrap: Path, ledger: PostgresServer, vhost: Vhost, programs: Programs
) -> None:
    site = run.site
    shas = site.commits(2)
    dated(site, 1)
    gate, worker = site.start_gate(), site.start_worker("dated")
    run.seen["worker"] = Watched.of(worker)
    not_ready_without_sandbox_or_data(run, bubblewrap)
    run.seen["gate"] = Watched.of(gate)
    not_ready_without_a_ledger(run, ledger)
    run.is_ready("worker")
    assert run.shows("worker", table.DATA_AGE, check="dated") < 2 * 86400
    refusals(run)
    event = a_scan(run, shas[0])
    shown_as_a_flow(site, programs, event)
    a_second_meaning(run, event)
    an_exchange_that_is_gone(run, shas[1])
    site.tap.close()
    vhost.node.management.delete_vhost(vhost.name)
    try:
        for name in run.seen:
            run.lacks(name, "broker")
            assert run.shows(name, table.BROKER_CONNECTED) == 0
    finally:
        vhost.node.management.add_vhost(vhost.name)
    assert set(METRICS) - run.moved() == NEVER_MOVES | ELSEWHERE
    for name in run.seen:
        assert run.shows(name, table.BUILD_INFO, version=version("devsecops_eda"), program=name)
    assert run.shows("worker", table.DATA_MAX_AGE, check="dated") == 7 * 86400


def not_ready_without_sandbox_or_data(run: Run, bubblewrap: Path) -> None:
    well = bubblewrap.read_text()
    script(bubblewrap, "#!/bin/sh\necho 'bwrap: no namespaces for you' >&2\nexit 1\n")
    dated(run.site, 30)
    # While it connects the broker is lacking too.
    run.lacks("worker", "sandbox", "data")
    assert "namespaces" in run.seen["worker"].needs()[1]["sandbox"]
    assert "older than 7 days" in run.seen["worker"].needs()[1]["data"]
    assert run.shows("worker", table.DATA_AGE, check="dated") >= 30 * 86400
    script(bubblewrap, well)
    dated(run.site, 1)


def not_ready_without_a_ledger(run: Run, ledger: PostgresServer) -> None:
    run.is_ready("gate")
    ledger.shut_down()
    run.lacks("gate", "ledger")
    assert run.seen["gate"].get("/healthz")[0] == 200, "a new start would not help"
    ledger.restart()
    run.is_ready("gate")


def refusals(run: Run) -> None:
    for program, name in (("worker", "dated"), ("gate", GATE_CHECK)):
        for body in (b"{", b"x" * (MAX_REJECT_BYTES + 1)):
            properties = {"content_type": CONTENT_TYPE}
            broken = Outgoing("", queue_name(name), body, properties, mandatory=True)
            publish_once(run.site.address, broken, timeout_s=30)
        run.comes_to(program, table.REFUSED, reason="not_json")
        run.comes_to(program, table.REFUSED, reason="too_large")
        run.comes_to(program, table.DELIVERIES, result="refused")
        run.comes_to(program, table.DELIVERIES, result="rejected")
    # The one was put there by the program, the other by the broker.
    assert len(run.site.dead()) == 4


def a_scan(run: Run, sha: str) -> Event:
    event = run.site.push(sha)
    run.comes_to("worker", table.SLOTS, state="busy")
    run.site.await_decisions([event], timeout_s=60)
    for stage in ("wait", "tree", "select", "scanner", "findings", "scan", "publish"):
        run.comes_to("worker", table.STAGE_SECONDS, stage=stage, result="ok")
    for stage in ("wait", "take", "tick", "publish"):
        run.comes_to("gate", table.STAGE_SECONDS, stage=stage, result="ok")
    run.comes_to("worker", table.SCANS, check="dated", result="incomplete")
    run.comes_to("worker", table.FINDINGS, 2, check="dated", severity="low")
    run.comes_to("worker", table.COVERAGE_GAPS, check="dated")
    run.comes_to("gate", table.DECISIONS, gate="merge")
    run.comes_to("gate", table.DECISION_SECONDS, gate="merge", awaits="machines")
    for name in run.seen:
        run.comes_to(name, table.DELIVERIES, result="admitted")
        run.comes_to(name, table.PUBLISHES, result="confirmed")
    return event


def shown_as_a_flow(site: Site, programs: Programs, event: Event) -> None:
    """The same picture of a flow comes from PostgreSQL as from SQLite."""
    told = programs.run("--config", site.config, "flow", event.correlationid)
    assert told.exit_code == 0, told.log
    lines = [line.rpartition("|  ")[2] for line in told.log.splitlines()[4:]]
    assert [line.split("  (")[0].split(",")[0] for line in lines] == [
        "commit.pushed main",
        "+ scan.completed dated: completed",
        "  + decision.made merge: allow",
    ]


def a_second_meaning(run: Run, cause: Event) -> None:
    def told() -> Event | None:
        events = run.site.tap.events(EventType.SCAN_COMPLETED)
        return next((one for one in events if one.causationid == cause.id), None)

    first = eventually(told, timeout_s=60, what="the outcome is told")
    assert first is not None
    assert isinstance(first.data, Outcome)
    other = replace(first, data=replace(first.data, coverage=Coverage(9, 9)))
    publish_once(run.site.address, outgoing(other, mandatory=True), timeout_s=30)
    run.comes_to("gate", table.CONFLICTING_OUTCOMES, check="dated")


def an_exchange_that_is_gone(run: Run, sha: str) -> None:
    """Nobody can say anything: the worker gives the event back, the gate owes what it decided."""
    event = run.site.push(sha)
    run.comes_to("worker", table.SLOTS, state="busy")
    with pika.BlockingConnection(pika.URLParameters(run.site.url)) as connection:
        connection.channel().exchange_delete(EVENTS)
    # For 8 s the gate waits for it; so often it looks at least.
    run.comes_to("gate", table.PENDING, gate="merge", awaits="machines")
    run.comes_to("gate", table.OLDEST_PENDING, 0.1, gate="merge", awaits="machines")
    run.comes_to("worker", table.GIVEN_BACK)
    run.comes_to("worker", table.REDELIVERIES)
    failed = run.scrape("worker").samples[table.PUBLISHES.name]
    assert sum(value for said, value in failed if said["result"] != "confirmed") >= 1
    run.comes_to("gate", table.OWED)
    run.comes_to("gate", table.OLDEST_OWED, 0.1)
    declare(Topology(run.site.checks), run.site.address)
    run.site.tap._channel.queue_bind("tap", EVENTS, "#")
    run.site.await_decisions([event], timeout_s=60)
    eventually(
        lambda: run.shows("gate", table.OWED) == 0, timeout_s=30, what="nothing is owed any more"
    )
