"""``devsecops-eda worker CHECK``: queue -> task -> scan -> outcome, then the acknowledgement."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from devsecops_eda import sandbox
from devsecops_eda.broker import Address, address_of, outgoing, publish_once
from devsecops_eda.checks import Check, Scanner
from devsecops_eda.errors import ConfigurationError, DevSecOpsError, TransientError
from devsecops_eda.evidence import Evidence, open_evidence
from devsecops_eda.metrics import Recorder
from devsecops_eda.model import Event, Outcome
from devsecops_eda.notify import Pulse, Systemd
from devsecops_eda.scanning import (
    CONSUMER_TIMEOUT_S,
    Answering,
    MirrorSource,
    Scanning,
    Source,
    longest_s,
)
from devsecops_eda.settings import Settings
from devsecops_eda.waiting import Patience
from devsecops_eda.worker.celery_app import LOOP, celery_app, run
from devsecops_eda.worker.handling import Handling
from devsecops_eda.worker.mainloop import MainLoop
from devsecops_eda.worker.measuring import (
    MeasuredPhases,
    MeasuredPublisher,
    count_outcome,
    stopwatch,
)
from devsecops_eda.worker.outgoing import buried
from devsecops_eda.worker.refusing import DeadLetter, Publisher
from devsecops_eda.worker.watched import takes_evidence, watched_worker

LOG = logging.getLogger(__name__)

PUBLISH_TIMEOUT_S = 15.0
"""So long one try to publish may take; a failed one is tried again."""


@dataclass(frozen=True, slots=True)
class FreshConnections:
    """Speaks over a connection made for each message: nothing idle, nothing inherited by fork."""

    address: Address

    def tell(self, event: Event) -> None:
        """Publish an event, confirmed.

        Raises:
            TransientError: the broker is away or takes nothing.
            DevSecOpsError: it will not take this one.
        """
        publish_once(self.address, outgoing(event), timeout_s=PUBLISH_TIMEOUT_S)

    def bury(self, letter: DeadLetter) -> None:
        """Publish a refused message to the dead letters, confirmed and routed.

        Raises:
            TransientError: the broker is away or takes nothing.
            DevSecOpsError: it will not take this one.
        """
        publish_once(self.address, buried(letter), timeout_s=PUBLISH_TIMEOUT_S)


class ScanWorker(Handling):
    """What happens to one event in a pool child. Lets no exception out but ``Reject``."""

    def __init__(
        self,
        answering: Answering,
        *,
        publisher: Publisher,
        wait_s: float,
        clock: Callable[[], datetime],
        recorder: Recorder,
    ) -> None:
        """Take what answers an event, how the answer is published, and what counts it all."""
        super().__init__(
            answering.check, publisher=publisher, wait_s=wait_s, clock=clock, recorder=recorder
        )
        self._answering = answering

    def take(
        self, body: str, user: str, attempts: int, _history: Mapping[str, str] | None = None
    ) -> None:
        """Carry out the check on one event and publish its outcome.

        Raises:
            Reject: the outcome could not be published for long; the event goes back.
        """
        with self._taking(body, attempts=attempts) as event:
            taken_s = stopwatch()
            answer = self._answering.answer(event, user=user, attempts=attempts)
            if isinstance(answer.data, Outcome):
                count_outcome(self._recorder, answer.data, taken_s())
            self._tell(answer)

    def _tell(self, answer: Event) -> None:
        try:
            # Missing rights are waited for too: giving the event back at once would only burn
            # its deliveries, and end a healthy event in the dead letters.
            Patience(self._wait_s).wait_out(
                lambda: self._publisher.tell(answer),
                what="the broker",
                errors=DevSecOpsError,
            )
        except DevSecOpsError as error:
            LOG.error(
                "an outcome on %s cannot be published, the event goes back: %s",
                answer.subject,
                error,
                extra={"action": "publish_failed"},
            )
            raise self._given_back(error) from error
        LOG.info("%s on %s", answer.type.value, answer.subject, extra={"action": "told"})


def run_worker(
    settings: Settings,
    check: Check,
    *,
    slots: int,
    source: Source | None = None,
    publisher: Publisher | None = None,
    systemd: Systemd | None = None,
) -> int:
    """Work on the queue of ``check`` until told to stop; return the exit code.

    ``source`` and ``publisher`` are the mirrors below the state folder and the broker of the
    settings unless others are given. ``systemd`` is told how it goes.

    Raises:
        ConfigurationError: the sandbox does not work here and no weaker mode is named, or nobody
            can listen where its metrics are wanted.
    """
    _check_sandbox(settings, check)
    limit_s = _checked_limit_s(settings, check)
    evidence = open_evidence(settings.evidence_url)
    with suppress(TransientError):
        takes_evidence(evidence)
    loop = MainLoop()
    pulse = Pulse(systemd or Systemd(), LOOP)
    with watched_worker(
        settings, check, slots=slots, evidence=evidence, loop=loop, clock=_now
    ) as recorder:
        speaks = MeasuredPublisher(
            publisher or FreshConnections(address_of(settings.broker)), recorder
        )
        worker = _worker(settings, check, source, evidence, speaks, recorder)
        app = celery_app(
            check.name,
            broker=settings.broker,
            identities=settings.identities,
            take=worker.take,
            refuse=worker.refuse,
            threads=False,
            recorder=recorder,
            time_limit_s=limit_s,
        )
        hostname = f"{check.name}@{socket.gethostname()}"
        return run(app, slots=slots, hostname=hostname, pulse=pulse, ready=loop.attach)


def _worker(
    settings: Settings,
    check: Check,
    source: Source | None,
    evidence: Evidence,
    publisher: Publisher,
    recorder: Recorder,
) -> ScanWorker:
    scanning = Scanning(
        settings,
        source or MirrorSource(settings),
        work=settings.state_dir / "work",
        clock=_now,
        phases=MeasuredPhases(recorder),
    )
    answering = Answering(
        check,
        scanning,
        evidence=evidence,
        clock=_now,
        wait_s=settings.transient_wait_s,
        max_attempts=settings.max_attempts,
    )
    return ScanWorker(
        answering,
        publisher=publisher,
        wait_s=settings.transient_wait_s,
        clock=_now,
        recorder=recorder,
    )


def _check_sandbox(settings: Settings, check: Check) -> None:
    if isinstance(check, Scanner):
        lacking = sandbox.missing(settings.sandbox)
        if lacking is not None:
            raise ConfigurationError(
                f"{lacking}; install it, or name the weaker mode: sandbox = 'none'"
            )


def _checked_limit_s(settings: Settings, check: Check) -> float:
    limit_s = longest_s(settings, check)
    if limit_s > CONSUMER_TIMEOUT_S:
        LOG.warning(
            "%s may hold an event for %d s: give the broker a consumer_timeout well above that",
            check.name,
            limit_s,
            extra={"action": "configuration"},
        )
    return limit_s


def _now() -> datetime:
    return datetime.now(UTC)
