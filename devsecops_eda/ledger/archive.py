"""What decisions rested on: their facts and policies, kept so that they can be replayed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, insert, or_, select, update

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import ArchivedRow

_PAGE = 100
_IN_USE = timedelta(hours=1)


class Archive(Part):
    """Archived decisions and policies within one open transaction."""

    def keep_policy(self, digest: str, document: bytes, now: datetime) -> None:
        """Keep a policy; keeping it again says that it is still in use, to about an hour."""
        table = tables.policies
        same = table.c.digest == digest
        kept = self._one(select(table.c.recorded_at).where(same))
        if kept is None:
            self._add(table, digest=digest, document=document, recorded_at=now)
        elif kept["recorded_at"] < now - _IN_USE:
            # Not each time: whoever changes the row makes all others that decide wait for him.
            self._db.execute(update(table).where(same).values(recorded_at=now))

    def policy(self, digest: str) -> bytes | None:
        """Return a policy that was kept."""
        table = tables.policies
        row = self._one(select(table.c.document).where(table.c.digest == digest))
        return None if row is None else bytes(row["document"])

    def keep(
        self,
        decision_id: str,
        *,
        flow: str,
        repo: str,
        body: bytes,
        facts: bytes,
        policy_source: str,
        evaluator: str,
        rests_on: Iterable[int],
    ) -> bool:
        """Keep what a recorded decision rests on, once; False when it was kept before.

        ``policy_source`` is the digest of a kept policy. ``rests_on`` are the places of all
        outcomes that ``facts`` refers to: they are kept as long as the decision.

        Raises:
            LookupError: the decision was not recorded.
        """
        decisions = tables.decisions
        decided = self._one(
            select(decisions.c.gate, decisions.c.decided_at).where(decisions.c.id == decision_id)
        )
        if decided is None:
            raise LookupError(f"no decision {decision_id} is recorded")
        new = self._add(
            tables.archive,
            decision=decision_id,
            flow=flow,
            repo=repo,
            gate=decided["gate"],
            decided_at=decided["decided_at"],
            body=body,
            facts=facts,
            policy_source=policy_source,
            evaluator=evaluator,
        )
        named = [{"decision": decision_id, "outcome": seq} for seq in sorted(set(rests_on))]
        if new and named:
            self._db.execute(insert(tables.rests_on), named)
        return new

    def get(self, decision_id: str) -> ArchivedRow | None:
        """Return what a decision rests on, None where it was not kept."""
        row = self._one(select(tables.archive).where(tables.archive.c.decision == decision_id))
        return None if row is None else _archived(row)

    def since(self, instant: datetime, gate: str | None = None) -> Iterator[ArchivedRow]:
        """Yield what was decided at ``instant`` or later, oldest first, without holding all."""
        table = tables.archive
        order = (table.c.decided_at, table.c.decision)
        wanted = [] if gate is None else [table.c.gate == gate]
        beyond = table.c.decided_at >= instant
        while True:
            rows = self._all(select(table).where(beyond, *wanted).order_by(*order).limit(_PAGE))
            yield from map(_archived, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1]
            beyond = or_(
                table.c.decided_at > last["decided_at"],
                (table.c.decided_at == last["decided_at"]) & (table.c.decision > last["decision"]),
            )


def _archived(row: RowMapping) -> ArchivedRow:
    return ArchivedRow(
        decision=row["decision"],
        flow=row["flow"],
        repo=row["repo"],
        gate=row["gate"],
        decided_at=row["decided_at"],
        body=bytes(row["body"]),
        facts=bytes(row["facts"]),
        policy_source=row["policy_source"],
        evaluator=row["evaluator"],
    )
