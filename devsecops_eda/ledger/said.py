"""What was decided and what the gate said, or still owes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, and_, func, or_, select, update
from sqlalchemy.sql import ColumnElement

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.inbox import subject_named
from devsecops_eda.ledger.part import Part, upsert
from devsecops_eda.ledger.rows import DecidedRow, Message
from devsecops_eda.model import Decision, Subject, Verdict


class Said(Part):
    """Decisions, messages and the lease within one open transaction."""

    def record_decision(self, decision: Decision) -> bool:
        """Record a decision, which stands from now on; False when it was recorded before.

        What stood before it for the same gate, subject, target and environment stands no more.
        """
        new = self._add(
            tables.decisions,
            id=decision.id,
            gate=decision.gate,
            subject=str(decision.subject),
            repo=decision.subject.repo or "",
            target=decision.target,
            merge_base=decision.merge_base,
            environment=decision.environment,
            policy_digest=decision.policy_digest,
            inputs_digest=decision.inputs_digest,
            verdict=decision.verdict.value,
            supersedes=decision.supersedes,
            decided_at=decision.evaluated_at,
        )
        self._let_stand(decision)
        return new

    def _let_stand(self, decision: Decision) -> None:
        table = tables.effective
        stands = {"decision": decision.id, "since": decision.evaluated_at}
        self._db.execute(
            upsert(self._db, table)
            .values(
                subject=str(decision.subject),
                repo=decision.subject.repo or "",
                gate=decision.gate,
                target=decision.target or "",
                environment=decision.environment or "",
                **stands,
            )
            .on_conflict_do_update(index_elements=[*table.primary_key], set_=stands)
        )

    def decided(self, decision_id: str) -> DecidedRow | None:
        """Return what was recorded of a decision, whether it stands or not."""
        table = tables.decisions
        row = self._one(select(table).where(table.c.id == decision_id))
        return None if row is None else _decided(row, row["decided_at"])

    def decisions_about(self, subjects: Iterable[Subject]) -> tuple[DecidedRow, ...]:
        """Return the decisions of every gate about these subjects that stand."""
        table, decisions = tables.effective, tables.decisions
        wanted = {(str(subject), subject.repo or "") for subject in subjects}
        rows = self._all(
            select(decisions, table.c.since)
            .join(decisions, decisions.c.id == table.c.decision)
            .where(table.c.subject.in_(sorted(name for name, _ in wanted)))
            .order_by(table.c.gate, table.c.subject, table.c.target, table.c.environment)
        )
        return tuple(
            _decided(row, row["since"]) for row in rows if (row["subject"], row["repo"]) in wanted
        )

    def enqueue(
        self, message: Message, *, cause: int | None, now: datetime, decision: str | None = None
    ) -> Message:
        """Owe a message to the exchange; one said before is owed again with its old bytes.

        ``decision`` is the one it tells: such a message is kept no longer than its decision.
        """
        table = tables.messages
        row = self._one(
            upsert(self._db, table)
            .values(
                id=message.id,
                cause=cause,
                flow=message.flow,
                key=message.key,
                body=message.body,
                created_at=now,
                decision=decision,
            )
            .on_conflict_do_update(
                index_elements=[table.c.id], set_={"cause": cause, "sent_at": None}
            )
            .returning(table)
        )
        assert row is not None  # added or changed, it is returned
        return _message(row)

    def message(self, message_id: str) -> Message | None:
        """Return a message that was said or is owed."""
        table = tables.messages
        row = self._one(select(table).where(table.c.id == message_id))
        return None if row is None else _message(row)

    def messages_of(self, cause: int) -> tuple[Message, ...]:
        """Return what the event at ``cause`` made the gate say; no decision that holds no more."""
        table = tables.messages
        rows = self._all(
            select(table)
            .where(table.c.cause == cause, ~outdated())
            .order_by(table.c.created_at, table.c.id)
        )
        return tuple(_message(row) for row in rows)

    def unsent(self, *, before: datetime, limit: int) -> tuple[Message, ...]:
        """Return messages owed since before ``before``, oldest first.

        A decision that holds no more is owed to nobody.
        """
        table = tables.messages
        rows = self._all(
            select(table)
            .where(table.c.sent_at.is_(None), table.c.created_at < before, ~outdated())
            .order_by(table.c.created_at, table.c.id)
            .limit(limit)
        )
        return tuple(_message(row) for row in rows)

    def mark_sent(self, ids: Iterable[str], *, now: datetime) -> None:
        """Note that these messages were confirmed by the broker."""
        table = tables.messages
        these = table.c.id.in_(sorted(set(ids)))
        # Locked in one order: two gates that mark the same ones must not block each other.
        self._all(select(table.c.id).where(these).order_by(table.c.id).with_for_update())
        self._db.execute(update(table).where(these).values(sent_at=now))

    def lease(self, name: str, *, owner: str, now: datetime, length: timedelta) -> bool:
        """Take or renew a lease; False while another owner holds it, however many ask at once."""
        table = tables.leases
        until = now + length
        taken = self._db.execute(
            upsert(self._db, table)
            .values(name=name, owner=owner, until=until)
            .on_conflict_do_update(
                index_elements=[table.c.name],
                set_={"owner": owner, "until": until},
                where=or_(table.c.owner == owner, table.c.until <= now),
            )
            .returning(table.c.name)
        )
        return taken.first() is not None


def outdated() -> ColumnElement[bool]:
    """Say of a message that it tells an ask something else than holds for it now."""
    # Who waits takes the first answer that he hears: an allow that was taken back must not come
    # back by a repeat of what once led to it.
    table, decisions, asks = tables.messages, tables.decisions, tables.asks
    told = (
        select(asks.c.flow)
        .join(
            decisions,
            and_(
                decisions.c.gate == asks.c.gate,
                decisions.c.repo == asks.c.repo,
                func.coalesce(decisions.c.environment, "") == asks.c.environment,
            ),
        )
        .where(
            asks.c.flow == table.c.flow,
            decisions.c.id == table.c.decision,
            decisions.c.verdict != Verdict.PENDING.value,
            or_(
                asks.c.answered.is_(False),
                asks.c.decision.is_(None),
                asks.c.decision != decisions.c.id,
            ),
        )
    )
    return told.exists()


def _message(row: RowMapping) -> Message:
    return Message(row["id"], row["flow"], row["key"], bytes(row["body"]))


def _decided(row: RowMapping, since: datetime) -> DecidedRow:
    return DecidedRow(
        id=row["id"],
        gate=row["gate"],
        subject=subject_named(row["subject"], row["repo"] or None),
        target=row["target"],
        environment=row["environment"],
        verdict=Verdict(row["verdict"]),
        policy_digest=row["policy_digest"],
        decided_at=row["decided_at"],
        since=since,
    )
