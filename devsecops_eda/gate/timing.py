"""What time alone says: waivers that end, overrides that are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from devsecops_eda.gate import speech
from devsecops_eda.gate.glass import Glass
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.showing import ShownWaivers
from devsecops_eda.ledger import Message, Records, WaiverRow
from devsecops_eda.model import EventType, WaiverEnding, WaiverListed, WaiverState
from devsecops_eda.policy import Policy
from devsecops_eda.policy.durations import show_duration

EXPIRED = WaiverState.EXPIRED.value
"""The mark of the last thing that is told of a waiver."""


class Timing:
    """Tells each end once, within an open transaction."""

    def __init__(self, policy: Policy, glass: Glass, waivers: ShownWaivers) -> None:
        """Take when a waiver is announced, what ends overrides, and what shows waivers."""
        self._policy = policy
        self._waivers = waivers
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
        ends = row.request.expires_at
        if this.at >= ends:
            records.waivers.announce(row.id, EXPIRED, this.at)
            if self._shown(records, row, this).state is not WaiverState.EXPIRED:
                return []
            said = _ending(row, EventType.WAIVER_EXPIRED, "it is over")
            return [this.owe(records, speech.waiver_ending(*said, mark=EXPIRED, now=this.at))]
        known = records.waivers.announced(row.id)
        due = [one for one in spans if ends - one <= this.at and show_duration(one) not in known]
        if not due:
            return []
        for one in due:
            records.waivers.announce(row.id, show_duration(one), this.at)
        shown = self._shown(records, row, this)
        # Of one that is shorter than a span, that span before its end is no news.
        news = [one for one in due if shown.granted_at and shown.granted_at < ends - one]
        if not news or shown.state not in (WaiverState.ACTIVE, WaiverState.PLANNED):
            return []
        mark = show_duration(min(news))
        said = _ending(row, EventType.WAIVER_EXPIRING, f"it ends in less than {mark}")
        return [this.owe(records, speech.waiver_ending(*said, mark=mark, now=this.at))]

    def _shown(self, records: Records, row: WaiverRow, this: Now) -> WaiverListed:
        return self._waivers.listed(records, (row,), this)[0]


def _ending(row: WaiverRow, type_: EventType, message: str) -> tuple[EventType, WaiverEnding]:
    request = row.request
    return type_, WaiverEnding(row.id, request.repo, request.scope, request.expires_at, message)
