"""The events the gate says, with ids derived from what made it say them."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid5

from devsecops_eda import codec
from devsecops_eda.gate.words import encoded
from devsecops_eda.ledger import Ask, Message
from devsecops_eda.model import (
    NAMESPACE,
    ApprovalClosed,
    ApprovalRequested,
    Closing,
    Decision,
    Event,
    EventType,
    ListingMade,
    OverrideState,
    OverrideTold,
    ScanRequested,
    Subject,
    WaiverEnding,
    flow_of,
)

SOURCE = "urn:devsecops-eda:gate"

_CLOSED = {
    Closing.GRANTED: EventType.APPROVAL_GRANTED,
    Closing.DENIED: EventType.APPROVAL_DENIED,
    Closing.EXPIRED: EventType.APPROVAL_EXPIRED,
}
_OVERRIDE = {
    OverrideState.ACTIVE: EventType.OVERRIDE_ACTIVATED,
    OverrideState.EXPIRED: EventType.OVERRIDE_EXPIRED,
    OverrideState.REFUSED: EventType.OVERRIDE_REFUSED,
}


def message(event: Event) -> Message:
    """Return an event as the message the ledger keeps: its bytes are fixed from here on."""
    return Message(event.id, event.correlationid, codec.key_of(event), encoded(event))


def decision_made_id(decision: str, flow: str, *, answer_to: str = "") -> str:
    """Return the id of the ``decision.made`` that tells a decision to a flow."""
    return _id("decision.made", decision, flow, answer_to)


def decision_made(ask: Ask, decision: Decision, *, cause: str | None, answer_to: str = "") -> Event:
    """Return the ``decision.made`` for one flow.

    Its id is derived from decision and flow, so that whoever asks again gets the same event;
    ``answer_to`` (the id of a ``decision.requested``) tells answers that are not final apart.
    """
    return Event(
        id=decision_made_id(decision.id, ask.flow, answer_to=answer_to),
        source=SOURCE,
        type=EventType.DECISION_MADE,
        subject=str(ask.subject),
        time=decision.evaluated_at,
        correlationid=ask.flow,
        causationid=cause,
        data=decision,
    )


def scan_requested(ask: Ask, subject: Subject, *, check: str, basis: str, now: datetime) -> Event:
    """Return the request to look at a baseline; ``basis`` is what it must be comparable with."""
    return Event(
        id=_id("scan.requested", ask.flow, str(subject), check, basis),
        source=SOURCE,
        type=EventType.SCAN_REQUESTED,
        subject=str(subject),
        time=now,
        correlationid=ask.flow,
        data=ScanRequested(
            subject=subject, check=check, ref=ask.ref, target=ask.target, reason="baseline"
        ),
    )


def approval_requested(
    flow: str, data: ApprovalRequested, *, cause: str | None, now: datetime
) -> Event:
    """Return the event that asks people to vote in one round."""
    return Event(
        id=_id("approval.requested", data.approval),
        source=SOURCE,
        type=EventType.APPROVAL_REQUESTED,
        subject=str(data.subject),
        time=now,
        correlationid=flow,
        causationid=cause,
        data=data,
    )


def approval_closed(flow: str, data: ApprovalClosed, *, cause: str | None, now: datetime) -> Event:
    """Return the event that tells how a round ended; a veto after the quorum is another one."""
    type_ = _CLOSED[data.closing]
    return Event(
        id=_id(type_.value, data.approval),
        source=SOURCE,
        type=type_,
        subject=str(data.subject),
        time=now,
        correlationid=flow,
        causationid=cause,
        data=data,
    )


def waiver_ending(type_: EventType, data: WaiverEnding, *, mark: str, now: datetime) -> Event:
    """Return the event that a waiver ends soon or has; ``mark`` says which span before it."""
    return Event(
        id=_id(type_.value, data.waiver, mark),
        source=SOURCE,
        type=type_,
        subject=data.waiver,
        time=now,
        correlationid=flow_of(data.waiver),
        data=data,
    )


def override_told(flow: str, data: OverrideTold, *, cause: str | None, now: datetime) -> Event:
    """Return the event that tells one flow how an override stands."""
    type_ = _OVERRIDE[data.state]
    return Event(
        id=_id(type_.value, data.override, flow),
        source=SOURCE,
        type=type_,
        subject=data.override,
        time=now,
        correlationid=flow,
        causationid=cause,
        data=data,
    )


def listing_made(
    flow: str, data: ListingMade, *, answer_to: str, cause: str, now: datetime
) -> Event:
    """Return one part of the answer to the ``listing.requested`` with identity ``answer_to``."""
    return Event(
        id=_id("listing.made", answer_to, str(data.part)),
        source=SOURCE,
        type=EventType.LISTING_MADE,
        subject=data.repo or data.of.value,
        time=now,
        correlationid=flow,
        causationid=cause,
        data=data,
    )


def _id(noun: str, *basis: str) -> str:
    return str(uuid5(NAMESPACE, "/".join((noun, *basis))))
