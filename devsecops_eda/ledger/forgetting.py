"""Removing rows, children before what they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, delete, exists, select, update

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.living import IN_ONE_STATEMENT
from devsecops_eda.ledger.part import Part

_T = TypeVar("_T")

# Tables whose rows are about the event at ``seq`` and about a subject, and which column names it.
ABOUT = (
    (tables.causes, "subject"),
    (tables.outcomes, "subject"),
    (tables.requests, "subject"),
    (tables.origins, "artifact"),
    (tables.origins, "built_from"),
)


class Forgetting(Part):
    """Removes what nothing rests on, within one open transaction; whether so, others say."""

    def superseded(self, subjects: Iterable[str], before: datetime) -> int:
        """Forget old decisions that do not stand, that no ask was told last, and none overrode."""
        table, asks, messages = tables.decisions, tables.asks, tables.messages
        forgotten = 0
        for some in some_of(sorted(subjects)):
            ids = list(
                self._db.execute(
                    select(table.c.id).where(
                        table.c.subject.in_(some),
                        table.c.decided_at < before,
                        ~exists().where(tables.effective.c.decision == table.c.id),
                        ~exists().where(asks.c.decision == table.c.id),
                        ~exists().where(tables.overrides.c.decision == table.c.id),
                        ~exists().where(
                            messages.c.sent_at.is_(None), messages.c.decision == table.c.id
                        ),
                    )
                ).scalars()
            )
            self._forget_decisions(ids)
            forgotten += len(ids)
        return forgotten

    def _forget_decisions(self, ids: Sequence[str]) -> None:
        for some in some_of(ids):
            self.delete(tables.rests_on, tables.rests_on.c.decision.in_(some))
            self.delete(tables.archive, tables.archive.c.decision.in_(some))
            self.delete(tables.decisions, tables.decisions.c.id.in_(some))

    def forget_subjects(self, subjects: Sequence[str]) -> set[int]:
        """Forget all about these subjects but their events; return the places of those."""
        gone: set[int] = set()
        for some in some_of(subjects):
            ids = select(tables.decisions.c.id).where(tables.decisions.c.subject.in_(some))
            self._forget_decisions(list(self._db.execute(ids).scalars()))
            gone |= self._forget_votes(some)
            flows = self._flows_of(some)
            asks, base = tables.asks, tables.baselines
            asked = select(asks.c.flow).where(
                asks.c.subject.in_(some),
                asks.c.flow == base.c.flow,
                asks.c.repo == base.c.repo,
                asks.c.gate == base.c.gate,
                asks.c.environment == base.c.environment,
            )
            self.delete(base, asked.exists())
            self.delete(asks, asks.c.subject.in_(some))
            for table, column in ABOUT:
                about = table.c[column].in_(some)
                gone.update(self._db.execute(select(table.c.seq).where(about)).scalars())
                self.delete(table, about)
            self._forget_flows(flows)
        return gone

    def _forget_votes(self, subjects: Sequence[str]) -> set[int]:
        rounds, views, votes = tables.rounds, tables.views, tables.votes
        these = select(rounds.c.approval).where(rounds.c.subject.in_(subjects))
        gone = set(
            self._db.execute(select(votes.c.seq).where(votes.c.approval.in_(these))).scalars()
        )
        self.delete(votes, votes.c.approval.in_(these))
        self.delete(views, views.c.approval.in_(these))
        self.delete(rounds, rounds.c.subject.in_(subjects))
        return gone

    def _flows_of(self, subjects: Sequence[str]) -> list[str]:
        found: set[str] = set()
        for table in (tables.asks, tables.causes, tables.requests):
            about = select(table.c.flow).where(table.c.subject.in_(subjects))
            found.update(self._db.execute(about.distinct()).scalars())
        return sorted(found)

    def _forget_flows(self, flows: Sequence[str]) -> None:
        # The same id may be a flow of another repository, or be asked about something that lives.
        table, asks, causes = tables.flows, tables.asks, tables.causes
        for some in some_of(flows):
            self.delete(
                table,
                table.c.flow.in_(some),
                ~exists().where(asks.c.flow == table.c.flow, asks.c.repo == table.c.repo),
                ~exists().where(causes.c.flow == table.c.flow),
            )

    def forget_events(self, seqs: Iterable[int]) -> int:
        """Forget these events themselves; what was said because of them stays."""
        forgotten = 0
        messages = tables.messages
        for some in some_of(sorted(seqs)):
            self._db.execute(update(messages).where(messages.c.cause.in_(some)).values(cause=None))
            forgotten += self.delete(tables.inbox, tables.inbox.c.seq.in_(some))
        return forgotten

    def delete(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Remove the rows of which all this is true; return how many they were."""
        return self._db.execute(delete(table).where(*where)).rowcount


def some_of(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield ``items`` in parts that fit one statement."""
    for start in range(0, len(items), IN_ONE_STATEMENT):
        yield items[start : start + IN_ONE_STATEMENT]
