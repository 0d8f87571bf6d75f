"""Wishes to deploy, rounds of voting, what voters were shown, and what they said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from devsecops_eda.ledger import tables
from devsecops_eda.ledger.part import Part
from devsecops_eda.ledger.rows import Ask, RoundRow
from devsecops_eda.ledger.written import from_bytes, to_bytes, words_from_text, words_to_text
from devsecops_eda.model import ApprovalRequested, Ballot, Closing, Subject
from devsecops_eda.policy.facts import Request, Round, Seen, Vote


class Voting(Part):
    """Requests, rounds, views and votes within one open transaction."""

    def add_request(
        self,
        seq: int,
        *,
        name: str,
        subject: Subject,
        environment: str,
        user: str,
        requester: str,
        expires_at: datetime | None,
        recorded_at: datetime,
        flow: str,
    ) -> None:
        """Record that ``user`` wants ``subject`` in ``environment``; ``name`` is the event's id."""
        self._db.execute(
            insert(tables.requests).values(
                seq=seq,
                name=name,
                flow=flow,
                subject=str(subject),
                repo=subject.repo or "",
                environment=environment,
                user=user,
                requester=requester,
                expires_at=expires_at,
                recorded_at=recorded_at,
            )
        )

    def requests(self, subject: Subject, environment: str | None) -> tuple[Request, ...]:
        """Return every recorded wish to have ``subject`` in ``environment``, oldest first."""
        table = tables.requests
        rows = self._all(
            select(table)
            .where(
                table.c.subject == str(subject),
                table.c.repo == (subject.repo or ""),
                table.c.environment == (environment or ""),
            )
            .order_by(table.c.seq)
        )
        return tuple(
            Request(
                event_id=row["name"],
                requesters=tuple(name for name in (row["user"], row["requester"]) if name),
                recorded_at=row["recorded_at"],
                expires_at=row["expires_at"],
            )
            for row in rows
        )

    def open_round(
        self,
        request: ApprovalRequested,
        *,
        flow: str,
        ask: Ask,
        event_request: str | None,
        now: datetime,
    ) -> bool:
        """Record a round of voting, once; False when it was recorded before, by whichever flow.

        ``flow`` is where people are asked. ``event_request`` is the event id of the request to
        deploy that it was opened for.
        """
        return self._add(
            tables.rounds,
            approval=request.approval,
            flow=flow,
            ask_flow=ask.flow,
            repo=ask.subject.repo or "",
            gate=ask.gate,
            environment=ask.environment or "",
            subject=str(ask.subject),
            request=event_request,
            body=to_bytes(request),
            opened_at=now,
        )

    def rounds(self, ask: Ask) -> tuple[Round, ...]:
        """Return every round about the subject of an ask at its gate, whichever flow opened it."""
        table = tables.rounds
        found = self._rounds(
            table.c.subject == str(ask.subject),
            table.c.repo == (ask.subject.repo or ""),
            table.c.gate == ask.gate,
            table.c.environment == (ask.environment or ""),
        )
        return tuple(row.round for row in found)

    def round(self, approval: str) -> RoundRow | None:
        """Return one round, None where the gate never opened it."""
        found = self._rounds(tables.rounds.c.approval == approval)
        return found[0] if found else None

    def open_rounds(self, *, repo: str | None = None, every: bool = False) -> tuple[RoundRow, ...]:
        """Return open rounds (``every``: closed ones too) of ``repo`` or all, latest first."""
        table = tables.rounds
        wanted: list[ColumnElement[bool]] = []
        if repo is not None:
            wanted.append(table.c.repo == repo)
        if not every:
            wanted.append(table.c.closing.is_(None))
        return self._rounds(*wanted, newest=True)

    def _rounds(self, *wanted: ColumnElement[bool], newest: bool = False) -> tuple[RoundRow, ...]:
        table = tables.rounds
        at = table.c.opened_at.desc() if newest else table.c.opened_at
        rows = self._all(select(table).where(*wanted).order_by(at, table.c.approval))
        return tuple(_round(row) for row in rows)

    def close(self, approval: str, closing: Closing, now: datetime) -> None:
        """Record how a round ended; the first end stands, but for a veto after it was granted."""
        table = tables.rounds
        may: ColumnElement[bool] = table.c.closing.is_(None)
        if closing is not Closing.GRANTED:
            may = or_(may, table.c.closing == Closing.GRANTED.value)
        self._db.execute(
            update(table)
            .where(table.c.approval == approval, may)
            .values(closing=closing.value, closed_at=now)
        )

    def keep_view(self, approval: str, digest: str, seen: tuple[Seen, ...]) -> None:
        """Record that a round of voting showed this view; a repeat is harmless."""
        self._add(tables.views, approval=approval, digest=digest, seen=to_bytes(seen))

    def add_vote(
        self,
        seq: int,
        *,
        event_id: str,
        approval: str,
        user: str,
        person: str | None,
        groups: Iterable[str],
        vote: Ballot,
        view: str,
        recorded_at: datetime,
        comment: str = "",
    ) -> None:
        """Record a vote, whether it counts or not; ``groups`` are those of the person by now."""
        self._db.execute(
            insert(tables.votes).values(
                seq=seq,
                event_id=event_id,
                approval=approval,
                user=user,
                person=person,
                groups=words_to_text(frozenset(groups)),
                vote=vote.value,
                view=view,
                comment=comment,
                recorded_at=recorded_at,
            )
        )

    def votes(self, approvals: Iterable[str]) -> tuple[Vote, ...]:
        """Return every recorded vote in these rounds, in order of recording."""
        table, views = tables.votes, tables.views
        shown = (views.c.approval == table.c.approval) & (views.c.digest == table.c.view)
        rows = self._all(
            select(table, views.c.seen)
            .outerjoin(views, shown)
            .where(table.c.approval.in_(list(approvals)))
            .order_by(table.c.seq)
        )
        return tuple(
            Vote(
                event_id=row["event_id"],
                approval=row["approval"],
                user=row["user"],
                person=row["person"],
                groups=words_from_text(row["groups"]),
                vote=Ballot(row["vote"]),
                seen=None if row["seen"] is None else from_bytes(tuple[Seen, ...], row["seen"]),
                recorded_at=row["recorded_at"],
                comment=row["comment"],
            )
            for row in rows
        )


def _round(row: RowMapping) -> RoundRow:
    request = from_bytes(ApprovalRequested, row["body"])
    return RoundRow(
        request=request,
        flow=row["flow"],
        ask_flow=row["ask_flow"],
        repo=row["repo"] or None,
        round=Round(
            approval=request.approval,
            rule=request.rule,
            number=request.round,
            policy_digest=request.policy_digest,
            target=request.target,
            merge_base=request.merge_base,
            request=row["request"],
            opened_at=row["opened_at"],
            deadline=request.deadline,
            closing=None if row["closing"] is None else Closing(row["closing"]),
            closed_at=row["closed_at"],
        ),
    )
