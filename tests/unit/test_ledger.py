"""The ledger: its tables are what its revisions make, and what it is told it keeps."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.errors import InvalidSettingsError, UnavailableError
from devsecops_eda.ledger import open_ledger
from devsecops_eda.ledger.retention import NAMING_EVENTS
from devsecops_eda.ledger.tables import METADATA
from tests.ledger_schema import SCHEMA
from tests.recorded import DAY, NOW, message


@pytest.mark.parametrize("check", SCHEMA, ids=lambda one: one.__name__)
def test_opening_keeps_its_promise_on_sqlite(check: Callable[[str], None], tmp_path: Path) -> None:
    check(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sub' / 'ledger.db'}"
    open_ledger(url).close()
    before = (tmp_path / "sub" / "ledger.db").read_bytes()
    open_ledger(url).close()
    assert (tmp_path / "sub" / "ledger.db").read_bytes() == before


def test_a_database_somebody_else_holds_is_away_and_nothing_is_kept(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{file}", busy_timeout_s=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UnavailableError), ledger.transaction():
        raise AssertionError("a transaction began under another's lock")
    other.execute("ROLLBACK")
    other.close()
    with ledger.transaction() as records:
        assert records.asks.of_flow("any", repo=None) == ()
    ledger.close()


def test_an_error_inside_a_transaction_undoes_all_of_it() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ledger = open_ledger("sqlite://")

    def fail() -> None:
        with ledger.transaction() as records:
            assert records.said.lease("timer", owner="a", now=now, length=timedelta(seconds=9))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with ledger.transaction() as records:
        assert records.said.lease("timer", owner="b", now=now, length=timedelta(seconds=9))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:a-secret@db/gate",
        "postgresql+asyncpg://u:a-secret@db/gate",
        "no url, a-secret",
        "postgresql+psycopg://u:a-secret@db:port/gate",
        "mysql://u:a-secret@x/y",
        "",
    ],
)
def test_a_database_that_is_not_served_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"gate\.database") as caught:
        open_ledger(url)
    assert "a-secret" not in str(caught.value)


def test_a_database_whose_driver_is_not_installed_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from devsecops_eda.ledger import open_ledger\n"
        "open_ledger('postgresql+psycopg://u@db/gate')\n"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "devsecops-eda[postgres]" in done.stderr


def test_a_folder_that_cannot_be_made_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError):
        open_ledger(f"sqlite:///{tmp_path}/file/ledger.db")


def test_one_that_only_reads_holds_back_nobody_who_writes(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", busy_timeout_s=0.1)
    with ledger.reading() as reading:
        assert reading.said.unsent(before=NOW + DAY, limit=9) == ()
        with ledger.transaction() as records:
            records.said.enqueue(message("one"), cause=None, now=NOW)
        assert reading.said.unsent(before=NOW + DAY, limit=9) == ()
    with ledger.reading() as reading:
        assert reading.said.unsent(before=NOW + DAY, limit=9) == (message("one"),)
    ledger.close()


def test_retention_knows_every_table_that_names_events() -> None:
    referring = {
        (table.name, key.parent.name)
        for table in METADATA.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "inbox"
    }
    assert referring == {("messages", "cause"), *((one.name, "seq") for one in NAMING_EVENTS)}
