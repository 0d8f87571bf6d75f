"""What all parts of the records have in common: the connection of one open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite


class Part:
    """One part of the records, for as long as the transaction is open."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection of the open transaction."""
        self._db = connection

    def _all(self, statement: Any) -> Sequence[RowMapping]:
        return self._db.execute(statement).mappings().all()

    def _one(self, statement: Any) -> RowMapping | None:
        return self._db.execute(statement).mappings().first()

    def _add(self, table: Table, **values: object) -> bool:
        """Add a row; False where there is one with its key, which stays as it is."""
        insert = upsert(self._db, table).values(**values).on_conflict_do_nothing()
        return self._one(insert.returning(*table.primary_key)) is not None


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert into ``table`` that may say what happens where the row is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
