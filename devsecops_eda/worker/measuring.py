"""What is counted of the work of a worker and of the gate, wherever it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from devsecops_eda import topology
from devsecops_eda.errors import (
    BrokerBlockedError,
    BrokerUnreachableError,
    DevSecOpsError,
    NotAuthorisedError,
    PublishRefusedError,
    PublishTimeoutError,
    UnroutableError,
)
from devsecops_eda.ledger import Message
from devsecops_eda.metrics import Recorder, Stage, table, timed
from devsecops_eda.metrics.table import Published
from devsecops_eda.model import Event, Outcome
from devsecops_eda.scanning import SCANNER_PHASE, Phases
from devsecops_eda.worker.refusing import DeadLetter, Publisher

_STAGES = {
    "tree": Stage.TREE,
    "select": Stage.SELECT,
    SCANNER_PHASE: Stage.SCANNER,
    "findings": Stage.FINDINGS,
}
_FAILURES: tuple[tuple[type[DevSecOpsError], Published], ...] = (
    (BrokerBlockedError, Published.BLOCKED),
    (BrokerUnreachableError, Published.UNREACHABLE),
    (PublishTimeoutError, Published.TIMEOUT),
    (UnroutableError, Published.UNROUTABLE),
    (PublishRefusedError, Published.REFUSED),
    (NotAuthorisedError, Published.NOT_AUTHORISED),
)


class MeasuredPhases(Phases):
    """Counts each phase as a stage and keeps none: a worker runs for days."""

    def __init__(self, recorder: Recorder) -> None:
        """Take what counts them."""
        super().__init__()
        self._recorder = recorder

    @contextmanager
    def of(self, check: str, name: str) -> Iterator[None]:
        """Time the block, also one that ends in an error."""
        with timed(self._recorder, _STAGES[name]):
            yield


class Speaker(Publisher, Protocol):
    """A publisher that also says again what the ledger recorded."""

    def repeat(self, message: Message) -> None:
        """Publish what the ledger recorded, confirmed."""
        ...


class MeasuredPublisher:
    """Publishes through another publisher, and counts what becomes of each try."""

    def __init__(self, inner: Publisher, recorder: Recorder) -> None:
        """Take what publishes and what counts."""
        self._inner = inner
        self._recorder = recorder

    def tell(self, event: Event) -> None:
        """Publish an event; raises as the inner one does."""
        self._measured(lambda: self._inner.tell(event))

    def bury(self, letter: DeadLetter) -> None:
        """Publish a refused message to the dead letters; raises as the inner one does."""
        self._measured(lambda: self._inner.bury(letter))
        self._recorder.count(table.REFUSED, str(letter.headers[topology.REASON_HEADER]))

    def _measured(self, publish: Callable[[], None]) -> None:
        try:
            with timed(self._recorder, Stage.PUBLISH):
                publish()
        except DevSecOpsError as error:
            self._recorder.count(table.PUBLISHES, published(error))
            raise
        self._recorder.count(table.PUBLISHES, Published.CONFIRMED)


class MeasuredSpeaker(MeasuredPublisher):
    """The same for the gate, which also says again what it said before."""

    def __init__(self, inner: Speaker, recorder: Recorder) -> None:
        """Take what speaks and what counts."""
        super().__init__(inner, recorder)
        self._speaker = inner

    def repeat(self, message: Message) -> None:
        """Publish what the ledger recorded; raises as the inner one does."""
        self._measured(lambda: self._speaker.repeat(message))


def published(error: DevSecOpsError) -> Published:
    """Return the word for what kept a message from being published."""
    return next((word for kind, word in _FAILURES if isinstance(error, kind)), Published.OTHER)


def count_outcome(recorder: Recorder, outcome: Outcome, seconds: float) -> None:
    """Count one run of a check that took ``seconds``, by what came of it."""
    check = outcome.check
    result = table.OK
    if outcome.failure is not None:
        word, result = outcome.failure.reason.value, table.FAILED
    elif not outcome.applicable:
        word = table.NOT_APPLICABLE
    else:
        word = table.COMPLETED if outcome.coverage.complete else table.INCOMPLETE
    recorder.count(table.SCANS, check, word)
    recorder.observe(table.STAGE_SECONDS, seconds, Stage.SCAN, result)
    gaps = len(outcome.coverage.gaps)
    if gaps:
        recorder.count(table.COVERAGE_GAPS, check, by=gaps)
    for severity, number in outcome.counts().items():
        if number:
            recorder.count(table.FINDINGS, check, severity, by=number)


def stopwatch() -> Callable[[], float]:
    """Return what says how many seconds have gone by since this call."""
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
