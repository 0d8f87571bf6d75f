"""The ledger on PostgreSQL: the same promises, and several gates at once."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from devsecops_eda.errors import UnavailableError
from devsecops_eda.ledger import Ledger, open_ledger
from tests.ledger_naming import NAMING
from tests.ledger_people import PEOPLE
from tests.ledger_promises import RECORDS
from tests.ledger_retention import RETENTION
from tests.ledger_schema import SCHEMA
from tests.recorded import DAY, MINUTE, NOW, OTHER, REPO, heard, message, named, wish
from tests.rig.postgres import PostgresServer
from tests.rig.waiting import eventually

PROMISES = [*RECORDS.all, *NAMING.all, *PEOPLE.all, *RETENTION.all]

HOLDER = """
import sys, time
from devsecops_eda.ledger import open_ledger
with open_ledger(sys.argv[1]).transaction(sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""
GRANTER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from tests.recorded import NOW, REPO, named
from devsecops_eda.ledger import open_ledger

ledger = open_ledger(sys.argv[1], busy_timeout_s=60)

def grant(number):
    with ledger.transaction(REPO) as records:
        records.waivers.grant(
            named("w"), user="u", person=None, groups=(), event_id=str(number), now=NOW
        )

with ThreadPoolExecutor(3) as pool:
    list(pool.map(grant, range(30)))
"""


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[Ledger]:
    opened = open_ledger(postgres_url, busy_timeout_s=2)
    yield opened
    opened.close()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.__name__)
def test_a_promise_is_kept_by_postgresql(promise: Callable[[Ledger], None], ledger: Ledger) -> None:
    promise(ledger)


@pytest.mark.parametrize("check", SCHEMA, ids=lambda one: one.__name__)
def test_opening_keeps_its_promise_on_postgresql(
    check: Callable[[str], None], postgres_url: str
) -> None:
    check(postgres_url)


def _child(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (sys.executable, "-c", code, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(postgres_url: str, ledger: Ledger) -> Iterator["subprocess.Popen[str]"]:
    """Another gate that holds REPO in an open transaction."""
    child = _child(HOLDER, postgres_url, REPO)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_transactions_about_one_repository_stand_in_line_among_processes(
    postgres_url: str, ledger: Ledger
) -> None:
    with ledger.transaction() as records:
        seq = heard(records, "wish")
        records.waivers.request(
            seq,
            waiver=named("w"),
            request=wish(),
            user="u",
            person=None,
            event_id="wish",
            now=NOW,
        )
    # Each grant takes the number after the last: two at once would take the same and fail.
    children = [_child(GRANTER, postgres_url) for _ in range(2)]
    assert [child.wait(120) for child in children] == [0, 0]
    for child in children:
        assert child.stdout is not None
        child.stdout.close()
    with ledger.reading() as records:
        row = records.waivers.get(named("w"))
        assert row is not None
        assert len(row.grants) == 60


@pytest.mark.usefixtures("holder")
def test_a_repository_that_is_held_too_long_is_away_and_others_are_not(ledger: Ledger) -> None:
    with pytest.raises(UnavailableError, match="lock timeout"), ledger.transaction(REPO):
        raise AssertionError("two transactions about one repository")
    with ledger.transaction(OTHER) as records:
        heard(records, "other")
    with ledger.transaction() as records:
        assert records.said.lease("timer", owner="a", now=NOW, length=MINUTE)
        assert records.said.unsent(before=NOW, limit=9) == ()
    with ledger.reading() as records:
        assert records.asks.due(NOW, limit=9) == ()


def test_a_gate_that_is_killed_frees_what_it_held(
    holder: "subprocess.Popen[str]", ledger: Ledger
) -> None:
    holder.kill()
    with ledger.transaction(REPO) as records:
        heard(records, "one")


def test_one_of_many_that_want_the_lease_at_once_gets_it(ledger: Ledger) -> None:
    for turn in range(10):
        start = threading.Barrier(8)

        def take(owner: int, at: timedelta = turn * DAY, start: threading.Barrier = start) -> bool:
            start.wait()
            with ledger.transaction() as records:
                return records.said.lease("timer", owner=f"{owner}", now=NOW + at, length=MINUTE)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1


def test_gates_that_mark_the_same_messages_do_not_block_each_other(ledger: Ledger) -> None:
    ids = [named(f"{number}") for number in range(50)]
    with ledger.transaction() as records:
        for number in range(50):
            records.said.enqueue(message(f"{number}"), cause=None, now=NOW)

    def mark(number: int) -> None:
        with ledger.transaction() as records:
            records.said.mark_sent(ids if number % 2 else reversed(ids), now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(mark, range(40)))


def test_an_event_told_to_two_gates_at_once_is_recorded_once_and_no_error_repeats_it(
    ledger: Ledger, postgres: PostgresServer
) -> None:
    wrote = threading.Event()

    def second() -> str:
        wrote.wait()
        with pytest.raises(UnavailableError) as caught, ledger.transaction() as records:
            heard(records, "a-secret")
        return str(caught.value)

    with ThreadPoolExecutor(1) as pool, postgres.connect() as connection:
        other = pool.submit(second)
        with ledger.transaction() as records:
            seq = heard(records, "a-secret")
            wrote.set()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            eventually(
                lambda: connection.execute(waiting).fetchone() != (0,),
                timeout_s=10,
                what="the second waits for the first",
            )
        said = other.result()
    assert "unique" in said
    assert "a-secret" not in said
    with ledger.transaction() as records:
        assert heard(records, "a-secret") == seq


def test_what_is_read_is_one_state_while_others_write(ledger: Ledger) -> None:
    with ledger.reading() as reading:
        assert reading.said.unsent(before=NOW + DAY, limit=9) == ()
        with ledger.transaction() as records:
            records.said.enqueue(message("one"), cause=None, now=NOW)
        assert reading.said.unsent(before=NOW + DAY, limit=9) == ()
    with ledger.reading() as reading:
        assert reading.said.unsent(before=NOW + DAY, limit=9) == (message("one"),)
