"""Overrides of decisions, and their reviews."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import OverrideRow
from devsecops_eda.ledger.written import from_bytes, to_bytes
from devsecops_eda.model import OverrideState, OverrideTold


class Overrides(Part):
    """Overrides within one open transaction."""

    def add(self, seq: int, *, told: OverrideTold, now: datetime) -> None:
        """Record an override as it stands; ``seq`` is the place of who asked for it."""
        self._db.execute(
            insert(tables.overrides).values(
                override=told.override, seq=seq, repo=told.repo, requested_at=now, **_shown(told)
            )
        )

    def update(self, override: str, told: OverrideTold) -> None:
        """Record how an override stands by now."""
        table = tables.overrides
        self._db.execute(update(table).where(table.c.override == override).values(**_shown(told)))

    def review(
        self,
        override: str,
        *,
        event_id: str,
        reviewer: str,
        justified: bool,
        comment: str,
        now: datetime,
    ) -> None:
        """Record what another person thinks of an override; the first review stands."""
        table = tables.overrides
        self._db.execute(
            update(table)
            .where(table.c.override == override, table.c.reviewed_at.is_(None))
            .values(
                reviewer=reviewer,
                justified=justified,
                comment=comment,
                reviewed_at=now,
                review=event_id,
            )
        )

    def get(self, override: str) -> OverrideRow | None:
        """Return one override, None where nobody asked for it."""
        found = self._find(tables.overrides.c.override == override)
        return found[0] if found else None

    def of_decision(self, decision: str) -> tuple[OverrideRow, ...]:
        """Return every override of a decision, whatever its state, oldest first."""
        return self._find(tables.overrides.c.decision == decision)

    def of_repo(self, repo: str | None, *, every: bool = False) -> tuple[OverrideRow, ...]:
        """Return overrides of ``repo`` (None: of all), oldest first.

        Without ``every`` those that are active, or whose review is still owed.
        """
        table = tables.overrides
        wanted = [] if repo is None else [table.c.repo == repo]
        if not every:
            owed = and_(table.c.review_due.is_not(None), table.c.reviewed_at.is_(None))
            wanted.append(or_(table.c.state == OverrideState.ACTIVE.value, owed))
        return self._find(*wanted)

    def ending(self, before: datetime) -> tuple[OverrideRow, ...]:
        """Return active overrides that end at ``before`` or earlier."""
        table = tables.overrides
        return self._find(table.c.state == OverrideState.ACTIVE.value, table.c.expires_at <= before)

    def _find(self, *wanted: ColumnElement[bool]) -> tuple[OverrideRow, ...]:
        table = tables.overrides
        rows = self._all(
            select(table).where(*wanted).order_by(table.c.requested_at, table.c.override)
        )
        return tuple(
            OverrideRow(
                told=from_bytes(OverrideTold, row["body"]),
                requested_at=row["requested_at"],
                reviewer=row["reviewer"] or "",
                reviewed_at=row["reviewed_at"],
                justified=row["justified"],
                comment=row["comment"] or "",
                review=row["review"] or "",
            )
            for row in rows
        )


def _shown(told: OverrideTold) -> dict[str, object]:
    return {
        "decision": told.decision,
        "state": told.state.value,
        "expires_at": told.expires_at,
        "review_due": told.review_due,
        "body": to_bytes(told),
    }
