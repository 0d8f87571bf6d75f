"""What people say, as events: votes, waivers, overrides. Each is a new fact with its own id.

Each begins a flow of its own unless ``flow`` names one.
"""

from __future__ import annotations

from datetime import datetime

from uuid6 import uuid7

from devsecops_eda.client.facts import SOURCE
from devsecops_eda.model import (
    ApprovalVoted,
    Ballot,
    Event,
    EventType,
    OverrideRequested,
    OverrideReviewed,
    Payload,
    Subject,
    WaiverGranted,
    WaiverReason,
    WaiverRequested,
    WaiverRevoked,
    WaiverScope,
    flow_of,
)


def approval_voted(
    approval: str,
    *,
    subject: Subject,
    vote: Ballot,
    view: str,
    now: datetime,
    comment: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return one person's vote in the round ``approval``, on exactly what ``view`` showed."""
    data = ApprovalVoted(approval, subject, vote, view, comment)
    return _said(EventType.APPROVAL_VOTED, str(subject), data, now, flow, source)


def waiver_requested(
    repo: str,
    *,
    scope: WaiverScope,
    reason: WaiverReason,
    justification: str,
    expires_at: datetime,
    now: datetime,
    starts_at: datetime | None = None,
    environment: str | None = None,
    ticket: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the wish for a waiver; the waiver's id is ``Identity(…).derived("waiver")`` of it.

    Raises:
        ValueError: an instant has no zone.
    """
    for instant in (expires_at, starts_at):
        _needs_zone(instant)
    data = WaiverRequested(
        repo=repo,
        scope=scope,
        reason=reason,
        justification=justification,
        expires_at=expires_at,
        starts_at=starts_at,
        environment=environment,
        ticket=ticket,
    )
    return _said(EventType.WAIVER_REQUESTED, repo, data, now, flow, source)


def waiver_granted(
    waiver: str,
    *,
    repo: str,
    now: datetime,
    comment: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the grant of a waiver as it was asked for."""
    data = WaiverGranted(waiver, repo, comment)
    return _said(EventType.WAIVER_GRANTED, waiver, data, now, flow, source)


def waiver_revoked(
    waiver: str,
    *,
    repo: str,
    now: datetime,
    reason: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the end of a waiver, for good."""
    data = WaiverRevoked(waiver, repo, reason)
    return _said(EventType.WAIVER_REVOKED, waiver, data, now, flow, source)


def override_requested(
    decision: str,
    *,
    repo: str,
    reason: str,
    expires_at: datetime,
    now: datetime,
    incident: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the wish to override a decision.

    The override's id is ``Identity(…).derived("override")`` of it.

    Raises:
        ValueError: ``expires_at`` has no zone.
    """
    _needs_zone(expires_at)
    data = OverrideRequested(decision, repo, reason, expires_at, incident)
    return _said(EventType.OVERRIDE_REQUESTED, repo, data, now, flow, source)


def override_reviewed(
    override: str,
    *,
    repo: str,
    justified: bool,
    now: datetime,
    comment: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return what another person thinks of an override afterwards."""
    data = OverrideReviewed(override, repo, justified, comment)
    return _said(EventType.OVERRIDE_REVIEWED, override, data, now, flow, source)


def _needs_zone(instant: datetime | None) -> None:
    # Taken for UTC here and for local time there, a waiver would hold for other hours than meant.
    if instant is not None and instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")


def _said(
    type_: EventType,
    subject: str,
    data: Payload,
    now: datetime,
    flow: str | None,
    source: str,
) -> Event:
    id_ = str(uuid7())
    return Event(
        id=id_,
        source=source,
        type=type_,
        subject=subject,
        time=now,
        correlationid=flow or flow_of(id_),
        data=data,
    )
