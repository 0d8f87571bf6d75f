"""Whether a program is ready: asked of the world, bounded in time, and true again at once."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.checks import CheckSettings, Inputs, Plan, Report, Scanner, Selection, Tree
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason, UnavailableError
from devsecops_eda.metrics import Need
from devsecops_eda.model import DataVersion
from devsecops_eda.watch import Answer, Freshness, Readiness, readiness
from tests.rig.waiting import eventually

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ready(**asked: Callable[[], str | None]) -> Readiness:
    return Readiness({Need(name): Answer(ask, good_s=0) for name, ask in asked.items()})


def refuses(error: Exception) -> Callable[[], str | None]:
    def ask() -> str | None:
        raise error

    return ask


def test_each_need_says_why_it_is_not_met() -> None:
    asked = ready(
        broker=lambda: None,
        ledger=refuses(UnavailableError("the ledger is away: locked")),
        data=refuses(CheckError(FailureReason.STALE_DATA, "too old")),
        scanner=refuses(ConfigurationError("not there")),
        sandbox=lambda: "bwrap is not installed",
        evidence=refuses(ZeroDivisionError()),
    )
    assert asked.asked() == {
        "broker": None,
        "ledger": "the ledger is away: locked",
        "data": "too old",
        "scanner": "not there",
        "sandbox": "bwrap is not installed",
        "evidence": "cannot be told: ZeroDivisionError",
    }
    assert asked.reading() == {
        ("broker",): 1,
        **{(name,): 0 for name in ("ledger", "data", "scanner", "sandbox", "evidence")},
    }


def test_what_changes_is_told_at_the_next_question() -> None:
    why: list[str | None] = ["away"]
    asked = ready(broker=lambda: why[0])
    for now in ("away", None, "away again"):
        why[0] = now
        assert asked.asked() == {"broker": now}


def test_a_question_that_hangs_is_not_met_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_S", 0.2)
    let_go, times = threading.Event(), []

    def hangs() -> None:
        times.append(1)
        let_go.wait(30)

    asked = ready(ledger=hangs, broker=lambda: None)
    for _ in range(3):
        begun = time.monotonic()
        assert asked.asked() == {"ledger": "no answer within 0.2 s", "broker": None}
        assert time.monotonic() - begun < 2
    assert asked.reading() == {("ledger",): 0, ("broker",): 1}
    assert len(times) == 1
    let_go.set()
    eventually(lambda: asked.asked()["ledger"] is None, timeout_s=10, what="it answers again")


def test_an_answer_is_believed_for_a_while_and_a_bad_one_for_a_tenth_of_it() -> None:
    times: list[int] = []
    why: list[str | None] = [None]

    def ask() -> str | None:
        times.append(1)
        return why[0]

    asked = Readiness({Need.DATA: Answer(ask, good_s=100)})
    asked.asked()
    why[0] = "gone"
    assert asked.asked() == {"data": None}
    asked._last[Need.DATA].known_at = time.monotonic() - 101
    assert asked.asked() == {"data": "gone"}
    why[0] = None
    assert asked.asked() == {"data": "gone"}
    asked._last[Need.DATA].known_at = time.monotonic() - 11
    assert asked.asked() == {"data": None}
    assert len(times) == 3


def test_a_need_that_no_thread_can_ask_for_is_not_met_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Exhausted(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    asked = ready(broker=lambda: None)
    with monkeypatch.context() as system:
        system.setattr(threading, "Thread", Exhausted)
        assert asked.asked() == {"broker": "cannot be asked: can't start new thread"}
        assert asked.reading() == {("broker",): 0}
    assert asked.asked() == {"broker": None}


def test_a_scrape_waits_for_no_answer() -> None:
    let_go = threading.Event()

    def slow() -> None:
        let_go.wait(30)

    asked = ready(ledger=slow)
    assert asked.reading() == {}
    let_go.set()
    eventually(lambda: asked.reading() == {("ledger",): 1.0}, timeout_s=10, what="it is known")


class Dated(Scanner):
    """A scanner whose data a file dates, and which may be away."""

    name = "dated"
    tool = "dated"
    reads = 0

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        self.reads += 1
        if settings.database is None:
            return Inputs(rules_digest="sha256:1")
        file = settings.database / "date"
        if not file.exists():
            raise CheckError(FailureReason.NO_DATA, "there is none")
        date = datetime.fromisoformat(file.read_text())
        if (now - date).total_seconds() > settings.max_age_s:
            raise CheckError(FailureReason.STALE_DATA, "the scanner says it is too old")
        return Inputs(data=DataVersion("sha256:2", date))

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        raise NotImplementedError

    def command(self, plan: Plan) -> list[str]:
        raise NotImplementedError

    def parse(self, output: bytes, plan: Plan) -> Report:
        raise NotImplementedError


@pytest.fixture
def settings(tmp_path: Path) -> CheckSettings:
    return CheckSettings("dated", database=tmp_path, max_age_s=3 * 86400)


def test_data_grows_old_while_nobody_touches_it_and_is_read_once(settings: CheckSettings) -> None:
    now, check = [NOW], Dated()
    fresh = Freshness(check, settings, lambda: now[0])
    assert settings.database is not None
    (settings.database / "date").write_text((NOW - timedelta(days=1)).isoformat())
    assert fresh.lacking() is None
    assert fresh.age() == {("dated",): 86400}
    assert fresh.max_age() == {("dated",): 3 * 86400}
    now[0] = NOW + timedelta(days=2, seconds=1)
    with pytest.raises(CheckError, match="older than 3 days") as caught:
        fresh.lacking()
    assert caught.value.reason is FailureReason.STALE_DATA
    # What is too old still has an age.
    assert fresh.age() == {("dated",): 3 * 86400 + 1}
    assert check.reads == 1


def test_data_that_is_replaced_or_taken_away_is_read_again(settings: CheckSettings) -> None:
    check = Dated()
    fresh = Freshness(check, settings, lambda: NOW)
    assert settings.database is not None
    file = settings.database / "date"
    with pytest.raises(CheckError, match="there is none"):
        fresh.lacking()
    assert fresh.age() == fresh.max_age() == {}
    file.write_text(NOW.isoformat())
    fresh.lacking()
    assert fresh.age() == {("dated",): 0}
    file.unlink()
    with pytest.raises(CheckError, match="there is none"):
        fresh.lacking()
    assert fresh.age() == {}


def test_a_folder_that_is_not_there_is_no_data(settings: CheckSettings) -> None:
    assert settings.database is not None
    gone = replace(settings, database=settings.database / "gone")
    with pytest.raises(CheckError, match="there is none"):
        Freshness(Dated(), gone, lambda: NOW).lacking()


def test_rules_alone_have_no_age_and_are_not_read_at_every_question() -> None:
    check = Dated()
    fresh = Freshness(check, CheckSettings("dated"), lambda: NOW)
    for _ in range(3):
        assert fresh.lacking() is None
    assert fresh.age() == {}
    assert check.reads == 1
