"""What time decides, and what hinders it."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

pytest.importorskip("celery")

from devsecops_eda import codec
from devsecops_eda.errors import DevSecOpsError, PublishRefusedError
from devsecops_eda.gate import Gate
from devsecops_eda.gate.core import LATER
from devsecops_eda.ledger import Message
from devsecops_eda.model import Subject
from devsecops_eda.worker.gate_program import GateWorker, OneConnection
from devsecops_eda.worker.intake import Intake
from devsecops_eda.worker.speaking import Speaking
from devsecops_eda.worker.ticking import OWED_AFTER, Timer
from tests.judged import HEAD, NOW, REPO, commit_told, decisions, gate, pushed, semgrep_told, take


class Full(OneConnection):
    """Nacks what the full queue of a check would have to take."""

    def __init__(self) -> None:
        self.down = True
        self.said: list[str] = []

    def repeat(self, message: Message) -> None:
        if self.down or message.key.startswith("scan.requested"):
            raise PublishRefusedError("nack")
        self.said.append(message.key)


def test_a_message_that_is_refused_does_not_hold_back_the_others() -> None:
    judge, now, intake, speaker = gate(), [NOW], Intake("q"), Full()
    worker = GateWorker(judge, publisher=speaker, intake=intake, wait_s=0, clock=lambda: now[0])
    timer = Timer(judge, worker.speaking, intake=intake, clock=lambda: now[0])
    one, two = pushed(), pushed("d" * 40)
    for event in (one, commit_told(one), semgrep_told(one, "x"), two, commit_told(two)):
        worker.take(codec.encode(event).decode(), "ci", 1)
    for second in (1800, 1810):  # the broker is away while silence is decided, then back
        now[0] = NOW + timedelta(seconds=second)
        with suppress(DevSecOpsError):
            timer._tick()
        speaker.down = False
    assert [key.split(".")[0] for key in speaker.said].count("decision") == 2
    assert len(judge.owed(now[0], age=OWED_AFTER)) == 1


class Counting(Gate):
    """Counts how often it is asked to forget, and is done at every third time."""

    calls = 0

    def forget(
        self, now: datetime, *, owner: str, keep: timedelta, after: str | None = None
    ) -> str | None:
        self.calls += 1
        return None if self.calls % 3 == 0 else f"place {self.calls}"


def test_once_an_hour_what_is_old_is_forgotten_some_in_each_tick() -> None:
    made, now, intake = gate(), [NOW], Intake("q")
    made.__class__ = Counting
    assert isinstance(made, Counting)
    speaking = Speaking(made, Full(), lambda: now[0])
    kept = timedelta(days=400)
    timer = Timer(made, speaking, intake=intake, clock=lambda: now[0], retention=kept)
    calls = []
    for minute in (0, 59, 60, 61, 62, 63, 121, 122):
        now[0] = NOW + timedelta(minutes=minute)
        timer._tick()
        calls.append(made.calls)
    assert calls == [0, 0, 1, 2, 3, 3, 3, 4]


def test_one_that_cannot_be_judged_keeps_no_other_undecided_and_is_tried_again() -> None:
    judge, one, two = gate(), pushed(), pushed("d" * 40)
    take(judge, one, commit_told(one), two, commit_told(two))

    def write(body: bytes) -> None:
        broken = text("UPDATE inbox SET body = :body WHERE id = :id")
        with judge._ledger.transaction() as records:
            records.inbox._db.execute(broken, {"body": body, "id": commit_told(one).id})

    write(b"no event")
    over = NOW + timedelta(minutes=30)
    (told,) = decisions(judge.tick(over, owner="o"))
    assert told.subject == Subject.commit(REPO, "d" * 40)
    write(codec.encode(commit_told(one)))
    assert judge.tick(over + LATER - timedelta(seconds=1), owner="o") == ()
    (told,) = decisions(judge.tick(over + LATER, owner="o"))
    assert told.subject == Subject.commit(REPO, HEAD)
