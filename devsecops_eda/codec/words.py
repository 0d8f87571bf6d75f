"""What an event is about: the attribute ``subject`` and the words of the routing key."""

from __future__ import annotations

from devsecops_eda import topology
from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalRequested,
    ApprovalVoted,
    ArtifactPublished,
    CommitPushed,
    DeadLettered,
    Decision,
    DecisionRequested,
    DeploymentRequested,
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
    WaiverEnding,
    WaiverGranted,
    WaiverRequested,
    WaiverRevoked,
    branch_name,
)

Words = tuple[str | None, str | None, str | None]
"""Repository, scope and class."""


def subject_of(payload: Payload) -> str:
    """Return what an event with ``payload`` is about, the attribute ``subject``."""
    match payload:
        case DecisionRequested() | WaiverRequested() | OverrideRequested():
            return payload.repo
        case ListingRequested() | ListingMade():
            return payload.repo or payload.of.value
        case DeadLettered() | MessageReplayed() | MessageDropped():
            return payload.queue
        case WaiverGranted() | WaiverRevoked() | WaiverEnding():
            return payload.waiver
        case OverrideReviewed() | OverrideTold():
            return payload.override
        case _:
            return str(payload.subject)


def names_its_subject(payload: Payload) -> bool:
    """Return whether ``payload`` says what the attribute ``subject`` has to be."""
    match payload:
        case DecisionRequested() | DeadLettered():
            return False
        case ListingRequested() | ListingMade():
            return payload.repo is not None
        case _:
            return True


def words_of(payload: Payload) -> Words:
    """Return repository, scope and class of the routing key."""
    match payload:
        case CommitPushed():
            return payload.repo, branch_name(payload.ref), None
        case ScanRequested():
            return payload.subject.repo, payload.check, None
        case Outcome(status=OutcomeStatus.FAILED):
            reason = payload.failure.reason.value if payload.failure else None
            return payload.subject.repo, payload.check, reason
        case Outcome():
            rated = payload.worst.word if payload.worst else "none"
            return payload.subject.repo, payload.check, rated
        case DecisionRequested():
            return payload.repo, payload.environment, None
        case Decision():
            return payload.subject.repo, payload.environment, payload.verdict.value
        case DeadLettered() | MessageReplayed() | MessageDropped():
            check = payload.queue.removeprefix(topology.queue_name(""))
            return None, check, payload.reason.value
        case ListingRequested() | ListingMade():
            return payload.repo, payload.of.value, None
        case _:
            return _of_people(payload)


def _of_people(
    payload: DeploymentRequested
    | ArtifactPublished
    | ApprovalRequested
    | ApprovalVoted
    | ApprovalClosed
    | WaiverRequested
    | WaiverGranted
    | WaiverRevoked
    | WaiverEnding
    | OverrideRequested
    | OverrideReviewed
    | OverrideTold,
) -> Words:
    match payload:
        case DeploymentRequested():
            return payload.subject.repo, payload.environment, None
        case ArtifactPublished():
            return payload.subject.repo, None, None
        case ApprovalRequested():
            return payload.subject.repo, payload.environment, payload.gate
        case ApprovalVoted():
            return payload.subject.repo, None, payload.vote.value
        case ApprovalClosed():
            return payload.subject.repo, payload.environment, payload.closing.value
        case WaiverRequested():
            return payload.repo, payload.environment, payload.reason.value
        case OverrideTold():
            return payload.repo, payload.environment, payload.state.value
        case (
            WaiverGranted()
            | WaiverRevoked()
            | WaiverEnding()
            | OverrideRequested()
            | OverrideReviewed()
        ):
            return payload.repo, None, None
