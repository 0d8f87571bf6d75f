"""A gate whose work is counted, and what its ledger says of what waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import product
from typing import Any

from devsecops_eda import codec
from devsecops_eda.broker import PublishingThread
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, Message, OwedRow, PendingRow
from devsecops_eda.metrics import (
    Direct,
    Meters,
    Need,
    Nothing,
    Reading,
    Recorder,
    Stage,
    table,
    timed,
)
from devsecops_eda.metrics.table import MACHINES, PEOPLE
from devsecops_eda.model import Decision, Event, Identity, Outcome, RequirementState, Verdict
from devsecops_eda.policy.model import ApprovalsRule
from devsecops_eda.settings import Settings
from devsecops_eda.watch import Answer, Readiness
from devsecops_eda.worker.intake import Intake
from devsecops_eda.worker.mainloop import MainLoop
from devsecops_eda.worker.watched import meters_of_gate, serving, show_loop

LOG = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""So often the ledger is asked what waits; how old that is by then is reckoned at each scrape."""
TICK_STUCK_S = 120.0
_DECIDED = "decision.made."


class Waiting:
    """What waited when the ledger was last asked. What waits longer goes on ageing here."""

    def __init__(self, ledger: Ledger, gates: Iterable[str], clock: Callable[[], datetime]) -> None:
        """Take the ledger, the gates that are always shown, and what time it is."""
        self._ledger = ledger
        self._gates = tuple(gates)
        self._clock = clock
        self._pending: tuple[PendingRow, ...] = ()
        self._owed = OwedRow(0, None)
        self._looked_at = float("-inf")

    def look(self) -> None:
        """Ask the ledger, if that was long ago.

        Raises:
            UnavailableError: the ledger is away; what was known stands, and ages.
        """
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        with self._ledger.reading() as records:
            self._pending, self._owed = records.watching.pending(), records.watching.owed()
        self._looked_at = time.monotonic()

    def show(self, meters: Meters) -> None:
        """Let the gauges show it."""
        meters.show(table.PENDING, lambda: self._by_gate(lambda row: float(row.number)))
        meters.show(table.OLDEST_PENDING, lambda: self._by_gate(lambda row: self._age(row.since)))
        meters.show(table.OWED, lambda: {(): float(self._owed.number)})
        meters.show(table.OLDEST_OWED, lambda: {(): self._age(self._owed.since)})

    def _by_gate(self, value: Callable[[PendingRow], float]) -> Reading:
        shown: dict[tuple[str, ...], float] = {
            (gate, awaits): 0.0 for gate in self._gates for awaits in (MACHINES, PEOPLE)
        }
        for row in self._pending:
            shown[row.gate, PEOPLE if row.people else MACHINES] = value(row)
        return shown

    def _age(self, since: datetime | None) -> float:
        return max(0.0, (self._clock() - since).total_seconds()) if since else 0.0


