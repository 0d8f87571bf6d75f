"""The events the gate says, with ids derived from what made it say them."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from uuid import uuid5

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.ledger import Ask, Message
from devsecops_eda.model import (
    NAMESPACE,
    Decision,
    Event,
    EventType,
    ScanRequested,
    Subject,
)

LOG = logging.getLogger(__name__)

SOURCE = "urn:devsecops-eda:gate"
WORDS_CHARS = (2000, 300, 80, 8)
"""How long the texts of a decision may be; the next is tried where the longer does not fit."""


def message(event: Event) -> Message:
    """Return an event as the message the ledger keeps: its bytes are fixed from here on."""
    return Message(event.id, event.correlationid, codec.key_of(event), _encoded(event))


def _encoded(event: Event) -> bytes:
    """Return the body of an event of ours; what a policy says at length must not keep it unsaid."""
    if isinstance(event.data, Decision):
        for most in WORDS_CHARS:
            try:
                return codec.encode(replace(event, data=_shorter(event.data, most)))
            except InvalidEventError as error:
                LOG.warning("a decision is said in fewer words: %s", error)
    return codec.encode(event)


def _shorter(decision: Decision, most: int) -> Decision:
    lines = (
        replace(line, message=_words(line.message, most), solution=_words(line.solution, most))
        for line in decision.requirements
    )
    message = _words(decision.message, most)
    return replace(decision, requirements=tuple(lines), message=message)


def _words(text: str, most: int) -> str:
    plain = text.replace("\0", "")
    return plain if len(plain) <= most else plain[: max(most - 1, 0)] + "…"


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
