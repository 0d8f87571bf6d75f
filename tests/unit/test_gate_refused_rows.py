"""A row the database does not take is no ledger that is away: it would be waited for for ever."""

import pytest
from sqlalchemy import text

from devsecops_eda.errors import RacedError, UnwritableError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import open_ledger
from tests.governed import governed
from tests.judged import NOW, pushed


def test_what_the_database_refuses_ends_as_a_bug_and_the_gate_goes_on() -> None:
    judge: Gate = governed()
    with judge._ledger.transaction() as records:
        records.inbox._db.execute(
            text(
                "CREATE TRIGGER refuses BEFORE INSERT ON causes"
                " BEGIN SELECT RAISE(ABORT, 'no such row'); END"
            )
        )
    with pytest.raises(UnwritableError, match="the ledger refused it 5 times"):
        judge.take(pushed(), user="ci", now=NOW)
    with judge._ledger.transaction() as records:
        records.inbox._db.execute(text("DROP TRIGGER refuses"))
    judge.take(pushed(), user="ci", now=NOW)


def test_two_that_write_the_same_are_told_from_a_ledger_that_is_away() -> None:
    ledger = open_ledger("sqlite://")
    twice = text("INSERT INTO leases VALUES ('n', 'o', 'u'), ('n', 'p', 'u')")
    with pytest.raises(RacedError), ledger.transaction() as records:
        records.inbox._db.execute(twice)
