"""The ledger: its tables are what its revisions make, and what it is told it keeps."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from devsecops_eda.errors import InvalidSettingsError, UnavailableError
from devsecops_eda.ledger import open_ledger
from devsecops_eda.ledger.tables import METADATA


def test_the_revisions_make_the_tables_the_code_uses(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    open_ledger(f"sqlite:///{file}").close()
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}
    engine.dispose()


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


@pytest.mark.parametrize("url", ["postgresql://db/gate", "no url", "mysql://x/y"])
def test_a_database_that_is_not_served_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"gate\.database"):
        open_ledger(url)


def test_a_folder_that_cannot_be_made_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError):
        open_ledger(f"sqlite:///{tmp_path}/file/ledger.db")
