"""What was said of a waiver or override and counted for nothing, and why."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import RemarkRow


class Remarks(Part):
    """Remarks within one open transaction."""

    def add(self, seq: int, about: str, reason: str) -> None:
        """Record that the event at ``seq`` counts for nothing.

        ``about`` is the id of the waiver or override it speaks of, there or not.
        """
        self._db.execute(insert(tables.remarks).values(seq=seq, about=about, reason=reason))

    def of(self, about: str) -> tuple[RemarkRow, ...]:
        """Return what was said of a waiver or override for nothing, in order of recording."""
        table, box = tables.remarks, tables.inbox
        rows = self._all(
            select(table, box.c.user, box.c.id, box.c.body, box.c.recorded_at)
            .join(box, box.c.seq == table.c.seq)
            .where(table.c.about == about)
            .order_by(table.c.seq)
        )
        return tuple(
            RemarkRow(
                seq=row["seq"],
                user=row["user"],
                event=row["id"],
                body=bytes(row["body"]),
                recorded_at=row["recorded_at"],
                reason=row["reason"],
            )
            for row in rows
        )

    def forget(self, seq: int) -> None:
        """Drop what is no longer said for nothing."""
        self._db.execute(delete(tables.remarks).where(tables.remarks.c.seq == seq))
