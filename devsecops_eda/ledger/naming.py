"""What the ledger names: commits that were pushed, reports that something rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, select

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.inbox import subject_of
from devsecops_eda.ledger.part import Part
from devsecops_eda.model import Subject

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PushRow:
    """One recorded push of a commit: to which ref, and with which target."""

    subject: Subject
    ref: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """Digests that are named somewhere, and where to go on: None at the end."""

    digests: frozenset[str]
    next: str | None


class Naming(Part):
    """Finds names within one open transaction; reads only."""

    def anything(self) -> bool:
        """Return whether any event was ever recorded and not forgotten."""
        return self._one(select(tables.inbox.c.seq).limit(1)) is not None

    def digests(self, *, after: str | None = None, limit: int = 500) -> Named:
        """Return every digest that stands in ``limit`` recorded events or messages.

        Call again with ``after`` set to what ``next`` said until that is None. What a kept
        decision rests on are recorded events, and they are kept as long as it is.
        """
        which, _, place = (after or "events:").partition(":")
        if which == "events":
            box = tables.inbox
            found, last = self._page(box, box.c.seq, int(place or 0), limit)
            return Named(found, f"events:{last}" if last is not None else "messages:")
        messages = tables.messages
        found, last = self._page(messages, messages.c.id, place, limit)
        return Named(found, f"messages:{last}" if last is not None else None)

    def _page(
        self, table: Table, key: ColumnElement[object], after: object, limit: int
    ) -> tuple[frozenset[str], object]:
        rows = self._all(
            select(key.label("key"), table.c.body).where(key > after).order_by(key).limit(limit)
        )
        found = {match.decode() for row in rows for match in _DIGEST.findall(bytes(row["body"]))}
        return frozenset(found), rows[-1]["key"] if rows else None

    def refs(self, repo: str) -> tuple[str, ...]:
        """Return every ref of ``repo`` to which a push is recorded."""
        flows = tables.flows
        query = select(flows.c.ref).where(flows.c.repo == repo, flows.c.ref.is_not(None))
        return tuple(sorted(self._db.execute(query.distinct()).scalars()))

    def newest_push(self, repo: str, ref: str) -> PushRow | None:
        """Return the push to ``ref`` that is said to have happened last, None where none is."""
        flows, causes = tables.flows, tables.causes
        # The same id may be a flow of another repository.
        same = (
            causes.c.flow == flows.c.flow,
            causes.c.subject == flows.c.repo + "@" + flows.c.revision,
        )
        row = self._one(
            select(flows)
            .join(causes, and_(*same))
            .where(flows.c.repo == repo, flows.c.ref == ref, causes.c.check_name.is_(None))
            .order_by(causes.c.time.desc(), causes.c.seq.desc())
            .limit(1)
        )
        return None if row is None else PushRow(subject_of(row), row["ref"], row["target"])
