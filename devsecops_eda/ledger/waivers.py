"""Waivers: who asked for what, who granted or revoked it, what was told of its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import GrantRow, WaiverRow
from devsecops_eda.ledger.written import from_bytes, to_bytes, words_from_text, words_to_text
from devsecops_eda.model import WaiverRequested, WaiverState
from devsecops_eda.policy.facts import Waiver


class Waivers(Part):
    """Waivers within one open transaction. Whether one holds is for the policy to say."""

    def request(
        self,
        seq: int,
        *,
        waiver: str,
        request: WaiverRequested,
        user: str,
        person: str | None,
        event_id: str,
        now: datetime,
    ) -> None:
        """Record that somebody asks for a waiver; ``seq`` is the place of his event."""
        self._db.execute(
            insert(tables.waivers).values(
                waiver=waiver,
                seq=seq,
                repo=request.repo,
                expires_at=request.expires_at,
                body=to_bytes(request),
                event=event_id,
                user=user,
                person=person,
                requested_at=now,
            )
        )

    def grant(
        self,
        waiver: str,
        *,
        user: str,
        person: str | None,
        groups: Iterable[str],
        event_id: str,
        now: datetime,
    ) -> None:
        """Record a grant of a recorded waiver beside those there are.

        None replaces another: one that counts for nothing blocks none that counts.
        """
        table = tables.grants
        last = self._db.execute(
            select(func.max(table.c.number)).where(table.c.waiver == waiver)
        ).scalar_one()
        self._db.execute(
            insert(table).values(
                waiver=waiver,
                number=(last or 0) + 1,
                event=event_id,
                user=user,
                person=person,
                groups=words_to_text(frozenset(groups)),
                granted_at=now,
            )
        )

    def revoke(
        self,
        waiver: str,
        *,
        user: str,
        person: str | None,
        reason: str,
        event_id: str,
        now: datetime,
    ) -> None:
        """Record that a waiver is over for good; the first revocation stands."""
        table = tables.waivers
        self._db.execute(
            update(table)
            .where(table.c.waiver == waiver, table.c.revoked_at.is_(None))
            .values(
                revoker_user=user,
                revoker=person,
                revoke_reason=reason,
                revoke_event=event_id,
                revoked_at=now,
            )
        )

    def get(self, waiver: str) -> WaiverRow | None:
        """Return one waiver, None where nobody asked for it."""
        found = self._find(tables.waivers.c.waiver == waiver)
        return found[0] if found else None

    def of_repo(self, repo: str | None) -> tuple[WaiverRow, ...]:
        """Return every waiver of ``repo`` (None: of all), in force or not, oldest first."""
        return self._find(*(() if repo is None else (tables.waivers.c.repo == repo,)))

    def ending(self, before: datetime) -> tuple[WaiverRow, ...]:
        """Return granted waivers that end at ``before`` or earlier and were not told to be over."""
        table, grants, told = tables.waivers, tables.grants, tables.announced
        over = WaiverState.EXPIRED.value
        return self._find(
            table.c.expires_at <= before,
            table.c.revoked_at.is_(None),
            table.c.waiver.in_(select(grants.c.waiver)),
            table.c.waiver.not_in(select(told.c.waiver).where(told.c.mark == over)),
        )

    def announced(self, waiver: str) -> frozenset[str]:
        """Return the marks of everything that was told of a waiver's end."""
        table = tables.announced
        rows = self._all(select(table.c.mark).where(table.c.waiver == waiver))
        return frozenset(row["mark"] for row in rows)

    def announce(self, waiver: str, mark: str, now: datetime) -> None:
        """Note what was told of a waiver's end; ``expired`` is the last. A repeat is harmless."""
        self._add(tables.announced, waiver=waiver, mark=mark, announced_at=now)

    def _find(self, *wanted: ColumnElement[bool]) -> tuple[WaiverRow, ...]:
        table, grants = tables.waivers, tables.grants
        rows = self._all(
            select(table).where(*wanted).order_by(table.c.requested_at, table.c.waiver)
        )
        granted = self._all(
            select(grants)
            .join(table, table.c.waiver == grants.c.waiver)
            .where(*wanted)
            .order_by(grants.c.number)
        )
        by_waiver: dict[str, list[GrantRow]] = {}
        for row in granted:
            by_waiver.setdefault(row["waiver"], []).append(_grant(row))
        return tuple(_waiver(row, by_waiver.get(row["waiver"], ())) for row in rows)


def _grant(row: RowMapping) -> GrantRow:
    return GrantRow(
        event=row["event"],
        user=row["user"],
        person=row["person"],
        groups=words_from_text(row["groups"]),
        granted_at=row["granted_at"],
    )


def _waiver(row: RowMapping, grants: Sequence[GrantRow]) -> WaiverRow:
    request = from_bytes(WaiverRequested, row["body"])
    bare = Waiver(
        id=row["waiver"],
        scope=request.scope,
        reason=request.reason,
        requester=row["person"],
        expires_at=request.expires_at,
        starts_at=request.starts_at,
        environment=request.environment,
        revoked_at=row["revoked_at"],
    )
    candidates = tuple(
        replace(bare, granter=one.person, granter_groups=one.groups, granted_at=one.granted_at)
        for one in grants
    )
    events = (row["event"], *(one.event for one in grants), row["revoke_event"])
    return WaiverRow(
        candidates=candidates or (bare,),
        request=request,
        requester=row["person"] or row["user"],
        requester_user=row["user"],
        requested_at=row["requested_at"],
        grants=tuple(grants),
        revoked_by=row["revoker"] or row["revoker_user"] or "",
        revoked_at=row["revoked_at"],
        revoke_reason=row["revoke_reason"] or "",
        events=tuple(event for event in events if event),
    )
