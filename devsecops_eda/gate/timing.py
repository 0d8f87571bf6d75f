"""What time alone says: waivers that end, overrides that are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from devsecops_eda.gate import speech
from devsecops_eda.gate.glass import Glass
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.terms import entitled, terms_of
from devsecops_eda.ledger import Message, Records, WaiverRow
from devsecops_eda.model import EventType, WaiverEnding, WaiverState
from devsecops_eda.policy import Policy, waiver_state
from devsecops_eda.policy.durations import show_duration

EXPIRED = WaiverState.EXPIRED.value
"""The mark of the last thing that is told of a waiver."""


class Timing:
    """Tells each end once, within an open transaction."""

    def __init__(self, policy: Policy, glass: Glass) -> None:
        """Take which spans before its end a waiver is announced at, and what ends overrides."""
        self._policy = policy
        self._glass = glass

    def tell(self, records: Records, now: datetime) -> list[Message]:
        """Return what there is to say of waivers and overrides at ``now``."""
        this = Now(None, None, now)
        said: list[Message] = []
        for row in records.overrides.ending(now):
            said += self._glass.expire(records, row, this)
        terms = self._policy.waivers
        spans = terms.announce if terms is not None else ()
        for waiver in records.waivers.ending(now + max(spans, default=timedelta(0))):
            said += self._waiver(records, waiver, spans, this)
        return said

    def _waiver(
        self, records: Records, row: WaiverRow, spans: tuple[timedelta, ...], this: Now
    ) -> list[Message]:
        begins, ends = self._begins(row, this.at), row.request.expires_at
        if this.at >= ends:
            records.waivers.announce(row.id, EXPIRED, this.at)
        if begins is None:
            return []
        if this.at >= ends:
            said = _ending(row, EventType.WAIVER_EXPIRED, "it is over")
            return [this.owe(records, speech.waiver_ending(*said, mark=EXPIRED, now=this.at))]
        # Of one that is shorter than a span, that span before its end is no news.
        known = records.waivers.announced(row.id)
        begun = [one for one in spans if begins < ends - one <= this.at]
        due = [one for one in begun if show_duration(one) not in known]
        for one in due:
            records.waivers.announce(row.id, show_duration(one), this.at)
        if not due or min(due) != min(begun):
            return []
        mark = show_duration(min(due))
        said = _ending(row, EventType.WAIVER_EXPIRING, f"it ends in less than {mark}")
        return [this.owe(records, speech.waiver_ending(*said, mark=mark, now=this.at))]

    def _begins(self, row: WaiverRow, now: datetime) -> datetime | None:
        """Return since when a waiver was granted by somebody who may, None where it never held."""
        terms = terms_of(self._policy, row.request.repo, row.request.environment)
        granted = [
            one.granted_at
            for one in row.candidates
            if entitled(one, terms)
            and waiver_state(one, terms, None, now)[0] is not WaiverState.REFUSED
        ]
        return min((one for one in granted if one is not None), default=None)


def _ending(row: WaiverRow, type_: EventType, message: str) -> tuple[EventType, WaiverEnding]:
    request = row.request
    return type_, WaiverEnding(row.id, request.repo, request.scope, request.expires_at, message)
