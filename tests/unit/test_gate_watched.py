"""What is counted of a gate's work: each decision once, and what waits for how long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("celery")

from devsecops_eda.errors import UnavailableError
from devsecops_eda.ledger import Ledger, open_ledger
from devsecops_eda.model import Coverage, Event, Gap
from devsecops_eda.settings import GateSettings, Listen, Repository, Settings
from devsecops_eda.topology import GATE_CHECK, queue_name
from devsecops_eda.worker.gate_watched import LOOK_EVERY_S, TICK_STUCK_S, GateWatch, WatchedGate
from tests.governed import HEADER, PEOPLE, SIMPLE, VOTES, says, vote, wanted
from tests.governed import _loaded as loaded
from tests.governed import rounds as rounds_in
from tests.judged import (
    CHECKS,
    NOW,
    POLICY,
    REPO,
    NoEvidence,
    asked,
    commit_told,
    outcome,
    pushed,
    semgrep_told,
    take,
    told,
)
from tests.unit.test_metrics import value

LATER = NOW + timedelta(seconds=40)


class Shown:
    """A gate that is watched, and the numbers it shows."""

    def __init__(self, text: str) -> None:
        self.now = NOW
        self.ledger: Ledger = open_ledger("sqlite://")
        policy, _ = loaded(text, tuple(sorted(PEOPLE.groups.items())))
        settings = Settings(Path("/state"), gate=GateSettings(metrics=Listen("127.0.0.1", 0)))
        self.watch = GateWatch(settings, policy.gate_names, self.ledger, lambda: self.now)
        self.gate: WatchedGate = self.watch.gate(
            policy=policy,
            checks=CHECKS,
            repositories={REPO: Repository(key=REPO, url="/nowhere")},
            evidence=NoEvidence(),
            people=PEOPLE,
        )

    def shows(self, name: str, **labels: str) -> float | None:
        queue = queue_name(GATE_CHECK)
        return value(self.watch._meters, f"devsecops_{name}", queue=queue, **labels)

    def look(self) -> None:
        assert self.watch.waiting is not None
        self.watch.waiting._looked_at -= LOOK_EVERY_S
        self.watch.waiting.look()

    def took(self, awaits: str, *, gate: str = "merge") -> tuple[float, float]:
        """How many first decisions there were, and how long they took together."""
        count = self.shows("decision_seconds_count", gate=gate, awaits=awaits)
        total = self.shows("decision_seconds_sum", gate=gate, awaits=awaits)
        return count or 0.0, total or 0.0


@pytest.fixture
def shown() -> Iterator[Shown]:
    made = Shown(POLICY)
    yield made
    made.ledger.close()


def test_a_decision_is_counted_once_however_often_it_is_told() -> None:
    shown = Shown(SIMPLE)
    push = pushed()
    take(shown.gate, push, commit_told(push))
    assert shown.shows("decisions_total", gate="merge", verdict="deny") == 0
    events = (semgrep_told(push, "x"), push, asked(push.correlationid))
    for later in range(9):
        take(shown.gate, events[later % 3], now=LATER + timedelta(seconds=later))
    assert shown.shows("decisions_total", gate="merge", verdict="deny") == 1
    assert shown.took("machines") == (1, 40)


def test_the_time_to_a_decision_begins_with_the_event_and_not_with_its_arrival(
    shown: Shown,
) -> None:
    push = replace(pushed(), time=NOW - timedelta(seconds=20))
    take(shown.gate, push)
    take(shown.gate, commit_told(push), semgrep_told(push), now=LATER)
    assert shown.took("machines") == (1, 60)


def test_who_is_told_to_wait_is_counted_and_not_timed(shown: Shown) -> None:
    push = pushed()
    take(shown.gate, push, asked(push.correlationid), asked(push.correlationid, "nowhere"))
    assert shown.shows("decisions_total", gate="merge", verdict="pending") == 1
    # A gate that nobody knows makes no series of its own.
    assert shown.shows("decisions_total", gate="other", verdict="error") == 1
    assert shown.took("machines") == (0, 0)


def test_the_first_decision_of_a_gate_can_be_seen_to_have_been_made(shown: Shown) -> None:
    for awaits in ("machines", "people"):
        for name in ("decision_seconds_count", "decision_seconds_sum"):
            assert shown.shows(name, gate="merge", awaits=awaits) == 0
        in_time = shown.shows("decision_seconds_bucket", gate="merge", awaits=awaits, le="300.0")
        assert in_time == 0


def test_what_time_decides_is_counted_too(shown: Shown) -> None:
    take(shown.gate, pushed())
    shown.gate.tick(NOW + timedelta(minutes=31), owner="one")
    assert shown.shows("decisions_total", gate="merge", verdict="error") == 1
    assert shown.took("machines") == (1, 31 * 60)


def test_a_later_decision_of_the_same_flow_is_counted_and_not_timed() -> None:
    shown = Shown(SIMPLE)
    push = pushed()
    take(shown.gate, push, commit_told(push), semgrep_told(push))
    later = timedelta(hours=1)
    again = replace(semgrep_told(push, "x"), time=NOW + later)
    take(shown.gate, again, now=NOW + later)
    assert shown.shows("decisions_total", gate="merge", verdict="allow") == 1
    assert shown.shows("decisions_total", gate="merge", verdict="deny") == 1
    assert shown.took("machines") == (1, 0)


def test_two_meanings_of_one_outcome_are_counted_when_the_second_comes(shown: Shown) -> None:
    push = pushed()
    first, second = semgrep_told(push), semgrep_told(push, "x")
    take(shown.gate, push, first)
    assert shown.shows("conflicting_outcomes_total", check="semgrep") == 0
    take(shown.gate, second, now=LATER)
    take(shown.gate, first, second, now=LATER + timedelta(seconds=1))
    assert shown.shows("conflicting_outcomes_total", check="semgrep") == 1


def other_meaning(push: Event) -> Event:
    gap = Coverage(2, 1, (Gap("b.py", "too large"),))
    return told(outcome("semgrep", push, coverage=gap), push)


def test_coverage_is_part_of_the_meaning(shown: Shown) -> None:
    push = pushed()
    take(shown.gate, push, semgrep_told(push))
    take(shown.gate, other_meaning(push), now=LATER)
    assert shown.shows("conflicting_outcomes_total", check="semgrep") == 1


def test_what_waits_is_shown_by_gate_and_goes_on_ageing(shown: Shown) -> None:
    shown.look()
    assert shown.shows("pending", gate="merge", awaits="machines") == 0
    assert shown.shows("oldest_pending_seconds", gate="merge", awaits="machines") == 0
    one, two = pushed(), pushed("d" * 40)
    take(shown.gate, one)
    take(shown.gate, two, now=LATER)
    shown.look()
    shown.now = NOW + timedelta(seconds=100)
    assert shown.shows("pending", gate="merge", awaits="machines") == 2
    assert shown.shows("oldest_pending_seconds", gate="merge", awaits="machines") == 100
    take(shown.gate, commit_told(one), semgrep_told(one), now=LATER)
    shown.look()
    assert shown.shows("pending", gate="merge", awaits="machines") == 1
    assert shown.shows("oldest_pending_seconds", gate="merge", awaits="machines") == 60
    assert shown.shows("pending", gate="release", awaits="machines") == 0


def test_what_is_owed_is_shown_until_the_broker_has_it(shown: Shown) -> None:
    push = pushed()
    said = take(shown.gate, push, commit_told(push), semgrep_told(push))
    shown.look()
    shown.now = NOW + timedelta(seconds=7)
    assert shown.shows("owed_messages") == len(said) > 0
    assert shown.shows("oldest_owed_seconds") == 7
    shown.gate.published(tuple(said), NOW)
    shown.look()
    assert shown.shows("owed_messages") == shown.shows("oldest_owed_seconds") == 0


def test_the_ledger_is_not_asked_at_every_tick(shown: Shown) -> None:
    shown.gate.tick(NOW, owner="one")
    take(shown.gate, pushed())
    shown.gate.tick(NOW, owner="one")
    assert shown.shows("pending", gate="merge", awaits="machines") == 0


def test_a_flow_that_waits_for_votes_is_told_apart_from_one_that_waits_for_machines() -> None:
    shown = Shown(HEADER + VOTES)
    push, request = pushed(), wanted()
    take(shown.gate, push, commit_told(push), semgrep_told(push))
    said = says(shown.gate, "grace", request)
    shown.look()
    assert shown.shows("pending", gate="deploy", awaits="people") == 1
    assert shown.shows("pending", gate="deploy", awaits="machines") == 0
    at = NOW + timedelta(hours=1)
    (round_,) = rounds_in(said)
    for name in ("ada", "linus"):
        says(shown.gate, name, vote(round_), now=at)
    assert shown.shows("decisions_total", gate="deploy", verdict="allow") == 1
    assert shown.took("people", gate="deploy") == (1, 3600)
    shown.look()
    assert shown.shows("pending", gate="deploy", awaits="people") == 0


class Broken(Ledger):
    """A ledger that takes everything and can be asked nothing."""

    error: Exception

    def reading(self):  # type: ignore[no-untyped-def]
        raise self.error


@pytest.mark.parametrize("error", [UnavailableError("away"), KeyError("a fault of ours")])
def test_what_cannot_be_counted_is_decided_all_the_same(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    shown = Shown(POLICY)
    broken = Broken(shown.ledger._engine)
    broken.error = error
    shown.gate._memory = broken
    push = pushed()
    said = take(shown.gate, push, commit_told(push), semgrep_told(push))
    assert any(message.key.startswith("decision.made") for message in said)
    assert "cannot be counted" in caplog.text


def test_a_timer_that_stands_still_is_no_health(shown: Shown) -> None:
    assert shown.gate.stuck() is None
    shown.gate._ticked_at -= TICK_STUCK_S + 1
    assert "timer" in (shown.gate.stuck() or "")
    shown.gate.tick(NOW, owner="one")
    assert shown.gate.stuck() is None


def test_a_gate_that_nobody_watches_counts_nothing(tmp_path: Path) -> None:
    ledger = open_ledger("sqlite://")
    watch = GateWatch(Settings(tmp_path), ("merge",), ledger, lambda: NOW)
    assert watch.waiting is None
