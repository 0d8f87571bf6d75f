"""What of a payload goes on the wire where all of it would not fit: the worst, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from devsecops_eda.codec.claim import SUMMARY_LENGTHS, summary, worst_places
from devsecops_eda.model import (
    ApprovalRequested,
    Decision,
    Event,
    ListingMade,
    Outcome,
    Payload,
    Requirement,
)

MAX_INLINE_IDS = 256
"""As many outcomes and waivers a requirement names; the gate's records hold all."""
MAX_INLINE_STEPS = 64
"""As many steps to an allow a decision tells."""


def lengths(event: Event) -> tuple[int | None, ...]:
    """Return how long the long lists of ``event`` may be, None as they are.

    The next is tried where the longer does not fit. Of a listing with several entries the
    speaker can make several messages, so its entries are not cut shorter than a decision's.
    """
    match event.data:
        case Outcome() if event.dataref is None:
            return (None,)
        case Outcome() | Decision() | ApprovalRequested():
            return SUMMARY_LENGTHS
        case ListingMade():
            entries = len(event.data.approvals) + len(event.data.outcomes)
            return SUMMARY_LENGTHS if entries == 1 else SUMMARY_LENGTHS[:1]
        case _:
            return (None,)


def shortened(payload: Payload, *, length: int) -> Payload:
    """Return ``payload`` with its long lists cut to ``length``; what has none is left alone."""
    match payload:
        case Outcome():
            return summary(payload, length=length)
        case Decision():
            return _decision(payload, length=length)
        case ApprovalRequested():
            return _asked(payload, length=length)
        case ListingMade():
            return _listing(payload, length=length)
        case _:
            return payload


def _decision(decision: Decision, *, length: int) -> Decision:
    """Return ``decision`` with the ``length`` worst blocking findings, the others only counted."""
    counted = sum(len(line.blocking) for line in decision.requirements)
    return replace(
        decision,
        requirements=_lines(decision.requirements, length=length),
        blocking_total=max(decision.blocking_total, counted if counted > length else 0),
        way=decision.way[:MAX_INLINE_STEPS],
    )


def _asked(request: ApprovalRequested, *, length: int) -> ApprovalRequested:
    return replace(request, requirements=_lines(request.requirements, length=length))


def _listing(listing: ListingMade, *, length: int) -> ListingMade:
    return replace(
        listing,
        approvals=tuple(
            replace(one, request=_asked(one.request, length=length)) for one in listing.approvals
        ),
        # One without claim check is whole, and anybody who reads it may rely on that.
        outcomes=tuple(
            one
            if one.dataref is None
            else replace(one, outcome=summary(one.outcome, length=length))
            for one in listing.outcomes
        ),
    )


def _lines(requirements: Sequence[Requirement], *, length: int) -> tuple[Requirement, ...]:
    every = [finding for line in requirements for finding in line.blocking]
    kept = worst_places(every, length)
    lines, start = [], 0
    for line in requirements:
        end = start + len(line.blocking)
        lines.append(
            replace(
                line,
                blocking=tuple(every[at] for at in range(start, end) if at in kept),
                evidence=line.evidence[:MAX_INLINE_IDS],
                waivers=line.waivers[:MAX_INLINE_IDS],
            )
        )
        start = end
    return tuple(lines)
