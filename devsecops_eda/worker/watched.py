"""What worker and gate show of themselves while they run, where an operator wants to see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version

from devsecops_eda.checks import Check, CheckSettings, Scanner
from devsecops_eda.evidence import Evidence
from devsecops_eda.metrics import Gathering, Meters, Need, Nothing, Program, Recorder, table
from devsecops_eda.metrics.table import Published
from devsecops_eda.sandbox.probing import tried_apart
from devsecops_eda.scanners import program
from devsecops_eda.settings import Listen, Settings
from devsecops_eda.topology import GATE_CHECK, queue_name
from devsecops_eda.watch import Answer, Endpoint, Freshness, Readiness
from devsecops_eda.worker.mainloop import MainLoop

BLOCKED_FOR_S = 60.0
"""So long a failed try to publish says that the broker is blocked; who waits tries more often."""
_MARK = b"devsecops-eda: a worker may write here\n"
_SANDBOX_GOOD_S = 60.0
_DATA_GOOD_S = 10.0


@contextmanager
def watched_worker(
    settings: Settings,
    check: Check,
    *,
    slots: int,
    evidence: Evidence,
    loop: MainLoop,
    clock: Callable[[], datetime],
) -> Iterator[Recorder]:
    """Show the worker of ``check`` while the block runs; yield what counts its work.

    Enter it before the pool forks: its children report to this process.

    Raises:
        ConfigurationError: nobody can listen where the operator wants to see it.
    """
    listen = settings.metrics_of(check.name)
    if listen is None:
        yield Nothing()
        return
    meters = _meters(Program.WORKER, check.name, {table.CHECK.name: (check.name,)})
    answers: dict[Need, Answer] = {
        Need.BROKER: Answer(loop.unconnected),
        Need.EVIDENCE: Answer(lambda: takes_evidence(evidence), good_s=_DATA_GOOD_S),
    }
    if isinstance(check, Scanner):
        own = settings.checks.get(check.name, CheckSettings(check.name))
        answers |= _needs_of(check, settings, fresh := Freshness(check, own, clock))
        meters.show(table.DATA_AGE, fresh.age)
        meters.show(table.DATA_MAX_AGE, fresh.max_age)
    show_loop(meters, loop, slots=slots, blocked=lambda: _blocked(meters))
    serve = serving(listen, meters, Readiness(answers), health=loop.stuck)
    with Gathering(meters) as recorder, serve:
        yield recorder


def _needs_of(scanner: Scanner, settings: Settings, fresh: Freshness) -> Mapping[Need, Answer]:
    def installed() -> str | None:
        program(scanner.tool, state_dir=settings.state_dir)
        return None

    return {
        Need.SCANNER: Answer(installed),
        Need.SANDBOX: Answer(lambda: tried_apart(settings.sandbox), good_s=_SANDBOX_GOOD_S),
        Need.DATA: Answer(fresh.lacking, good_s=_DATA_GOOD_S),
    }


def meters_of_gate(gates: Iterable[str], checks: Iterable[str]) -> Meters:
    """Return the meters of the gate program: its policy has ``gates``, and it hears ``checks``."""
    words = {table.GATE.name: tuple(gates), table.CHECK.name: tuple(checks)}
    return _meters(Program.GATE, GATE_CHECK, words)


def _meters(kind: Program, check: str, words: Mapping[str, tuple[str, ...]]) -> Meters:
    ours = version("devsecops_eda")
    words = {**words, table.VERSION.name: (ours,)}
    meters = Meters(kind, queue=queue_name(check), words=words)
    meters.show(table.BUILD_INFO, lambda: {(ours, kind.value): 1.0})
    return meters


def show_loop(meters: Meters, loop: MainLoop, *, slots: int, blocked: Callable[[], bool]) -> None:
    """Let the gauges show how the main loop and its connection are."""
    meters.show(table.BROKER_CONNECTED, lambda: {(): float(loop.unconnected() is None)})
    meters.show(table.BROKER_BLOCKED, lambda: {(): float(blocked())})
    meters.show(table.SLOTS, lambda: {("busy",): float(loop.busy()), ("all",): float(slots)})


@contextmanager
def serving(
    listen: Listen, meters: Meters, readiness: Readiness, *, health: Callable[[], str | None]
) -> Iterator[None]:
    """Serve metrics, health and readiness while the block runs.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    meters.show(table.READY, readiness.reading)
    with Endpoint(listen, metrics=meters.scraped, health=health, ready=readiness.asked):
        yield


def takes_evidence(evidence: Evidence) -> None:
    """Return where the evidence store takes what a worker puts there.

    A worker does this at its start: a store of files is there from then on, also for the gate.

    Raises:
        UnavailableError: it is away, or takes nothing.
    """
    evidence.put(_MARK)


def _blocked(meters: Meters) -> bool:
    blocked_at = meters.last(table.PUBLISHES, Published.BLOCKED)
    confirmed_at = meters.last(table.PUBLISHES, Published.CONFIRMED)
    if blocked_at is None or blocked_at < (confirmed_at or 0.0):
        return False
    return time.monotonic() - blocked_at < BLOCKED_FOR_S
