"""What opening a ledger promises, on whichever database; each check is given its URL."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.ledger import open_ledger
from devsecops_eda.ledger.tables import METADATA
from tests.recorded import HEAD

SCHEMA: list[Callable[[str], None]] = []


def _check(check: Callable[[str], None]) -> Callable[[str], None]:
    SCHEMA.append(check)
    return check


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _move(connection: Connection, to: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "devsecops_eda:migrations")
    config.attributes["connection"] = connection
    to(config, revision)


@_check
def the_revisions_make_the_tables_the_code_uses(url: str) -> None:
    open_ledger(url).close()
    with _connected(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}


@_check
def every_revision_can_be_taken_back(url: str) -> None:
    open_ledger(url).close()
    with _connected(url) as connection:
        _move(connection, command.downgrade, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    open_ledger(url).close()


@_check
def what_was_remarked_before_a_column_had_another_name_is_kept(url: str) -> None:
    open_ledger(url).close()
    row = ("0" * 36, "too early")
    with _connected(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE remarks DROP CONSTRAINT remarks_seq_fkey"))
        _move(connection, command.downgrade, "0004")
        statement = text("INSERT INTO remarks (seq, waiver, reason) VALUES (1, :about, :reason)")
        connection.execute(statement, dict(zip(("about", "reason"), row, strict=True)))
    open_ledger(url).close()
    with _connected(url) as connection:
        found = connection.execute(text("SELECT about, reason FROM remarks")).one()
        assert tuple(found) == row


@_check
def a_ledger_of_a_newer_release_is_refused_and_left_alone(url: str) -> None:
    open_ledger(url).close()
    with _connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InvalidSettingsError, match=r"gate\.database.* 9999.*knows 0005"):
        open_ledger(url)
    with _connected(url) as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        assert found == "9999"


@_check
def tables_of_something_else_are_not_taken_over(url: str) -> None:
    with _connected(url) as connection:
        connection.execute(text("CREATE TABLE inbox (mail TEXT)"))
    with pytest.raises(InvalidSettingsError, match=r"something else already \(inbox\)"):
        open_ledger(url)
    with _connected(url) as connection:
        assert inspect(connection).get_table_names() == ["inbox"]


@_check
def what_was_decided_before_stands_after_the_upgrade(url: str) -> None:
    with _connected(url) as connection:
        _move(connection, command.upgrade, "0001")
        for number, words in enumerate(("one", "two")):
            connection.execute(
                text(
                    "INSERT INTO decisions (id, gate, subject, target, policy_digest,"
                    " inputs_digest, verdict, decided_at) VALUES"
                    " (:id, 'merge', :subject, 'main', 'p', 'i', 'allow', :at)"
                ),
                {
                    "id": words,
                    "subject": str(HEAD),
                    "at": f"2026-03-01T12:0{number}:00.000000Z",
                },
            )
    ledger = open_ledger(url)
    with ledger.transaction() as records:
        (stands,) = records.said.decisions_about([HEAD])
        assert (stands.id, stands.subject) == ("two", HEAD)
    ledger.close()


@_check
def several_that_open_it_at_once_all_find_it_up_to_date(url: str) -> None:
    start = threading.Barrier(4)

    def opening(_number: int) -> None:
        start.wait()
        open_ledger(url, busy_timeout_s=30).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opening, range(4)))
