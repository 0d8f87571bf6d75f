"""What the gate says fits into one event, however much a policy or a person made to say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalListed,
    ApprovalRequested,
    CountedVote,
    Decision,
    Event,
    ListingMade,
    OverrideListed,
    Payload,
    Requirement,
    WaiverListed,
)

LOG = logging.getLogger(__name__)

WORDS_CHARS = (2000, 300, 80, 8)
"""How long the texts of what is said may be; the next is tried where the longer does not fit."""

MAX_VOTES_TOLD = 200
"""So many votes of a round are told; the ledger holds all, and each was judged."""

MAX_EVENTS_TOLD = 40
"""So many events about a waiver or an override are named, the latest."""


_Told = TypeVar("_Told", WaiverListed, OverrideListed)


def encoded(event: Event) -> bytes:
    """Return the body of an event of ours; what is said at length must not stay unsaid.

    Raises:
        InvalidEventError: even with the fewest words it is no event.
    """
    if shorter(event.data, WORDS_CHARS[0]) is not None:
        for most in WORDS_CHARS:
            try:
                data = shorter(event.data, most)
                assert data is not None
                return codec.encode(replace(event, data=data))
            except InvalidEventError as error:
                LOG.warning("%s is said in fewer words: %s", event.type.value, error)
    return codec.encode(event)


def shorter(data: Payload, most: int) -> Payload | None:
    """Return ``data`` with texts of at most ``most`` characters, None where it has none of ours."""
    match data:
        case Decision():
            return replace(
                data,
                requirements=_lines(data.requirements, most),
                message=words(data.message, most),
            )
        case ApprovalRequested():
            return _asked(data, most)
        case ListingMade():
            return replace(
                data,
                approvals=tuple(_listed(one, most) for one in data.approvals),
                waivers=tuple(_told(one, most) for one in data.waivers),
                overrides=tuple(_told(one, most) for one in data.overrides),
            )
        case ApprovalClosed():
            return replace(data, votes=_votes(data.votes, most), message=words(data.message, most))
        case _:
            return None


def words(text: str, most: int) -> str:
    """Return ``text`` without NUL and cut to ``most`` characters."""
    plain = text.replace("\0", "")
    return plain if len(plain) <= most else plain[: max(most - 1, 0)] + "…"


def _listed(item: ApprovalListed, most: int) -> ApprovalListed:
    return replace(item, request=_asked(item.request, most), votes=_votes(item.votes, most))


def _told(item: _Told, most: int) -> _Told:
    events = item.events[-MAX_EVENTS_TOLD:]
    return replace(item, message=words(item.message, most), events=events)


def _asked(data: ApprovalRequested, most: int) -> ApprovalRequested:
    return replace(
        data,
        requirements=_lines(data.requirements, most),
        message=words(data.message, most),
        why=words(data.why, most),
    )


def _lines(lines: Sequence[Requirement], most: int) -> tuple[Requirement, ...]:
    return tuple(
        replace(line, message=words(line.message, most), solution=words(line.solution, most))
        for line in lines
    )


def _votes(votes: Sequence[CountedVote], most: int) -> tuple[CountedVote, ...]:
    # Anybody may vote again and again, and a veto must not stay unheard for that: what counts
    # goes before what does not, and the later before the earlier.
    last = sorted(range(len(votes)), key=lambda at: (votes[at].counted, at))[-MAX_VOTES_TOLD:]
    return tuple(
        replace(vote, comment=words(vote.comment, most), reason=words(vote.reason, most))
        for vote in (votes[at] for at in sorted(last))
    )
