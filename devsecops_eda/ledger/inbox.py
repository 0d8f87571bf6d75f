"""What was recorded: events, what flows are about, causes and outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import RowMapping, and_, insert, select, update

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import CauseRow, Memory, OutcomeRow
from devsecops_eda.model import Event, Identity, Subject, SubjectKind


class Inbox(Part):
    """Events, flows, causes and outcomes within one open transaction."""

    def remember(
        self, event: Event, *, user: str, variant: str, digest: str, body: bytes, now: datetime
    ) -> tuple[Memory, int]:
        """Record an event once; return whether it is new and its place in the inbox.

        The same identity with other content is a conflict: what was recorded first stands.
        """
        box = tables.inbox
        same = and_(
            box.c.user == user,
            box.c.source == event.source,
            box.c.id == event.id,
            box.c.variant == variant,
        )
        row = self._db.execute(select(box.c.seq, box.c.digest).where(same)).first()
        if row is not None:
            if not variant and row.digest != digest:
                return Memory.CONFLICT, int(row.seq)
            self._db.execute(update(box).where(same).values(seen_at=now))
            return Memory.REPEAT, int(row.seq)
        added = self._db.execute(
            insert(box).values(
                user=user,
                source=event.source,
                id=event.id,
                variant=variant,
                type=event.type.value,
                flow=event.correlationid,
                digest=digest,
                time=event.time,
                recorded_at=now,
                seen_at=now,
                body=body,
            )
        )
        key = added.inserted_primary_key
        assert key is not None  # an autoincrement column always has one
        return Memory.NEW, int(key[0])

    def open_flow(
        self, flow: str, subject: Subject, *, ref: str | None, target: str | None
    ) -> bool:
        """Say what a flow is about; who said it first stands. False when he said otherwise."""
        table = tables.flows
        same = (table.c.flow == flow, table.c.repo == (subject.repo or ""))
        rows = self._all(select(table).where(*same))
        if rows:
            return subject_of(rows[0]) == subject and rows[0]["target"] == target
        self._db.execute(
            insert(table).values(
                flow=flow,
                kind=subject.kind.value,
                revision=subject.revision,
                repo=subject.repo or "",
                ref=ref,
                target=target,
            )
        )
        return True

    def flow_subject(self, flow: str, *, repo: str) -> Subject | None:
        """Return what a flow of ``repo`` is about, None when nothing of it is recorded."""
        table = tables.flows
        rows = self._all(select(table).where(table.c.flow == flow, table.c.repo == repo))
        return subject_of(rows[0]) if rows else None

    def add_cause(self, seq: int, subject: Subject, cause: CauseRow) -> None:
        """Record that an event makes checks look at ``subject``."""
        self._db.execute(
            insert(tables.causes).values(
                seq=seq,
                user=cause.identity.user,
                source=cause.identity.source,
                event_id=cause.identity.id,
                subject=str(subject),
                check_name=cause.check,
                target=cause.target,
                flow=cause.flow,
                time=cause.time,
                recorded_at=cause.recorded_at,
            )
        )

    def causes(self, subject: Subject) -> tuple[CauseRow, ...]:
        """Return every recorded cause for ``subject``, oldest first."""
        table = tables.causes
        rows = self._all(select(table).where(table.c.subject == str(subject)).order_by(table.c.seq))
        return tuple(
            CauseRow(
                Identity(row["user"], row["source"], row["event_id"]),
                row["check_name"],
                row["target"],
                row["flow"],
                row["time"],
                row["recorded_at"],
            )
            for row in rows
        )

    def add_outcome(
        self, seq: int, subject: Subject, *, check: str, cause: str, status: str
    ) -> None:
        """Record that the event at ``seq`` is an outcome of ``check`` on ``subject``."""
        self._db.execute(
            insert(tables.outcomes).values(
                seq=seq, subject=str(subject), check_name=check, cause=cause, status=status
            )
        )

    def origin(self, seq: int, artifact: Subject, built_from: Subject) -> None:
        """Record that the event at ``seq`` says from which commit an artifact was built."""
        self._db.execute(
            insert(tables.origins).values(
                seq=seq,
                artifact=artifact.revision,
                repo=artifact.repo or "",
                built_from=str(built_from),
            )
        )

    def origins(self, artifact: Subject) -> tuple[Subject, ...]:
        """Return every commit an artifact was said to be built from, in order of recording."""
        table = tables.origins
        rows = self._all(
            select(table.c.built_from)
            .where(table.c.artifact == artifact.revision, table.c.repo == (artifact.repo or ""))
            .order_by(table.c.seq)
        )
        return tuple(dict.fromkeys(subject_named(row["built_from"], None) for row in rows))

    def body(self, seq: int) -> bytes | None:
        """Return the event at a place of the inbox, None where it is no longer kept."""
        row = self._one(select(tables.inbox.c.body).where(tables.inbox.c.seq == seq))
        return None if row is None else bytes(row["body"])

    def told_about(self, subjects: Iterable[Subject]) -> frozenset[str]:
        """Return which of these subjects (as text) have any recorded outcome."""
        table = tables.outcomes
        names = [str(subject) for subject in subjects]
        rows = self._all(select(table.c.subject).where(table.c.subject.in_(names)).distinct())
        return frozenset(row["subject"] for row in rows)

    def pushed(self, subjects: Iterable[Subject], *, gate: str) -> frozenset[str]:
        """Return which of these subjects (as text) anybody but the source ``gate`` told of."""
        table = tables.causes
        names = [str(subject) for subject in subjects]
        rows = self._all(
            select(table.c.subject)
            .where(table.c.subject.in_(names), table.c.source != gate)
            .distinct()
        )
        return frozenset(row["subject"] for row in rows)

    def outcomes(self, subject: Subject) -> tuple[OutcomeRow, ...]:
        """Return the recorded outcomes of every check on ``subject``, in order of recording."""
        table, box = tables.outcomes, tables.inbox
        rows = self._all(
            select(table, box.c.id, box.c.seen_at, box.c.body)
            .join(box, box.c.seq == table.c.seq)
            .where(table.c.subject == str(subject))
            .order_by(table.c.seq)
        )
        return tuple(
            OutcomeRow(
                row["id"], row["status"] == "failed", row["seen_at"], bytes(row["body"]), row["seq"]
            )
            for row in rows
        )


def subject_of(row: RowMapping) -> Subject:
    """Return the subject a row of ``flows`` names."""
    return Subject(SubjectKind(row["kind"]), row["revision"], row["repo"] or None)


def subject_named(name: str, repo: str | None) -> Subject:
    """Return the subject that ``str`` wrote as ``name``; only a commit names its repository."""
    if name.startswith("tree:sha256:"):
        return Subject.tree(name.removeprefix("tree:"), repo)
    if name.startswith("sha256:"):
        return Subject(SubjectKind.ARTIFACT, name, repo)
    owner, _, sha = name.rpartition("@")
    return Subject.commit(owner, sha)
