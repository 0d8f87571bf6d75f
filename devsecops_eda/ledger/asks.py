"""Who asks which gate, and what that waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.sql import ColumnElement

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.inbox import subject_of
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import Ask
from devsecops_eda.model import Subject


class Asks(Part):
    """Asks and their baselines within one open transaction."""

    def open(
        self, flow: str, gate: str, *, environment: str | None, subject: Subject, now: datetime
    ) -> Ask:
        """Record that a flow asks a gate, if it did not yet, and return how it stands."""
        self._add(
            tables.asks,
            flow=flow,
            repo=subject.repo or "",
            gate=gate,
            environment=environment or "",
            subject=str(subject),
            asked_at=now,
            answered=False,
        )
        return self._find(*_ask_is(flow, subject.repo, gate, environment))[0]

    def of_flow(self, flow: str, *, repo: str | None) -> tuple[Ask, ...]:
        """Return every gate a flow of ``repo`` asks."""
        return self._find(tables.asks.c.flow == flow, tables.asks.c.repo == (repo or ""))

    def get(self, flow: str, *, repo: str | None, gate: str, environment: str | None) -> Ask | None:
        """Return one ask, None where that flow does not ask that gate."""
        found = self._find(*_ask_is(flow, repo, gate, environment))
        return found[0] if found else None

    def of_repo(self, repo: str) -> tuple[Ask, ...]:
        """Return the asks of ``repo`` that are open, or whose last decision is effective."""
        return self._find(*_stands(repo))

    def make_due(self, repo: str, now: datetime) -> None:
        """Let the timer judge again what ``of_repo`` returns, as far as it is not due already.

        For news that concern a whole repository: it may have thousands of asks, and one
        transaction is no place to judge them all.
        """
        table = tables.asks
        self._db.execute(
            update(table)
            .where(*_stands(repo), or_(table.c.due.is_(None), table.c.due > now))
            .values(due=now)
        )

    def about(self, subject: Subject) -> tuple[Ask, ...]:
        """Return every ask about ``subject`` or what was built from it, or comparing with it."""
        table, base, origins = tables.asks, tables.baselines, tables.origins
        built = (
            table.c.subject == origins.c.artifact,
            table.c.repo == origins.c.repo,
            origins.c.built_from == str(subject),
        )
        compares = (
            base.c.flow == table.c.flow,
            base.c.repo == table.c.repo,
            base.c.gate == table.c.gate,
            base.c.environment == table.c.environment,
            base.c.subject == str(subject),
        )
        # One after the other, each by its index: as one condition it reads every ask there is.
        found = (
            # The same artifact in another repository is another one, for others to judge.
            *self._find(table.c.subject == str(subject), table.c.repo == (subject.repo or "")),
            *self._find(*built),
            *self._find(*compares),
        )
        return tuple(sorted(dict.fromkeys(found), key=_in_order))

    def due(self, now: datetime, *, limit: int) -> tuple[Ask, ...]:
        """Return asks whose time is over at ``now``, longest overdue first."""
        return self._find(tables.asks.c.due <= now, limit=limit)

    def _find(self, *wanted: ColumnElement[bool], limit: int | None = None) -> tuple[Ask, ...]:
        table, flows = tables.asks, tables.flows
        rows = self._all(
            select(table, flows.c.kind, flows.c.revision, flows.c.ref, flows.c.target)
            .join(flows, (flows.c.flow == table.c.flow) & (flows.c.repo == table.c.repo))
            .where(*wanted)
            .order_by(table.c.due, table.c.flow, table.c.gate)
            .limit(limit)
        )
        return tuple(
            Ask(
                flow=row["flow"],
                gate=row["gate"],
                environment=row["environment"] or None,
                subject=subject_of(row),
                ref=row["ref"],
                target=row["target"],
                decision=row["decision"],
                answered=row["answered"],
                reopened_at=row["reopened_at"],
            )
            for row in rows
        )

    def update(self, ask: Ask, **values: Any) -> None:
        """Change columns of one ask (``due``, ``decision``, ``answered``, ``reopened_at``)."""
        table = tables.asks
        self._db.execute(
            update(table)
            .where(*_ask_is(ask.flow, ask.subject.repo, ask.gate, ask.environment))
            .values(**values)
        )

    def request_baseline(
        self, ask: Ask, *, check: str, subject: Subject, request: str, now: datetime
    ) -> bool:
        """Note that an ask waits for ``check`` on another subject; False when it was noted."""
        return self._add(
            tables.baselines,
            flow=ask.flow,
            repo=ask.subject.repo or "",
            gate=ask.gate,
            environment=ask.environment or "",
            check_name=check,
            subject=str(subject),
            request=request,
            requested_at=now,
        )

    def baseline_requests(self, ask: Ask) -> dict[tuple[str, str], datetime]:
        """Return when this ask last requested each (check, subject) to compare with."""
        table = tables.baselines
        rows = self._all(
            select(table)
            .where(
                table.c.flow == ask.flow,
                table.c.repo == (ask.subject.repo or ""),
                table.c.gate == ask.gate,
                table.c.environment == (ask.environment or ""),
            )
            .order_by(table.c.requested_at)
        )
        return {(row["check_name"], row["subject"]): row["requested_at"] for row in rows}


def _in_order(ask: Ask) -> tuple[str, str, str]:
    return ask.flow, ask.gate, ask.environment or ""


def _ask_is(
    flow: str, repo: str | None, gate: str, environment: str | None
) -> tuple[ColumnElement[bool], ...]:
    table = tables.asks
    return (
        table.c.flow == flow,
        table.c.repo == (repo or ""),
        table.c.gate == gate,
        table.c.environment == (environment or ""),
    )


def _stands(repo: str) -> tuple[ColumnElement[bool], ...]:
    table, effective = tables.asks, tables.effective
    in_force = select(effective.c.decision).where(effective.c.decision == table.c.decision).exists()
    return table.c.repo == repo, or_(table.c.answered.is_(False), in_force)
