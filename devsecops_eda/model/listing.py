"""What can be asked of the gate's memory over the exchange, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devsecops_eda.model.approval import ApprovalRequested, Closing, CountedVote
from devsecops_eda.model.outcome import Outcome
from devsecops_eda.model.waiver import OverrideTold, WaiverRequested


class Listed(StrEnum):
    """What can be listed."""

    APPROVALS = "approvals"
    WAIVERS = "waivers"
    OVERRIDES = "overrides"
    OUTCOMES = "outcomes"


class WaiverState(StrEnum):
    """How a waiver stands. Only one that is active covers anything."""

    REQUESTED = "requested"
    PLANNED = "planned"
    ACTIVE = "active"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ListingRequested:
    """Somebody asks what is recorded; it has no other effect.

    ``repo`` absent: everywhere. ``about`` is one id: of an approval, waiver or override, or the
    flow whose outcomes are wanted. ``every`` brings also what is over. ``expiring_s`` wants only
    waivers that end within so many seconds.
    """

    of: Listed
    repo: str | None = None
    about: str | None = None
    every: bool = False
    expiring_s: int | None = None


@dataclass(frozen=True, slots=True)
class ApprovalListed:
    """One round of voting: what was asked, what was voted, how it ended."""

    request: ApprovalRequested
    flow: str
    opened_at: datetime
    votes: tuple[CountedVote, ...] = ()
    closing: Closing | None = None
    closed_at: datetime | None = None
    void: str = ""


@dataclass(frozen=True, slots=True)
class WaiverListed:
    """One waiver: what was asked, by whom, and how it stands now; ``message`` says why.

    ``events`` are the ids of all events about it that the gate recorded.
    """

    waiver: str
    request: WaiverRequested
    state: WaiverState
    requester: str
    requested_at: datetime
    granter: str = ""
    granted_at: datetime | None = None
    revoked_by: str = ""
    revoked_at: datetime | None = None
    message: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OverrideListed:
    """One override and its review.

    ``events`` are the ids of all events about it; ``review`` is the one of the review that counts,
    ``message`` says why another does not.
    """

    told: OverrideTold
    requested_at: datetime
    reviewer: str = ""
    reviewed_at: datetime | None = None
    justified: bool | None = None
    review: str = ""
    message: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeListed:
    """One outcome as its event carried it, with the claim check where it was too large."""

    event: str
    outcome: Outcome
    dataref: str | None = None
    datadigest: str | None = None


@dataclass(frozen=True, slots=True)
class ListingMade:
    """The answer to a ``listing.requested``; one field is filled. ``more`` were left out.

    ``repo`` is that of the question. An answer over several messages has ``part`` of ``parts``
    (counted from 1).
    """

    of: Listed
    repo: str | None = None
    approvals: tuple[ApprovalListed, ...] = ()
    waivers: tuple[WaiverListed, ...] = ()
    overrides: tuple[OverrideListed, ...] = ()
    outcomes: tuple[OutcomeListed, ...] = ()
    part: int = 1
    parts: int = 1
    more: int = 0
