"""What tests on the broker say and hear, and a gate that answers as it is told."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import pika

from devsecops_eda import codec
from devsecops_eda.broker import Address, Deadline, Link, outgoing, publish_once
from devsecops_eda.errors import TransientError
from devsecops_eda.model import (
    Coverage,
    Decision,
    Event,
    EventType,
    Outcome,
    OutcomeStatus,
    Requirement,
    RequirementState,
    Subject,
    Tool,
    Verdict,
)
from devsecops_eda.topology import GATE_CHECK, queue_name

MARGIN_S = 2.0
"""How much later than its deadline a call may end on a busy machine."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64


@contextmanager
def ends_within(timeout_s: float) -> Iterator[None]:
    """Fail where the block takes longer than ``timeout_s`` and the margin, seen from outside."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < timeout_s + MARGIN_S


def messages(address: Address, queue: str) -> list[tuple[bytes, pika.BasicProperties]]:
    """Take all messages out of ``queue``."""
    with pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection:
        channel = connection.channel()
        found: list[tuple[bytes, pika.BasicProperties]] = []
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            found.append((body, properties))


def decision_made(
    subject: Subject,
    *,
    flow: str,
    verdict: Verdict,
    gate: str = "merge",
    cause: str | None = None,
    evidence: tuple[str, ...] = (),
    number: int = 0,
) -> Event:
    """Return a decision as a gate would say it."""
    line = Requirement("scan", "scan", RequirementState.FAILED, "as told", evidence=evidence)
    data = Decision(
        id=f"00000000-0000-5000-8000-{number:012d}",
        gate=gate,
        subject=subject,
        verdict=verdict,
        requirements=(line,),
        policy="test",
        policy_digest=DIGEST,
        inputs_digest=DIGEST,
        evaluated_at=NOW,
    )
    return Event(
        id=f"00000000-0000-5000-9000-{number:012d}",
        source="urn:test:gate",
        type=EventType.DECISION_MADE,
        subject=str(subject),
        time=NOW,
        correlationid=flow,
        causationid=cause,
        data=data,
    )


def scan_completed(cause: Event, subject: Subject, *, check: str, number: int = 0) -> Event:
    """Return an outcome as a scan worker would say it."""
    data = Outcome(
        check=check,
        subject=subject,
        status=OutcomeStatus.COMPLETED,
        cause=cause.id,
        cause_time=cause.time,
        tool=Tool(check, "1.0"),
        coverage=Coverage(eligible=1, scanned=1),
    )
    return Event(
        id=f"00000000-0000-5000-a000-{number:012d}",
        source="urn:test:worker",
        type=EventType.SCAN_COMPLETED,
        subject=str(subject),
        time=NOW,
        correlationid=cause.correlationid,
        causationid=cause.id,
        data=data,
    )


class StandIn:
    """Takes what comes to the gate's queue and says what ``answer`` makes of each event."""

    def __init__(self, address: Address, answer: Callable[[Event], Iterable[Event]]) -> None:
        self._address = address
        self._answer = answer
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.heard: list[Event] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._serve()
            except TransientError:
                self._over.wait(0.2)

    def _serve(self) -> None:
        link = Link.open(self._address, Deadline.after(5))
        try:
            link.consume(queue_name(GATE_CHECK), Deadline.after(5))
            while not self._over.is_set():
                message = link.take(0.1)
                if message is not None:
                    event = codec.decode(message.body)
                    self.heard.append(event)
                    for said in self._answer(event):
                        publish_once(self._address, outgoing(said), timeout_s=10)
        finally:
            link.close()
