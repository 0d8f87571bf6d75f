"""What was decided and what the gate said, or still owes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.rows import DecidedRow, Message
from devsecops_eda.model import Decision


class Said:
    """Decisions, messages and the lease within one open transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection of the open transaction."""
        self._db = connection

    def _all(self, statement: Any) -> Sequence[RowMapping]:
        return self._db.execute(statement).mappings().all()

    def record_decision(self, decision: Decision) -> bool:
        """Record a decision once per key; False when it was recorded before."""
        table = tables.decisions
        if self._db.execute(select(table.c.id).where(table.c.id == decision.id)).first():
            return False
        self._db.execute(
            insert(table).values(
                id=decision.id,
                gate=decision.gate,
                subject=str(decision.subject),
                target=decision.target,
                merge_base=decision.merge_base,
                environment=decision.environment,
                policy_digest=decision.policy_digest,
                inputs_digest=decision.inputs_digest,
                verdict=decision.verdict.value,
                supersedes=decision.supersedes,
                decided_at=decision.evaluated_at,
            )
        )
        return True

    def decided(self, decision_id: str) -> DecidedRow | None:
        """Return what was recorded of a decision."""
        table = tables.decisions
        rows = self._all(select(table).where(table.c.id == decision_id))
        return DecidedRow(rows[0]["verdict"], rows[0]["policy_digest"]) if rows else None

    def enqueue(self, message: Message, *, cause: int | None, now: datetime) -> Message:
        """Owe a message to the exchange; one said before is owed again with its old bytes."""
        table = tables.messages
        found = self._all(select(table).where(table.c.id == message.id))
        if found:
            self._db.execute(
                update(table).where(table.c.id == message.id).values(cause=cause, sent_at=None)
            )
            return _message(found[0])
        self._db.execute(
            insert(table).values(
                id=message.id,
                cause=cause,
                flow=message.flow,
                key=message.key,
                body=message.body,
                created_at=now,
            )
        )
        return message

    def message(self, message_id: str) -> Message | None:
        """Return a message that was said or is owed."""
        table = tables.messages
        rows = self._all(select(table).where(table.c.id == message_id))
        return _message(rows[0]) if rows else None

    def messages_of(self, cause: int) -> tuple[Message, ...]:
        """Return what the event at ``cause`` made the gate say."""
        table = tables.messages
        rows = self._all(
            select(table).where(table.c.cause == cause).order_by(table.c.created_at, table.c.id)
        )
        return tuple(_message(row) for row in rows)

    def unsent(self, *, before: datetime, limit: int) -> tuple[Message, ...]:
        """Return messages owed since before ``before``, oldest first."""
        table = tables.messages
        rows = self._all(
            select(table)
            .where(table.c.sent_at.is_(None), table.c.created_at < before)
            .order_by(table.c.created_at, table.c.id)
            .limit(limit)
        )
        return tuple(_message(row) for row in rows)

    def mark_sent(self, ids: Iterable[str], *, now: datetime) -> None:
        """Note that these messages were confirmed by the broker."""
        table = tables.messages
        self._db.execute(update(table).where(table.c.id.in_(list(ids))).values(sent_at=now))

    def lease(self, name: str, *, owner: str, now: datetime, length: timedelta) -> bool:
        """Take or renew a lease; False while another owner holds it."""
        table = tables.leases
        rows = self._all(select(table).where(table.c.name == name))
        if not rows:
            self._db.execute(insert(table).values(name=name, owner=owner, until=now + length))
            return True
        if rows[0]["owner"] != owner and rows[0]["until"] > now:
            return False
        self._db.execute(
            update(table).where(table.c.name == name).values(owner=owner, until=now + length)
        )
        return True


def _message(row: RowMapping) -> Message:
    return Message(row["id"], row["flow"], row["key"], row["body"])