class WatchedGate(Gate):
    """A gate that counts what it decides, and how long that took. Decides nothing else."""

    def __init__(
        self, *, recorder: Recorder, waiting: Waiting | None, ledger: Ledger, **known: Any
    ) -> None:
        """Take what counts, what looks at the ledger, and what a gate takes."""
        super().__init__(ledger=ledger, **known)
        self._memory = ledger
        self._recorder = recorder
        self._waiting = waiting
        self._ticked_at = time.monotonic()

    def take(self, event: Event, *, user: str, now: datetime) -> tuple[Message, ...]:
        """Take an event as a gate does; raises what a gate raises."""
        with timed(self._recorder, Stage.TAKE):
            said = super().take(event, user=user, now=now)
        if self._waiting is not None:
            with _harmless("an event"):
                self._count_decisions(said, now)
                self._count_meanings(event, user, now)
        return said

    def tick(self, now: datetime, *, owner: str, limit: int = 100) -> tuple[Message, ...]:
        """Decide what time decides as a gate does; raises what a gate raises."""
        self._ticked_at = time.monotonic()
        with timed(self._recorder, Stage.TICK):
            said = super().tick(now, owner=owner, limit=limit)
        if self._waiting is not None:
            with _harmless("a tick"):
                self._count_decisions(said, now)
                self._waiting.look()
        return said

    def stuck(self) -> str | None:
        """Return why only a new start helps, None while none is needed."""
        still_s = time.monotonic() - self._ticked_at
        return f"the timer has not ticked for {still_s:.0f} s" if still_s > TICK_STUCK_S else None

    def _count_decisions(self, said: Iterable[Message], now: datetime) -> None:
        for message in said:
            if not message.key.startswith(_DECIDED):
                continue
            event = codec.decode(message.body)
            decision = event.data
            # A repeat says again, with its old time, what was counted then.
            if isinstance(decision, Decision) and decision.evaluated_at == now:
                self._count_decision(event, decision)

    def _count_decision(self, event: Event, decision: Decision) -> None:
        self._recorder.count(table.DECISIONS, decision.gate, decision.verdict)
        # Of an ask that was answered before there is nobody who has waited until now.
        if decision.verdict is Verdict.PENDING or decision.supersedes is not None:
            return
        with self._memory.reading() as records:
            asked = records.watching.asked(
                event.correlationid,
                repo=decision.subject.repo,
                gate=decision.gate,
                environment=decision.environment,
            )
        if asked is not None:
            took_s = (decision.evaluated_at - asked).total_seconds()
            awaits = PEOPLE if _voted(decision) else MACHINES
            self._recorder.observe(table.DECISION_SECONDS, took_s, decision.gate, awaits)

    def _count_meanings(self, event: Event, user: str, now: datetime) -> None:
        if not isinstance(event.data, Outcome):
            return
        with self._memory.reading() as records:
            meanings = records.watching.meanings(Identity(user, event.source, event.id))
        if len(meanings) > 1 and meanings[-1] == now:
            LOG.warning(
                "%s says another thing of %s than before",
                event.data.check,
                event.data.subject,
                extra={"action": "two_meanings"},
            )
            self._recorder.count(table.CONFLICTING_OUTCOMES, event.data.check)


class GateWatch:
    """Shows a gate where the operator wants to see it; where he does not, counts nothing."""

    def __init__(
        self,
        settings: Settings,
        gates: Iterable[str],
        ledger: Ledger,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the gates of the policy and the ledger that is looked at."""
        self._listen = settings.gate.metrics
        self._ledger = ledger
        self._meters = meters_of_gate(gates, settings.checks)
        self.recorder: Recorder = Nothing()
        self.waiting: Waiting | None = None
        if self._listen is not None:
            self.recorder = Direct(self._meters)
            self.waiting = Waiting(ledger, gates, clock)
            self.waiting.show(self._meters)
            for gate, awaits in product(gates, (MACHINES, PEOPLE)):
                # The first decision after a start may be the late one.
                self._meters.zero(table.DECISION_SECONDS, gate, awaits)

    def gate(self, **known: Any) -> WatchedGate:
        """Return the gate that is shown; ``known`` is what a gate takes, but for its ledger."""
        return WatchedGate(
            recorder=self.recorder, waiting=self.waiting, ledger=self._ledger, **known
        )

    @contextmanager
    def over(
        self,
        gate: WatchedGate,
        slots: int,
        loop: MainLoop,
        intake: Intake,
        evidence: Evidence,
        thread: PublishingThread,
    ) -> Iterator[None]:
        """Show it while the block runs.

        Raises:
            ConfigurationError: nobody can listen there.
        """
        if self._listen is None:
            yield
            return
        needs = {
            Need.LEDGER: Answer(self._ledger_answers),
            Need.EVIDENCE: Answer(evidence.answers),
            Need.INTAKE: Answer(
                lambda: "takes no events until the ledger is back" if intake.closed else None
            ),
        }
        show_loop(self._meters, loop, slots=slots, blocked=lambda: thread.blocked)
        readiness = Readiness({Need.BROKER: Answer(loop.unconnected), **needs})

        def health() -> str | None:
            return loop.stuck() or gate.stuck()

        with serving(self._listen, self._meters, readiness, health=health):
            yield

    def _ledger_answers(self) -> None:
        with self._ledger.reading() as records:
            records.watching.answers()


def _voted(decision: Decision) -> bool:
    """Return whether votes, or that they did not come, are part of what was decided."""
    outstanding = (RequirementState.RUNNING, RequirementState.NOT_APPLICABLE)
    return any(
        line.kind == ApprovalsRule.kind and line.state not in outstanding
        for line in decision.requirements
    )


@contextmanager
def _harmless(what: str) -> Iterator[None]:
    # What was taken is committed and has to be said, whether it can be counted or not: a fault of
    # the counting would else make a dead letter of an event that is recorded and decided.
    try:
        yield
    except Exception:
        LOG.exception("%s cannot be counted", what, extra={"action": "metrics"})
