"""Waivers: asked for, granted and revoked; what they cover is judged again."""

from __future__ import annotations

from devsecops_eda import codec
from devsecops_eda.codec.fitting import MAX_INLINE_IDS
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import speech
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.terms import terms_of
from devsecops_eda.ledger import Ask, Memory, Message, Records, WaiverRow
from devsecops_eda.model import (
    Decision,
    Event,
    Identity,
    People,
    Verdict,
    WaiverGranted,
    WaiverRequested,
    WaiverRevoked,
)
from devsecops_eda.policy import Policy

MAX_AT_ONCE = 200
"""So many asks are judged with the event; beyond that the timer does it, some in each tick."""
MAX_SEARCHED = 2000
"""Among so many asks of a repository it is looked for those a waiver makes a difference to."""

TOO_EARLY = ""
"""What is remarked of a grant or revocation that came before the wish: nothing yet."""


class Waiving:
    """Follows waivers up within an open transaction."""

    def __init__(self, policy: Policy, people: People, judging: Judging) -> None:
        """Take on what terms waivers hold, who is who, and what judges."""
        self._policy = policy
        self._people = people
        self._judging = judging

    def requested(
        self, records: Records, event: Event, data: WaiverRequested, memory: Memory, this: Now
    ) -> list[Message]:
        """Record that somebody asks for a waiver, and what was said of it before.

        Raises:
            InvalidEventError: ``id_conflict``: another sender's wish has that waiver.
        """
        if memory is not Memory.NEW:
            return []
        assert this.seq is not None  # only the timer has none
        waiver = Identity(this.user, event.source, event.id).derived("waiver")
        if records.waivers.get(waiver) is not None:
            # Users and sources may have slashes: two identities can come to one id.
            raise InvalidEventError(
                RefusalReason.ID_CONFLICT, "another wish has the same waiver already", path="/id"
            )
        records.waivers.request(
            this.seq,
            waiver=waiver,
            request=data,
            user=this.user,
            person=self._people.of_user(this.user),
            event_id=event.id,
            now=this.at,
        )
        heard = False
        # Messages overtake each other: what was granted is granted, whichever came first.
        for remark in records.remarks.of(waiver):
            earlier = codec.decode(remark.body).data
            if remark.reason != TOO_EARLY or getattr(earlier, "repo", None) != data.repo:
                continue
            then = Now(remark.seq, remark.event, remark.recorded_at, remark.user)
            records.remarks.forget(remark.seq)
            if isinstance(earlier, WaiverGranted):
                self._grant(records, waiver, then)
            elif isinstance(earlier, WaiverRevoked):
                self._revoke(records, waiver, earlier, then)
            heard = True
        return self._judge(records, data.repo, waiver, this) if heard else []

    def granted(
        self, records: Records, data: WaiverGranted, memory: Memory, this: Now
    ) -> list[Message]:
        """Record a grant, whoever says it, and judge what the waiver may cover.

        Raises:
            InvalidEventError: ``unknown_id``: the waiver is about another repository.
        """
        if memory is Memory.NEW:
            if self._row(records, data) is None:
                self._remark(records, data.waiver, TOO_EARLY, this)
                return []
            self._grant(records, data.waiver, this)
        return self._judge(records, data.repo, data.waiver, this)

    def revoked(
        self, records: Records, data: WaiverRevoked, memory: Memory, this: Now
    ) -> list[Message]:
        """Record a revocation by somebody who may, and judge what rested on the waiver.

        Raises:
            InvalidEventError: ``unknown_id``: the waiver is about another repository.
        """
        if memory is Memory.NEW:
            if self._row(records, data) is None:
                self._remark(records, data.waiver, TOO_EARLY, this)
                return []
            self._revoke(records, data.waiver, data, this)
        return self._judge(records, data.repo, data.waiver, this)

    def _row(self, records: Records, data: WaiverGranted | WaiverRevoked) -> WaiverRow | None:
        row = records.waivers.get(data.waiver)
        if row is not None and row.request.repo != data.repo:
            raise InvalidEventError(
                RefusalReason.UNKNOWN_ID,
                "there is no such waiver in this repository",
                path="/data/waiver",
            )
        return row

    def _grant(self, records: Records, waiver: str, this: Now) -> None:
        assert this.event_id is not None
        person = self._people.of_user(this.user)
        records.waivers.grant(
            waiver,
            user=this.user,
            person=person,
            groups=self._groups(person),
            event_id=this.event_id,
            now=this.at,
        )

    def _revoke(self, records: Records, waiver: str, data: WaiverRevoked, this: Now) -> None:
        assert this.event_id is not None
        row = records.waivers.get(waiver)
        assert row is not None
        person = self._people.of_user(this.user)
        terms = terms_of(self._policy, row.request.repo, row.request.environment)
        mine = this.user == row.requester_user or person in {row.waiver.requester} - {None}
        if not mine and not (terms and self._groups(person) & frozenset(terms.granters)):
            groups = ", ".join(terms.granters) if terms else "nobody"
            why = f"{person or this.user} may not revoke it: {row.requester} may, and {groups}"
            self._remark(records, waiver, why, this)
            return
        records.waivers.revoke(
            waiver,
            user=this.user,
            person=person,
            reason=data.reason,
            event_id=this.event_id,
            now=this.at,
        )

    def _remark(self, records: Records, waiver: str, why: str, this: Now) -> None:
        assert this.seq is not None
        records.remarks.add(this.seq, waiver, why)

    def _groups(self, person: str | None) -> frozenset[str]:
        return self._people.groups_of(person) if person else frozenset()

    def _judge(self, records: Records, repo: str, waiver: str, this: Now) -> list[Message]:
        """Judge the asks of a repository for which the waiver makes a difference."""
        asks = records.asks.of_repo(repo)
        touched = [ask for ask in asks[:MAX_SEARCHED] if _touches(records, ask, waiver)]
        if len(asks) > MAX_SEARCHED or len(touched) > MAX_AT_ONCE:
            records.asks.make_due(repo, this.at)
        return self._judging.judge_all(records, touched[:MAX_AT_ONCE], this)


def _touches(records: Records, ask: Ask, waiver: str) -> bool:
    """Return whether a waiver, given or taken, can change what was decided on an ask."""
    if not ask.answered or ask.decision is None:
        return True
    found = records.said.decided(ask.decision)
    if found is None or found.verdict is not Verdict.ALLOW:
        return True
    # An allow that does not rest on it stands with it and without it.
    told = records.said.message(speech.decision_made_id(ask.decision, ask.flow))
    data = codec.decode(told.body).data if told is not None else None
    if not isinstance(data, Decision):
        return True
    # Of very many an event does not name all.
    return any(
        waiver in line.waivers or len(line.waivers) >= MAX_INLINE_IDS for line in data.requirements
    )
