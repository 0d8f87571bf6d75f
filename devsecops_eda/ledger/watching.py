"""What waits, what is owed and what one flow was: for whoever watches the gate, read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.said import outdated
from devsecops_eda.model import Identity

MAX_OWED = 10_000
"""So many owed messages at most are counted."""


@dataclass(frozen=True, slots=True)
class PendingRow:
    """How many asks of one gate wait, for votes (``people``) or for machines, and since when."""

    gate: str
    people: bool
    number: int
    since: datetime


@dataclass(frozen=True, slots=True)
class OwedRow:
    """How many messages no broker has confirmed yet, and since when the oldest is owed."""

    number: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class HeardRow:
    """One event of a flow as the gate recorded it: who said it, when it came, last came again."""

    type: str
    id: str
    source: str
    user: str
    recorded_at: datetime
    seen_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One event the gate said in a flow; ``sent_at`` is None while no broker confirmed it."""

    id: str
    key: str
    created_at: datetime
    sent_at: datetime | None
    body: bytes


class Watching(Part):
    """Reads for those who watch, within one open transaction."""

    def answers(self) -> None:
        """Return when the database has answered a question about a table of ours."""
        self._one(select(tables.leases.c.name).limit(1))

    def pending(self) -> tuple[PendingRow, ...]:
        """Return what waits for a decision, by gate and by what it waits for."""
        table, rounds = tables.asks, tables.rounds
        people = (
            select(rounds.c.approval)
            .where(
                rounds.c.subject == table.c.subject,
                rounds.c.repo == table.c.repo,
                rounds.c.gate == table.c.gate,
                rounds.c.environment == table.c.environment,
                rounds.c.closing.is_(None),
            )
            .exists()
        )
        waiting = (
            select(table.c.gate, people.label("people"), table.c.asked_at)
            .where(table.c.answered.is_(False))
            .subquery()
        )
        rows = self._all(
            select(
                waiting.c.gate,
                waiting.c.people,
                func.count().label("number"),
                func.min(waiting.c.asked_at, type_=tables.Instant()).label("since"),
            ).group_by(waiting.c.gate, waiting.c.people)
        )
        return tuple(
            PendingRow(row["gate"], bool(row["people"]), row["number"], row["since"])
            for row in rows
        )

    def owed(self) -> OwedRow:
        """Return what is owed to the exchange, but for decisions that hold no more."""
        table = tables.messages
        unsent = (
            select(table.c.created_at)
            .where(table.c.sent_at.is_(None), ~outdated())
            .limit(MAX_OWED)
            .subquery()
        )
        oldest = func.min(unsent.c.created_at, type_=tables.Instant())
        row = self._one(select(func.count().label("number"), oldest.label("since")))
        assert row is not None
        return OwedRow(row["number"], row["since"])

    def asked(
        self, flow: str, *, repo: str | None, gate: str, environment: str | None
    ) -> datetime | None:
        """Return the time of the event with which a flow asked a gate, None where it never did."""
        table, box = tables.asks, tables.inbox
        row = self._one(
            select(table.c.asked_at, func.min(box.c.time, type_=tables.Instant()).label("time"))
            .outerjoin(box, (box.c.flow == table.c.flow) & (box.c.recorded_at == table.c.asked_at))
            .where(
                table.c.flow == flow,
                table.c.repo == (repo or ""),
                table.c.gate == gate,
                table.c.environment == (environment or ""),
            )
            .group_by(table.c.asked_at)
        )
        if row is None:
            return None
        asked_at: datetime = row["time"] or row["asked_at"]
        return asked_at

    def meanings(self, identity: Identity) -> tuple[datetime, ...]:
        """Return when each meaning of one outcome was recorded, in that order; one as a rule."""
        box = tables.inbox
        rows = self._all(
            select(box.c.recorded_at)
            .where(
                box.c.user == identity.user,
                box.c.source == identity.source,
                box.c.id == identity.id,
            )
            .order_by(box.c.seq)
        )
        return tuple(row["recorded_at"] for row in rows)

    def opening(self, flow: str) -> bytes | None:
        """Return the event that was recorded first in a flow, None where none was."""
        box = tables.inbox
        row = self._one(select(box.c.body).where(box.c.flow == flow).order_by(box.c.seq).limit(1))
        return None if row is None else bytes(row["body"])

    def heard(self, flow: str) -> tuple[HeardRow, ...]:
        """Return every event that was recorded in a flow, in that order."""
        box = tables.inbox
        rows = self._all(select(box).where(box.c.flow == flow).order_by(box.c.seq))
        return tuple(
            HeardRow(
                type=row["type"],
                id=row["id"],
                source=row["source"],
                user=row["user"],
                recorded_at=row["recorded_at"],
                seen_at=row["seen_at"],
                body=bytes(row["body"]),
            )
            for row in rows
        )

    def said(self, flow: str) -> tuple[SaidRow, ...]:
        """Return every event the gate said in a flow, in the order of their making."""
        table = tables.messages
        rows = self._all(
            select(table).where(table.c.flow == flow).order_by(table.c.created_at, table.c.id)
        )
        return tuple(
            SaidRow(
                id=row["id"],
                key=row["key"],
                created_at=row["created_at"],
                sent_at=row["sent_at"],
                body=bytes(row["body"]),
            )
            for row in rows
        )
