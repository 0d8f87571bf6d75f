"""The events the gate says, with ids derived from what made it say them."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid5

from devsecops_eda import codec
from devsecops_eda.ledger import Ask, Message
from devsecops_eda.model import (
    NAMESPACE,
    Decision,
    Event,
    EventType,
    ScanRequested,
    Subject,
)

SOURCE = "urn:devsecops-eda:gate"


def message(event: Event) -> Message:
    """Return an event as the message the ledger keeps: its bytes are fixed from here on."""
    return Message(event.id, event.correlationid, codec.key_of(event), codec.encode(event))


def decision_made_id(decision: str, flow: str, *, answer_to: str = "") -> str:
    """Return the id of the ``decision.made`` that tells a decision to a flow."""
    return str(uuid5(NAMESPACE, f"decision.made/{decision}/{flow}/{answer_to}"))


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
        id=str(uuid5(NAMESPACE, f"scan.requested/{ask.flow}/{subject}/{check}/{basis}")),
        source=SOURCE,
        type=EventType.SCAN_REQUESTED,
        subject=str(subject),
        time=now,
        correlationid=ask.flow,
        data=ScanRequested(
            subject=subject, check=check, ref=ask.ref, target=ask.target, reason="baseline"
        ),
    )
