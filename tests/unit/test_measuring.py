"""What is counted of a worker's work, and what its gauges say of the broker."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("celery")

from celery.exceptions import Reject

from devsecops_eda import topology
from devsecops_eda.codec import MAX_REJECT_BYTES
from devsecops_eda.errors import (
    BrokerBlockedError,
    BrokerUnreachableError,
    DevSecOpsError,
    FailureReason,
    NotAuthorisedError,
    PublishRefusedError,
    PublishTimeoutError,
    UnroutableError,
)
from devsecops_eda.metrics import Direct, Meters
from devsecops_eda.model import Coverage, Event, Failure, Gap, OutcomeStatus, Severity
from devsecops_eda.topology import Identities
from devsecops_eda.worker import watched
from devsecops_eda.worker.doorway import Doorway
from devsecops_eda.worker.handling import Handling
from devsecops_eda.worker.mainloop import STUCK_S, MainLoop
from devsecops_eda.worker.measuring import MeasuredPhases, MeasuredPublisher, count_outcome
from devsecops_eda.worker.refusing import DeadLetter
from tests.judged import NOW, outcome, pushed
from tests.unit.test_doorway import good
from tests.unit.test_metrics import value, worker

PUSH = pushed()


class Broker:
    """Takes what it is given, or fails as a test says."""

    error: DevSecOpsError | None = None

    def tell(self, event: Event) -> None:
        if self.error is not None:
            raise self.error

    def bury(self, letter: DeadLetter) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "confirmed"),
        (BrokerBlockedError("x"), "blocked"),
        (BrokerUnreachableError("x"), "unreachable"),
        (PublishTimeoutError("x"), "timeout"),
        (UnroutableError("x"), "unroutable"),
        (PublishRefusedError("x"), "refused"),
        (NotAuthorisedError("x"), "not_authorised"),
        (DevSecOpsError("x"), "other"),
    ],
)
def test_each_try_to_publish_is_counted_by_what_became_of_it(
    error: DevSecOpsError | None, word: str
) -> None:
    meters, broker = worker(), Broker()
    broker.error = error
    letter = DeadLetter(b"", {topology.REASON_HEADER: "schema"})
    publisher = MeasuredPublisher(broker, Direct(meters))
    acts: tuple[Callable[[], None], ...] = (
        lambda: publisher.tell(PUSH),
        lambda: publisher.bury(letter),
    )
    for act in acts:
        if error is None:
            act()
        else:
            with pytest.raises(type(error)):
                act()
    assert value(meters, "devsecops_publishes_total", result=word) == 2
    result = "ok" if error is None else "failed"
    assert value(meters, "devsecops_stage_seconds_count", stage="publish", result=result) == 2
    # Refused is what stands in the dead letters, not what was to be put there.
    refused = value(meters, "devsecops_refused_total", reason="schema")
    assert refused == (1 if error is None else 0)


def counted(**more: Any) -> Meters:
    meters = worker()
    found = outcome("semgrep", PUSH, "a", "b", severity=Severity.CRITICAL)
    count_outcome(Direct(meters), replace(found, **more), 1.5)
    return meters


def scans(meters: Meters, result: str) -> float | None:
    return value(meters, "devsecops_scans_total", check="semgrep", result=result)


def test_a_run_is_counted_by_its_result() -> None:
    gaps = Coverage(3, 1, (Gap("a", "x"), Gap("b", "y")))
    failure = Failure(FailureReason.TIMEOUT, "slow")
    assert scans(counted(), "completed") == 1
    assert scans(counted(applicable=False), "not_applicable") == 1
    incomplete = counted(coverage=gaps)
    assert scans(incomplete, "incomplete") == 1
    assert scans(incomplete, "completed") == 0
    assert value(incomplete, "devsecops_coverage_gaps_total", check="semgrep") == 2
    failed = counted(status=OutcomeStatus.FAILED, failure=failure, findings=())
    assert scans(failed, "timeout") == 1
    for meters, result in ((incomplete, "ok"), (failed, "failed")):
        count = value(meters, "devsecops_stage_seconds_count", stage="scan", result=result)
        assert count == 1


def test_findings_are_counted_by_severity() -> None:
    meters = counted()
    found = {
        one.word: value(meters, "devsecops_findings_total", check="semgrep", severity=one.word)
        for one in Severity
    }
    assert found == {**dict.fromkeys(found, 0.0), "critical": 2.0}


def test_phases_are_stages_and_none_is_kept() -> None:
    meters = worker()
    phases = MeasuredPhases(Direct(meters))
    for name in ("tree", "select", "scanner", "findings"):
        with phases.of("semgrep", name):
            pass
        assert value(meters, "devsecops_stage_seconds_count", stage=name, result="ok") == 1
    assert phases.done == []


def test_each_delivery_is_counted_by_what_the_door_did() -> None:
    meters = worker()
    door = Doorway("semgrep", identities=Identities(), stop=lambda: None, recorder=Direct(meters))
    too_large, ours = good(), good()
    too_large.body = b"x" * (MAX_REJECT_BYTES + 1)
    ours.properties = {"application_headers": 5}  # what no transport delivers
    broken = good()
    broken.body = b"{"
    again = good(**{"x-delivery-count": 2})
    for number, (message, word) in enumerate(
        ((good(), "admitted"), (again, "admitted"), (broken, "refused"), (too_large, "rejected"),
         (ours, "failed"))
    ):  # fmt: skip
        before = value(meters, "devsecops_deliveries_total", result=word)
        door.admit(message)
        assert value(meters, "devsecops_deliveries_total", result=word) == (before or 0) + 1
        redelivered = value(meters, "devsecops_redeliveries_total")
        assert redelivered == (1 if number else 0)
    # What was too large is in the dead letters already; the others are counted when they are.
    assert value(meters, "devsecops_refused_total", reason="too_large") == 1


def test_what_is_given_back_is_counted() -> None:
    meters = worker()
    broker = Broker()
    broker.error = BrokerUnreachableError("away")
    handling = Handling(
        "semgrep", publisher=broker, wait_s=0, clock=lambda: NOW, recorder=Direct(meters)
    )
    origin = {"queue": "devsecops.check.semgrep", "routing_key": "", "user": ""}
    with pytest.raises(Reject):
        handling.refuse("", "not_json", "no JSON", "", origin, {}, {})
    assert value(meters, "devsecops_given_back_total") == 1


def test_a_worker_is_blocked_while_the_last_try_to_publish_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meters, broker = worker(), Broker()
    publisher = MeasuredPublisher(broker, Direct(meters))
    assert not watched._blocked(meters)
    broker.error = BrokerBlockedError("x")
    with pytest.raises(BrokerBlockedError):
        publisher.tell(PUSH)
    assert watched._blocked(meters)
    # The child that said so may be gone by now.
    monkeypatch.setattr(watched, "BLOCKED_FOR_S", 0.0)
    assert not watched._blocked(meters)
    monkeypatch.undo()
    broker.error = None
    publisher.tell(PUSH)
    assert not watched._blocked(meters)


class Celery:
    """A Celery worker as far as the main loop is looked at."""

    def __init__(self) -> None:
        self.consumer = self
        self.connection: Any = self
        self.connected = True
        self.task_consumer: Any = self
        self.turned_at = 0.0


def test_a_loop_is_healthy_while_it_turns_and_while_it_waits_for_the_broker() -> None:
    loop, celery = MainLoop(), Celery()
    assert loop.unconnected() == "not connected to the broker"
    assert loop.stuck() is None
    loop.attach(celery)
    assert loop.unconnected() is None
    assert loop.stuck() is None
    loop._attached_at -= STUCK_S + 1
    assert "has not turned" in (loop.stuck() or "")
    celery.turned_at = loop._attached_at + STUCK_S
    assert loop.stuck() is None
    celery.turned_at = 0.0
    celery.connected = False
    assert (loop.unconnected(), loop.stuck()) == ("not connected to the broker", None)
    celery.connected, celery.task_consumer = True, None
    assert loop.unconnected() == "does not consume yet"
