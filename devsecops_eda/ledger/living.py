"""Which subjects something still rests on, so that nothing recorded about them may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, exists, or_, select

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part

IN_ONE_STATEMENT = 500
"""So many names stand in one statement at most."""

_Query = Callable[[Sequence[str]], "Select[Any]"]


class Living(Part):
    """Tells living subjects from those that may be forgotten, within one open transaction."""

    def of(self, subjects: Iterable[str], before: datetime) -> frozenset[str]:
        """Return which of these subjects (as text) live.

        One does while a decision about it stands, an ask about it is open or compares with it,
        people are asked about it, a kept decision rests on an outcome of it, an override of a
        decision about it is kept, something is owed to a flow of it, an artifact built from it
        lives, or while anything was recorded or told about it at ``before`` or later.
        """
        wanted = sorted(set(subjects))
        living = self._directly(wanted, before)
        artifacts = self._built_from(set(wanted) - living)
        grown = self._directly(sorted(artifacts), before) if artifacts else frozenset()
        return living | {
            commit for artifact in grown for commit in artifacts[artifact] if commit in set(wanted)
        }

    def _directly(self, subjects: Sequence[str], before: datetime) -> frozenset[str]:
        found: set[str] = set()
        for start in range(0, len(subjects), IN_ONE_STATEMENT):
            some = subjects[start : start + IN_ONE_STATEMENT]
            for query in (*_STANDING, *_recent(before)):
                found.update(self._db.execute(query(some).distinct()).scalars())
        return frozenset(found)

    def _built_from(self, commits: set[str]) -> dict[str, set[str]]:
        table = tables.origins
        names, found = sorted(commits), dict[str, set[str]]()
        for start in range(0, len(names), IN_ONE_STATEMENT):
            some = names[start : start + IN_ONE_STATEMENT]
            statement = select(table.c.artifact, table.c.built_from)
            for row in self._all(statement.where(table.c.built_from.in_(some))):
                found.setdefault(row["artifact"], set()).add(row["built_from"])
        return found


def _query(column: ColumnElement[str], *where: ColumnElement[bool]) -> _Query:
    return lambda subjects: select(column).where(column.in_(subjects), *where)


def _stands() -> tuple[_Query, ...]:
    asks, base, rounds = tables.asks, tables.baselines, tables.rounds
    decisions, overrides, outcomes = tables.decisions, tables.overrides, tables.outcomes
    messages, rests_on = tables.messages, tables.rests_on

    def owed(table: Table) -> _Query:
        unsent = exists().where(messages.c.flow == table.c.flow, messages.c.sent_at.is_(None))
        return _query(table.c.subject, unsent)

    return (
        _query(tables.effective.c.subject),
        _query(asks.c.subject, asks.c.answered.is_(False)),
        # They go with the asks that requested them.
        _query(base.c.subject),
        _query(rounds.c.subject, rounds.c.closing.is_(None)),
        _query(decisions.c.subject, exists().where(overrides.c.decision == decisions.c.id)),
        _query(outcomes.c.subject, exists().where(rests_on.c.outcome == outcomes.c.seq)),
        *map(owed, (tables.causes, tables.requests, tables.asks)),
    )


_STANDING = _stands()


def _recent(before: datetime) -> tuple[_Query, ...]:
    box, asks, rounds = tables.inbox, tables.asks, tables.rounds
    told = or_(box.c.recorded_at >= before, box.c.seen_at >= before)

    def heard(column: ColumnElement[str], seq: ColumnElement[int]) -> _Query:
        return _query(column, exists().where(box.c.seq == seq, told))

    return (
        heard(tables.causes.c.subject, tables.causes.c.seq),
        heard(tables.outcomes.c.subject, tables.outcomes.c.seq),
        heard(tables.requests.c.subject, tables.requests.c.seq),
        heard(tables.origins.c.artifact, tables.origins.c.seq),
        heard(tables.origins.c.built_from, tables.origins.c.seq),
        _query(asks.c.subject, or_(asks.c.asked_at >= before, asks.c.reopened_at >= before)),
        _query(rounds.c.subject, or_(rounds.c.opened_at >= before, rounds.c.closed_at >= before)),
        _query(tables.requests.c.subject, tables.requests.c.expires_at >= before),
        _query(tables.decisions.c.subject, tables.decisions.c.decided_at >= before),
    )
