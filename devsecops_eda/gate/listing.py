"""The answer to a question what is recorded: rounds of voting, waivers, overrides, outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from devsecops_eda import codec
from devsecops_eda.codec.payloads import to_data
from devsecops_eda.codec.strict import canonical
from devsecops_eda.gate import speech
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.showing import ShownRounds, ShownWaivers
from devsecops_eda.ledger import Message, OverrideRow, Records
from devsecops_eda.model import (
    Event,
    Identity,
    Listed,
    ListingMade,
    ListingRequested,
    Outcome,
    OutcomeListed,
    OverrideListed,
    WaiverListed,
    WaiverState,
)
from devsecops_eda.policy import Policy

MAX_PART_BYTES = 100 * 1024
MAX_IN_PART = 50
"""So many entries one message holds; the door counts what is in it."""
MAX_ENTRIES = 500
"""So many waivers, overrides or outcomes are listed, and how many more there are is told."""
MAX_ROUNDS = 50
"""So many rounds are listed: each is judged as it stands now."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Found:
    """One part of an answer each, and how many entries were left out."""

    parts: tuple[ListingMade, ...]
    more: int


class Listing:
    """Answers questions within an open transaction; of a listing nothing else is recorded."""

    def __init__(
        self, policy: Policy, facts: FactsReader, judging: Judging, waivers: ShownWaivers
    ) -> None:
        """Take what says how things stand now."""
        self._facts = facts
        self._rounds = ShownRounds(policy, judging)
        self._waivers = waivers

    def answer(
        self, records: Records, event: Event, data: ListingRequested, this: Now
    ) -> list[Message]:
        """Return the answer, in as many messages as it takes."""
        found = self._found(records, data, this)
        parts = found.parts or (ListingMade(data.of),)
        identity = Identity(this.user, event.source, event.id).derived("listing")
        said = []
        for number, part in enumerate(parts, 1):
            made = replace(part, repo=data.repo, part=number, parts=len(parts), more=found.more)
            told = speech.listing_made(
                event.correlationid, made, answer_to=identity, cause=event.id, now=this.at
            )
            said.append(this.owe(records, told))
        return said

    def _found(self, records: Records, data: ListingRequested, this: Now) -> _Found:
        match data.of:
            case Listed.APPROVALS:
                return self._approvals(records, data, this)
            case Listed.WAIVERS:
                return self._of_waivers(records, data, this)
            case Listed.OVERRIDES:
                return self._overrides(records, data)
            case Listed.OUTCOMES:
                return self._outcomes(records, data)

    def _approvals(self, records: Records, data: ListingRequested, this: Now) -> _Found:
        if data.about is None:
            rows = records.voting.open_rounds(repo=data.repo, every=data.every)
        else:
            one = records.voting.round(data.about)
            rows = (one,) if one is not None and data.repo in (None, one.repo) else ()
        # One each: the worst of what blocks it fits beside it then.
        return _Found(
            tuple(
                ListingMade(Listed.APPROVALS, approvals=(self._rounds.listed(records, row, this),))
                for row in rows[:MAX_ROUNDS]
            ),
            max(len(rows) - MAX_ROUNDS, 0),
        )

    def _of_waivers(self, records: Records, data: ListingRequested, this: Now) -> _Found:
        if data.about is None:
            rows = records.waivers.of_repo(data.repo)
        else:
            one = records.waivers.get(data.about)
            rows = (one,) if one is not None and data.repo in (None, one.request.repo) else ()
        listed = [
            one
            for one in self._waivers.listed(records, rows, this)
            if data.about is not None or _wanted(one, data, this.at)
        ]
        listed.sort(key=lambda one: (one.request.expires_at, one.waiver))
        return _found(listed, lambda some: ListingMade(Listed.WAIVERS, waivers=some))

    def _overrides(self, records: Records, data: ListingRequested) -> _Found:
        if data.about is None:
            rows = tuple(reversed(records.overrides.of_repo(data.repo, every=data.every)))
        else:
            one = records.overrides.get(data.about)
            rows = (one,) if one is not None and data.repo in (None, one.told.repo) else ()
        return _found(
            [_override(records, row) for row in rows],
            lambda some: ListingMade(Listed.OVERRIDES, overrides=some),
        )

    def _outcomes(self, records: Records, data: ListingRequested) -> _Found:
        if data.about is None or data.repo is None:
            return _Found((), 0)
        subject = records.inbox.flow_subject(data.about, repo=data.repo)
        if subject is None:
            return _Found((), 0)
        rows = self._facts.told_about(records, subject)
        events = [codec.decode(row.body) for row in rows[:MAX_ENTRIES]]
        return _Found(
            tuple(
                ListingMade(
                    Listed.OUTCOMES,
                    outcomes=(OutcomeListed(one.id, one.data, one.dataref, one.datadigest),),
                )
                for one in events
                if isinstance(one.data, Outcome)
            ),
            max(len(rows) - MAX_ENTRIES, 0),
        )


def _wanted(one: WaiverListed, data: ListingRequested, now: datetime) -> bool:
    if data.expiring_s is not None:
        soon = one.request.expires_at <= now + timedelta(seconds=data.expiring_s)
        return soon and one.state in (WaiverState.ACTIVE, WaiverState.PLANNED)
    if data.every:
        return True
    if one.state is WaiverState.EXPIRED:
        # What held once is shown until somebody removes it: what nobody sees is forgotten.
        return one.granted_at is not None
    return one.state is not WaiverState.REVOKED


def _override(records: Records, row: OverrideRow) -> OverrideListed:
    remarks = records.remarks.of(row.told.override)
    reviews = (row.review,) if row.review else ()
    return OverrideListed(
        told=row.told,
        requested_at=row.requested_at,
        reviewer=row.reviewer,
        reviewed_at=row.reviewed_at,
        justified=row.justified,
        review=row.review,
        message="; ".join(dict.fromkeys(one.reason for one in remarks)),
        events=(*reviews, *(one.event for one in remarks)),
    )


def _found(items: Sequence[_T], made: Callable[[tuple[_T, ...]], ListingMade]) -> _Found:
    """Return ``items`` in as few parts as they fit into, in their order."""
    parts: list[ListingMade] = []
    some: list[_T] = []
    length = 0
    for item in items[:MAX_ENTRIES]:
        size = _size(made((item,)))
        if some and (len(some) == MAX_IN_PART or length + size > MAX_PART_BYTES):
            parts.append(made(tuple(some)))
            some, length = [], 0
        some.append(item)
        length += size
    if some:
        parts.append(made(tuple(some)))
    return _Found(tuple(parts), max(len(items) - MAX_ENTRIES, 0))


def _size(made: ListingMade) -> int:
    return len(canonical(to_data(made)))
