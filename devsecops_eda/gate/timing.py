"""What time alone says: waivers that end, overrides that are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from devsecops_eda.gate import speech
from devsecops_eda.gate.glass import Glass
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.showing import ShownWaivers
from devsecops_eda.ledger import Message, OverrideRow, Records, WaiverRow
from devsecops_eda.model import EventType, WaiverEnding, WaiverListed, WaiverState
from devsecops_eda.policy import Policy
from devsecops_eda.policy.durations import show_duration

EXPIRED = WaiverState.EXPIRED.value
"""The mark of the last thing that is told of a waiver."""


class Timing:
    """Tells each end once, within an open transaction."""

    def __init__(self, policy: Policy, glass: Glass, waivers: ShownWaivers) -> None:
        """Take when a waiver is announced, what ends overrides, and what shows waivers."""
        terms = policy.waivers
        self._spans = terms.announce if terms is not None else ()
        self._glass = glass
        self._waivers = waivers

    def waivers(self, records: Records, now: datetime) -> tuple[WaiverRow, ...]:
        """Return the waivers of whose end there may be something to tell at ``now``."""
        return records.waivers.ending(now + max(self._spans, default=timedelta(0)))

    def override(self, row: OverrideRow, this: Now, records: Records) -> list[Message]:
        """Return that an override is over."""
        return self._glass.expire(records, row, this)

    def waiver(self, row: WaiverRow, this: Now, records: Records) -> list[Message]:
        """Return what there is to tell of a waiver's end: that it is near, or that it is over."""
        ends = row.request.expires_at
        if this.at >= ends:
            records.waivers.announce(row.id, EXPIRED, this.at)
            if self._shown(records, row, this).state is not WaiverState.EXPIRED:
                return []
            said = _ending(row, EventType.WAIVER_EXPIRED, "it is over")
            return [this.owe(records, speech.waiver_ending(*said, mark=EXPIRED, now=this.at))]
        known = records.waivers.announced(row.id)
        due = [
            one for one in self._spans if ends - one <= this.at and show_duration(one) not in known
        ]
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
