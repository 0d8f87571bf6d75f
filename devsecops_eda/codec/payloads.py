"""Data of an event <-> our values. The dataclasses of the model are the shape on the wire.

Consumers are open: fields we do not know are passed over, and an unknown word of an open enum
becomes ``unknown`` or ``other``. A value equal to its default is not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from cattrs import Converter

from devsecops_eda.codec.strict import refusal
from devsecops_eda.codec.times import format_time, parse_time
from devsecops_eda.errors import FailureReason, RefusalReason
from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalRequested,
    ApprovalVoted,
    ArtifactPublished,
    CommitPushed,
    Confidence,
    DeadLettered,
    Decision,
    DecisionRequested,
    DeploymentRequested,
    EventType,
    ListingMade,
    ListingRequested,
    MessageDropped,
    MessageReplayed,
    Outcome,
    OutcomeStatus,
    OverrideRequested,
    OverrideReviewed,
    OverrideTold,
    Payload,
    ScanRequested,
    Severity,
    StepKind,
    WaiverEnding,
    WaiverGranted,
    WaiverRequested,
    WaiverRevoked,
)

CLASSES: Mapping[EventType, type[Payload]] = {
    EventType.COMMIT_PUSHED: CommitPushed,
    EventType.SCAN_REQUESTED: ScanRequested,
    EventType.SCAN_COMPLETED: Outcome,
    EventType.SCAN_FAILED: Outcome,
    EventType.DECISION_REQUESTED: DecisionRequested,
    EventType.DECISION_MADE: Decision,
    EventType.MESSAGE_DEAD_LETTERED: DeadLettered,
    EventType.MESSAGE_REPLAYED: MessageReplayed,
    EventType.MESSAGE_DROPPED: MessageDropped,
    EventType.DEPLOYMENT_REQUESTED: DeploymentRequested,
    EventType.ARTIFACT_PUBLISHED: ArtifactPublished,
    EventType.APPROVAL_REQUESTED: ApprovalRequested,
    EventType.APPROVAL_VOTED: ApprovalVoted,
    EventType.APPROVAL_GRANTED: ApprovalClosed,
    EventType.APPROVAL_DENIED: ApprovalClosed,
    EventType.APPROVAL_EXPIRED: ApprovalClosed,
    EventType.WAIVER_REQUESTED: WaiverRequested,
    EventType.WAIVER_GRANTED: WaiverGranted,
    EventType.WAIVER_REVOKED: WaiverRevoked,
    EventType.WAIVER_EXPIRING: WaiverEnding,
    EventType.WAIVER_EXPIRED: WaiverEnding,
    EventType.OVERRIDE_REQUESTED: OverrideRequested,
    EventType.OVERRIDE_REVIEWED: OverrideReviewed,
    EventType.OVERRIDE_ACTIVATED: OverrideTold,
    EventType.OVERRIDE_REFUSED: OverrideTold,
    EventType.OVERRIDE_EXPIRED: OverrideTold,
    EventType.LISTING_REQUESTED: ListingRequested,
    EventType.LISTING_MADE: ListingMade,
}
"""The value that each type of event carries."""

_Word = TypeVar("_Word", Confidence, FailureReason, RefusalReason, StepKind)


def to_data(payload: Payload) -> dict[str, Any]:
    """Return ``payload`` as JSON values.

    Raises:
        InvalidEventError: a time in it has no time zone (``schema``).
    """
    try:
        data: dict[str, Any] = _converter().unstructure(payload)
    except ValueError as error:
        raise refusal(RefusalReason.SCHEMA, str(error), path="/data") from error
    return data


def from_data(type_: EventType, data: object, *, path: str = "/data") -> Payload:
    """Return the value that ``data``, which follows the schema of ``type_``, stands for.

    Raises:
        InvalidEventError: its parts contradict each other (``schema``).
    """
    try:
        payload: Payload = _converter().structure(data, CLASSES[type_])
    except ValueError as error:
        # What no schema says: a commit without its repository, a failure in a completed scan.
        raise refusal(RefusalReason.SCHEMA, str(error), path=path) from error
    return payload


def outcome_data(outcome: Outcome, whole: Outcome) -> dict[str, Any]:
    """Return ``outcome`` as JSON values with digest and counts of the ``whole`` it is cut from."""
    data = to_data(outcome)
    data["meaningdigest"] = whole.meaning_digest()
    if outcome.status is OutcomeStatus.COMPLETED:
        data["counts"] = whole.counts()
    return data


@cache
def _converter() -> Converter:
    made = Converter(
        omit_if_default=True, detailed_validation=False, unstruct_collection_overrides={tuple: list}
    )
    made.register_unstructure_hook(Severity, lambda severity: severity.word)
    made.register_structure_hook(Severity, lambda word, _: Severity.of(word))
    made.register_unstructure_hook(datetime, format_time)
    made.register_structure_hook(datetime, lambda text, _: parse_time(text))
    made.register_structure_hook(Confidence, _open(Confidence.UNKNOWN))
    made.register_structure_hook(FailureReason, _open(FailureReason.OTHER))
    made.register_structure_hook(RefusalReason, _open(RefusalReason.OTHER))
    made.register_structure_hook(StepKind, _open(StepKind.OTHER))
    return made


def _open(otherwise: _Word) -> Any:
    known = {str(word): word for word in type(otherwise)}
    return lambda word, _: known.get(word, otherwise)
