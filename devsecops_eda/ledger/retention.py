"""Forgetting what is old and what nothing rests on any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, and_, exists, or_, select

from devsecops_eda.ledger import postgresql, tables
from devsecops_eda.ledger.forgetting import ABOUT, Forgetting, some_of
from devsecops_eda.ledger.living import Living
from devsecops_eda.model import OverrideState


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much one call forgot. ``next`` is where the next call goes on, None at the end."""

    subjects: int = 0
    decisions: int = 0
    events: int = 0
    waivers: int = 0
    overrides: int = 0
    messages: int = 0
    policies: int = 0
    next: str | None = None


class Retention(Forgetting):
    """Forgets within one open transaction."""

    def prune(self, before: datetime, *, limit: int = 500, after: str | None = None) -> Pruned:
        """Forget what is older than ``before`` and what nothing that lives rests on.

        Each call looks at ``limit`` events or messages; call again with ``after`` set to what
        ``next`` said until that is None. A subject that lives (see ``Living``) keeps its flows,
        events, asks, rounds and votes, but not the decisions that others superseded.
        """
        phase, _, place = (after or "events:0").partition(":")
        if phase == "events":
            return self._events(before, limit, int(place))
        return self._messages(before, limit, place)

    def _events(self, before: datetime, limit: int, after: int) -> Pruned:
        box = tables.inbox
        page = self._all(
            select(box.c.seq, box.c.id, box.c.user, box.c.recorded_at, box.c.seen_at)
            .where(box.c.seq > after)
            .order_by(box.c.seq)
            .limit(limit)
        )
        old = [row for row in page if row["recorded_at"] < before]
        if not old:
            return Pruned(next="messages:")
        seqs = [row["seq"] for row in old]
        about = self._subjects(seqs)
        self._hold_back(about)
        overrides = self._overrides(seqs, before)
        decisions = self.superseded(about, before)
        dead = sorted(about - Living(self._db).of(about, before))
        gone = self.forget_subjects(dead)
        waivers = self._waivers(seqs, before)
        self._remarks(seqs)
        kept = self._still_named(seqs, old)
        loose = [row["seq"] for row in old if row["seen_at"] < before and row["seq"] not in kept]
        events = self.forget_events({*gone, *loose})
        return Pruned(
            subjects=len(dead),
            decisions=decisions,
            events=events,
            waivers=waivers,
            overrides=overrides,
            next=f"events:{page[-1]['seq']}",
        )

    def _subjects(self, seqs: Sequence[int]) -> frozenset[str]:
        """Return the subjects that these events are about."""
        found: set[str] = set()
        for table, column in ABOUT:
            found.update(
                self._db.execute(select(table.c[column]).where(table.c.seq.in_(seqs))).scalars()
            )
        votes, rounds = tables.votes, tables.rounds
        voted = select(rounds.c.subject).join(votes, votes.c.approval == rounds.c.approval)
        found.update(self._db.execute(voted.where(votes.c.seq.in_(seqs))).scalars())
        return frozenset(found)

    def _hold_back(self, subjects: Iterable[str]) -> None:
        """Keep other gates from judging these subjects until the transaction ends."""
        if self._db.dialect.name != "postgresql":
            return
        repos: set[str] = set()
        for some in some_of(sorted(subjects)):
            for table in (tables.asks, tables.decisions):
                repos.update(
                    self._db.execute(
                        select(table.c.repo).where(table.c.subject.in_(some)).distinct()
                    ).scalars()
                )
        # In one order, so that two that do this do not wait for each other.
        for repo in sorted(repos | {name.rpartition("@")[0] for name in subjects}):
            postgresql.lock(self._db, f"about/{repo}")

    def _waivers(self, seqs: Sequence[int], before: datetime) -> int:
        """Forget waivers that ended before ``before``, with what was said of them."""
        table = tables.waivers
        over = or_(table.c.expires_at < before, table.c.revoked_at < before)
        ids = list(
            self._db.execute(select(table.c.waiver).where(table.c.seq.in_(seqs), over)).scalars()
        )
        for child in (tables.announced, tables.grants, tables.waivers):
            self.delete(child, child.c.waiver.in_(ids))
        return len(ids)

    def _overrides(self, seqs: Sequence[int], before: datetime) -> int:
        table = tables.overrides
        over = and_(table.c.state != OverrideState.ACTIVE.value, table.c.expires_at < before)
        ids = self._db.execute(select(table.c.override).where(table.c.seq.in_(seqs), over))
        gone = list(ids.scalars())
        self.delete(table, table.c.override.in_(gone))
        return len(gone)

    def _remarks(self, seqs: Sequence[int]) -> None:
        """Forget what counted for nothing, but while there is what it was about."""
        remarks, waivers, overrides = tables.remarks, tables.waivers, tables.overrides
        self.delete(
            remarks,
            remarks.c.seq.in_(seqs),
            ~exists().where(waivers.c.waiver == remarks.c.about),
            ~exists().where(overrides.c.override == remarks.c.about),
        )

    def _still_named(self, seqs: Sequence[int], rows: Sequence[RowMapping]) -> set[int]:
        """Return the places of those events by which something that is kept names itself."""
        found: set[int] = set()
        for table in NAMING_EVENTS:
            named = select(table.c.seq).where(table.c.seq.in_(seqs))
            found.update(self._db.execute(named).scalars())
        messages = tables.messages
        owed = select(messages.c.cause).where(
            messages.c.cause.in_(seqs), messages.c.sent_at.is_(None)
        )
        found.update(seq for seq in self._db.execute(owed).scalars() if seq is not None)
        # A grant or revocation that is said again must be known again.
        ids = [row["id"] for row in rows]
        grants, waivers = tables.grants, tables.waivers
        granted = select(grants.c.event, grants.c.user).where(grants.c.event.in_(ids))
        revoked = select(waivers.c.revoke_event, waivers.c.revoker_user).where(
            waivers.c.revoke_event.in_(ids)
        )
        said = {tuple(row) for query in (granted, revoked) for row in self._db.execute(query)}
        return found | {row["seq"] for row in rows if (row["id"], row["user"]) in said}

    def _messages(self, before: datetime, limit: int, place: str) -> Pruned:
        table, decisions, asks = tables.messages, tables.decisions, tables.asks
        at, _, last = place.partition("/")
        beyond = [table.c.created_at < before]
        if at:
            instant = datetime.fromisoformat(at)
            beyond.append(
                or_(
                    table.c.created_at > instant,
                    and_(table.c.created_at == instant, table.c.id > last),
                )
            )
        page = self._all(
            select(table.c.id, table.c.created_at)
            .where(*beyond)
            .order_by(table.c.created_at, table.c.id)
            .limit(limit)
        )
        if not page:
            return Pruned(policies=self._policies(before))
        told = ~exists().where(decisions.c.id == table.c.decision)
        loose = and_(table.c.decision.is_(None), ~exists().where(asks.c.flow == table.c.flow))
        forgotten = 0
        for some in some_of([row["id"] for row in page]):
            forgotten += self.delete(
                table,
                table.c.id.in_(some),
                table.c.sent_at.is_not(None),
                or_(loose, and_(table.c.decision.is_not(None), told)),
            )
        end = page[-1]
        return Pruned(
            messages=forgotten, next=f"messages:{end['created_at'].isoformat()}/{end['id']}"
        )

    def _policies(self, before: datetime) -> int:
        table, newest = tables.policies, tables.policies.alias()
        return self.delete(
            table,
            table.c.recorded_at < before,
            ~exists().where(tables.archive.c.policy_source == table.c.digest),
            # The one in use may not have come to any decision yet.
            exists().where(newest.c.recorded_at > table.c.recorded_at),
        )


NAMING_EVENTS = tuple(
    table
    for table in tables.METADATA.sorted_tables
    if any(
        key.column.table is tables.inbox and key.parent.name == "seq" for key in table.foreign_keys
    )
)
"""Every table with rows that stand for an event of the inbox."""
