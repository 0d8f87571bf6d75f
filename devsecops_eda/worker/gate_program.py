"""``devsecops-eda gate``: queue -> ledger -> decision -> exchange, then the acknowledgement.

Threads, not processes: the tasks are short, the ledger makes a parallel repeat harmless, and all
of them share one publishing connection.
"""

from __future__ import annotations

import base64
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from devsecops_eda import codec
from devsecops_eda.broker import PublishingThread, address_of, outgoing
from devsecops_eda.errors import (
    InvalidEventError,
    RefusalReason,
    TransientError,
)
from devsecops_eda.evidence import open_evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, Message, open_ledger
from devsecops_eda.metrics import Nothing, Recorder
from devsecops_eda.model import Event
from devsecops_eda.notify import Pulse, Systemd
from devsecops_eda.policy import Policy
from devsecops_eda.predicates import CelEvaluator
from devsecops_eda.settings import Settings
from devsecops_eda.topology import GATE_CHECK, queue_name
from devsecops_eda.waiting import Patience
from devsecops_eda.worker.celery_app import LOOP, celery_app, run
from devsecops_eda.worker.gate_watched import GateWatch
from devsecops_eda.worker.handling import Handling
from devsecops_eda.worker.intake import Intake
from devsecops_eda.worker.mainloop import MainLoop
from devsecops_eda.worker.measuring import MeasuredSpeaker, Speaker
from devsecops_eda.worker.outgoing import buried, repeated
from devsecops_eda.worker.refusing import DeadLetter
from devsecops_eda.worker.speaking import Speaking
from devsecops_eda.worker.ticking import Timer

LOG = logging.getLogger(__name__)

THREADS = 20
TIMER = "timer"
"""The part of the gate that is its timer."""
PUBLISH_TIMEOUT_S = 15.0


class OneConnection:
    """Speaks over the one connection that a thread of its own keeps alive."""

    def __init__(self, thread: PublishingThread) -> None:
        """Take the running thread."""
        self._thread = thread

    def tell(self, event: Event) -> None:
        """Publish an event, confirmed; raises as ``PublishingThread.publish`` does."""
        self._thread.publish(outgoing(event), timeout_s=PUBLISH_TIMEOUT_S)

    def repeat(self, message: Message) -> None:
        """Publish what the ledger recorded, confirmed; raises as ``tell`` does."""
        self._thread.publish(repeated(message), timeout_s=PUBLISH_TIMEOUT_S)

    def bury(self, letter: DeadLetter) -> None:
        """Publish a refused message to the dead letters, confirmed; raises as ``tell`` does."""
        self._thread.publish(buried(letter), timeout_s=PUBLISH_TIMEOUT_S)


class GateWorker(Handling):
    """What happens to one event in a thread of the gate. Lets no exception out but ``Reject``."""

    def __init__(
        self,
        gate: Gate,
        *,
        publisher: Speaker,
        intake: Intake,
        wait_s: float,
        clock: Callable[[], datetime],
        recorder: Recorder | None = None,
    ) -> None:
        """Take the gate, how it speaks, and what opens and closes its queue."""
        super().__init__(
            GATE_CHECK,
            publisher=publisher,
            wait_s=wait_s,
            clock=clock,
            recorder=recorder or Nothing(),
        )
        self._gate = gate
        self.speaking = Speaking(gate, publisher, clock)
        self._intake = intake

    def take(
        self, body: str, user: str, attempts: int, history: Mapping[str, str] | None = None
    ) -> None:
        """Let the gate take one event and publish what it leads to.

        ``history`` is what a replayed one has behind it.

        Raises:
            Reject: ledger or broker stayed away; the event goes back.
        """
        with self._taking(body, attempts=attempts) as event:
            self._take(event, {"user": user, "deliveries": str(attempts), **(history or {})})

    def _take(self, event: Event, origin: Mapping[str, str]) -> None:
        try:
            messages = Patience(self._wait_s).wait_out(
                lambda: self._gate.take(event, user=origin["user"], now=self._clock()),
                what="the ledger",
            )
        except InvalidEventError as refusal:
            self._refuse(event, refusal, origin)
        except TransientError as error:
            # Held long enough. Return it once, and take no more until the ledger is back.
            self._intake.close()
            raise self._given_back(error) from error
        except Exception as error:
            LOG.exception("the gate failed", extra={"action": "task_failed"})
            detail = f"the gate itself failed ({type(error).__name__})"
            self._refuse(event, InvalidEventError(RefusalReason.INTERNAL, detail), origin)
        else:
            self._say(messages)

    def _say(self, messages: tuple[Message, ...]) -> None:
        try:
            Patience(self._wait_s).wait_out(lambda: self.speaking.say(messages), what="the broker")
        except TransientError as error:
            # They stand in the ledger: the timer publishes them when it can. Nothing is lost.
            LOG.error("%d messages stay owed: %s", len(messages), error, extra={"action": "owed"})

    def _refuse(self, event: Event, refusal: InvalidEventError, origin: Mapping[str, str]) -> None:
        properties = codec.properties_of(event)
        self.refuse(
            base64.b64encode(codec.encode(event)).decode("ascii"),
            refusal.reason.value,
            refusal.detail,
            refusal.path,
            {**origin, "queue": queue_name(GATE_CHECK), "routing_key": codec.key_of(event)},
            {name: value for name, value in properties.items() if isinstance(value, str)},
            {},
        )


