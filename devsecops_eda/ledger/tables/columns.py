"""What all tables share: one collection of tables, and how an instant is kept."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()


class Instant(TypeDecorator[datetime]):
    """A UTC instant, kept as text that sorts in time order on every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write an aware datetime as RFC 3339 UTC with microseconds."""
        if value is None:
            return None
        # Not strftime: it does not pad the years before 1000, and text would not sort.
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read it back as an aware datetime."""
        return None if value is None else datetime.fromisoformat(value)
