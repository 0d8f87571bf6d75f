"""From an event to the event that answers it, whatever goes wrong on the way."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from devsecops_eda.checks import (
    Check,
)
from devsecops_eda.errors import FailureReason, UnavailableError
from devsecops_eda.model import (
    Coverage,
    Event,
    Finding,
    Outcome,
    OutcomeStatus,
    Severity,
    Tool,
)
from devsecops_eda.scanning import Answering, Assignment, Scanning, assignment
from devsecops_eda.scanning.shaping import completed
from tests.examples import golden
from tests.judged import NoEvidence

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUSH = golden("commit.pushed", "branch_with_target")
TASK = assignment(PUSH, "pycheck")


class AnyCheck(Check):
    """A check whose work the test scripts."""

    name = "pycheck"


@dataclass
class Scripted(Scanning):
    """A scanning that does what a test says, time after time."""

    script: list[Outcome | Exception]

    def outcome(self, check: Check, task: Assignment) -> Outcome:
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def found(*findings: Finding) -> Outcome:
    return completed(TASK, tool=Tool("pycheck", "1"), coverage=Coverage(1, 1), findings=findings)


def answer(
    *script: Outcome | Exception,
    evidence: NoEvidence | None = None,
    wait_s: float = 5.0,
    attempts: int = 1,
) -> Event:
    answering = Answering(
        AnyCheck(),
        Scripted(list(script)),
        evidence=evidence or NoEvidence(),
        clock=lambda: NOW,
        wait_s=wait_s,
        max_attempts=5,
    )
    return answering.answer(PUSH, user="ci", attempts=attempts)


def failure_of(event: Event) -> FailureReason:
    assert isinstance(event.data, Outcome)
    assert event.data.failure is not None
    return event.data.failure.reason


def test_an_answer_stands_in_the_slot_of_its_event_and_check() -> None:
    event = answer(found())
    assert event.correlationid == PUSH.correlationid
    assert event.causationid == PUSH.id
    assert event.id == answer(found()).id


def test_what_is_away_for_a_moment_is_waited_for() -> None:
    event = answer(UnavailableError("git"), UnavailableError("git"), found())
    assert isinstance(event.data, Outcome)
    assert event.data.status is OutcomeStatus.COMPLETED


def test_what_stays_away_is_no_verdict() -> None:
    event = answer(UnavailableError("git"), wait_s=0)
    assert failure_of(event) is FailureReason.UNAVAILABLE


def test_a_bug_of_ours_is_no_verdict_and_tells_nothing_of_its_text() -> None:
    event = answer(ValueError("hunter2"))
    assert failure_of(event) is FailureReason.INTERNAL
    assert "hunter2" not in str(event)


@pytest.mark.parametrize(("attempts", "crashed"), [(5, False), (6, True)])
def test_after_five_attempts_the_scanner_is_not_run_again(attempts: int, crashed: bool) -> None:
    event = answer(found(), attempts=attempts)
    assert isinstance(event.data, Outcome)
    assert (event.data.failure is not None) is crashed
    if crashed:
        assert failure_of(event) is FailureReason.CRASHED


def test_a_large_outcome_goes_to_the_evidence_store_by_its_digest() -> None:
    store = NoEvidence()
    many = tuple(
        Finding(f"rule-{n}", "app.py", n, Severity.LOW, "m" * 400, f"{n:032x}:0", f"{n:032x}:0")
        for n in range(400)
    )
    event = answer(found(*many), evidence=store)
    assert event.datadigest in store.held
    small = answer(found(*many[:2]), evidence=store)
    assert small.datadigest is None


def test_an_evidence_store_that_stays_away_is_no_verdict() -> None:
    store = NoEvidence()
    store.away = True
    many = tuple(
        Finding(f"rule-{n}", "app.py", n, Severity.LOW, "m" * 400, f"{n:032x}:0", f"{n:032x}:0")
        for n in range(400)
    )
    assert failure_of(answer(found(*many), evidence=store, wait_s=0)) is FailureReason.UNAVAILABLE