def run_gate(
    settings: Settings,
    policy: Policy,
    *,
    document: tuple[str, bytes] | None = None,
    speaker: Callable[[PublishingThread], OneConnection] = OneConnection,
    systemd: Systemd | None = None,
) -> int:
    """Be the gate until told to stop; return the exit code.

    ``document`` is the policy as it was loaded (see ``archive.policy_document``), without which
    decisions cannot be judged again later. ``speaker`` makes what speaks over the publishing
    connection, ``systemd`` is told how it goes.

    Raises:
        ConfigurationError: the database or the evidence store is not served, or nobody can listen
            where its metrics are wanted.
        UnavailableError: the ledger cannot be opened within ``transient_wait_s`` seconds.
    """
    thread = PublishingThread(address_of(settings.broker))
    intake, loop = Intake(queue_name(GATE_CHECK)), MainLoop()
    evidence = open_evidence(settings.evidence_url)
    # One without the other is no gate: it would hear no events, or let all deadlines pass.
    pulse = Pulse(systemd or Systemd(), LOOP, TIMER)
    with CelEvaluator() as predicates, _ledger(settings) as ledger:
        watch = GateWatch(settings, policy.gate_names, ledger, _now)
        gate = watch.gate(
            policy=policy,
            checks=tuple(settings.checks),
            repositories=settings.repositories,
            evidence=evidence,
            people=settings.people,
            predicates=predicates,
            policy_document=document,
        )
        worker = GateWorker(
            gate,
            publisher=MeasuredSpeaker(speaker(thread), watch.recorder),
            intake=intake,
            wait_s=settings.transient_wait_s,
            clock=_now,
            recorder=watch.recorder,
        )
        keep = timedelta(seconds=settings.gate.retention_s)
        beat = partial(pulse.beat, TIMER)
        timer = Timer(gate, worker.speaking, intake=intake, clock=_now, retention=keep, beat=beat)
        with watch.over(gate, THREADS, loop, intake, evidence, thread), _ticking(timer, thread):
            return _consume(settings, worker, intake, loop, pulse, watch.recorder)


@contextmanager
def _ticking(timer: Timer, thread: PublishingThread) -> Iterator[None]:
    timer.start()
    try:
        yield
    finally:
        timer.end()
        thread.close()


def _consume(
    settings: Settings,
    worker: GateWorker,
    intake: Intake,
    loop: MainLoop,
    pulse: Pulse,
    recorder: Recorder,
) -> int:
    app = celery_app(
        GATE_CHECK,
        broker=settings.broker,
        identities=settings.identities,
        take=worker.take,
        refuse=worker.refuse,
        threads=True,
        recorder=recorder,
    )

    def ready(celery_worker: Any) -> None:
        intake.attach(celery_worker)
        loop.attach(celery_worker)

    hostname = f"{GATE_CHECK}@{socket.gethostname()}"
    return run(app, slots=THREADS, hostname=hostname, pulse=pulse, ready=ready)


@contextmanager
def _ledger(settings: Settings) -> Iterator[Ledger]:
    ledger = Patience(settings.transient_wait_s).wait_out(
        lambda: open_ledger(settings.gate.database), what="the ledger"
    )
    try:
        yield ledger
    finally:
        ledger.close()


def _now() -> datetime:
    return datetime.now(UTC)
