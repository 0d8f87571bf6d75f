"""What all parts of the records have in common: the connection of one open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping


class Part:
    """One part of the records, for as long as the transaction is open."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection of the open transaction."""
        self._db = connection

    def _all(self, statement: Any) -> Sequence[RowMapping]:
        return self._db.execute(statement).mappings().all()

    def _one(self, statement: Any) -> RowMapping | None:
        return self._db.execute(statement).mappings().first()
