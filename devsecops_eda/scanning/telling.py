"""From an outcome to the event that tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.evidence import Evidence
from devsecops_eda.model import Event, EventType, Identity, Outcome, OutcomeStatus, trace_after


def outcome_event(
    outcome: Outcome, *, cause: Event, identity: Identity, evidence: Evidence, now: datetime
) -> Event:
    """Return the terminal event of one check on one event.

    Its id is the slot of (event, check): whoever tells it again tells the same event. What is
    larger than ``codec.CLAIM_BYTES`` goes to the evidence store, and the event carries a claim.

    Raises:
        UnavailableError: the evidence store is away.
        CheckError: it is larger than any evidence may be (``output_limit``).
    """
    outcome = codec.fitted(outcome)
    completed = outcome.status is OutcomeStatus.COMPLETED
    slot = identity.slot(outcome.check)
    event = Event(
        id=slot,
        source=f"urn:devsecops-eda:check:{outcome.check}",
        type=EventType.SCAN_COMPLETED if completed else EventType.SCAN_FAILED,
        subject=str(outcome.subject),
        time=now,
        correlationid=cause.correlationid,
        causationid=cause.id,
        traceparent=trace_after(cause.traceparent, slot),
        data=outcome,
    )
    if codec.fits_inline(outcome):
        return event
    ref, digest = evidence.put(codec.outcome_to_evidence(outcome))
    return replace(event, dataref=ref, datadigest=digest)
