"""A fact on the exchange."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from devsecops_eda.errors import RefusalReason
from devsecops_eda.model.approval import (
    ApprovalClosed,
    ApprovalRequested,
    ApprovalVoted,
    ArtifactPublished,
    DeploymentRequested,
)
from devsecops_eda.model.decision import Decision
from devsecops_eda.model.listing import ListingMade, ListingRequested
from devsecops_eda.model.outcome import Outcome
from devsecops_eda.model.subject import Subject, branch_name
from devsecops_eda.model.waiver import (
    OverrideRequested,
    OverrideReviewed,
    OverrideTold,
    WaiverEnding,
    WaiverGranted,
    WaiverRequested,
    WaiverRevoked,
)

NAMESPACE = UUID("7d0c5c0e-6f0b-5b1e-9a43-0d6f3a1c2e55")
"""The namespace of every uuid5 derived here; changing it makes every event a new one."""


class EventType(StrEnum):
    """The facts there are. The value is subject.predicate, the first two words of the key."""

    COMMIT_PUSHED = "commit.pushed"
    SCAN_REQUESTED = "scan.requested"
    SCAN_COMPLETED = "scan.completed"
    SCAN_FAILED = "scan.failed"
    DECISION_REQUESTED = "decision.requested"
    DECISION_MADE = "decision.made"
    MESSAGE_DEAD_LETTERED = "message.dead_lettered"
    MESSAGE_REPLAYED = "message.replayed"
    MESSAGE_DROPPED = "message.dropped"
    DEPLOYMENT_REQUESTED = "deployment.requested"
    ARTIFACT_PUBLISHED = "artifact.published"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_VOTED = "approval.voted"
    APPROVAL_GRANTED = "approval.granted"
    APPROVAL_DENIED = "approval.denied"
    APPROVAL_EXPIRED = "approval.expired"
    WAIVER_REQUESTED = "waiver.requested"
    WAIVER_GRANTED = "waiver.granted"
    WAIVER_REVOKED = "waiver.revoked"
    WAIVER_EXPIRING = "waiver.expiring"
    WAIVER_EXPIRED = "waiver.expired"
    OVERRIDE_REQUESTED = "override.requested"
    OVERRIDE_REVIEWED = "override.reviewed"
    OVERRIDE_ACTIVATED = "override.activated"
    OVERRIDE_REFUSED = "override.refused"
    OVERRIDE_EXPIRED = "override.expired"
    LISTING_REQUESTED = "listing.requested"
    LISTING_MADE = "listing.made"

    @property
    def wire(self) -> str:
        """Return the CloudEvents ``type`` of the current major version."""
        return f"devsecops.{self.value}.v1"

    @property
    def dataschema(self) -> str:
        """Return the CloudEvents ``dataschema``: a name, never fetched."""
        return f"urn:devsecops-eda:schema:{self.value}:1.0"


@dataclass(frozen=True, slots=True)
class CommitPushed:
    """A commit was pushed to a ref. ``target`` is the branch it is meant to be merged into."""

    repo: str
    ref: str
    sha: str
    target: str | None = None
    before: str | None = None

    @property
    def subject(self) -> Subject:
        """Return the commit that is judged."""
        return Subject.commit(self.repo, self.sha)


@dataclass(frozen=True, slots=True)
class ScanRequested:
    """Somebody asks that one check looks at one subject again."""

    subject: Subject
    check: str
    ref: str | None = None
    target: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecisionRequested:
    """Somebody asks how a gate stands on the flow named by the correlation id."""

    repo: str
    gate: str
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A message was refused and stands in the dead letters. Carries nothing of its content."""

    queue: str
    reason: RefusalReason
    detail: str
    path: str = ""
    message_id: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class _OfLetter:
    """What an operator did with a dead letter. Carries nothing of its content.

    ``letter`` is what the dead letters call it, ``reason`` why it stood there, ``user`` who said
    it first.
    """

    queue: str
    reason: RefusalReason
    letter: str
    message_id: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class MessageReplayed(_OfLetter):
    """An operator sent a dead letter to the queue it came from once more."""


@dataclass(frozen=True, slots=True)
class MessageDropped(_OfLetter):
    """An operator took a dead letter out for good."""


Payload = (
    CommitPushed
    | ScanRequested
    | Outcome
    | DecisionRequested
    | Decision
    | DeadLettered
    | MessageReplayed
    | MessageDropped
    | DeploymentRequested
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
    | OverrideTold
    | ListingRequested
    | ListingMade
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact, as CloudEvents 1.0 has it: who says what about what, when and because of what.

    ``correlationid`` is the flow (a UUID), ``causationid`` the id of the direct cause. With
    ``dataref`` and ``datadigest`` the whole data lies in the evidence store and ``data`` holds
    the summary (CloudEvents claim check).
    """

    id: str
    source: str
    type: EventType
    subject: str
    time: datetime
    correlationid: str
    data: Payload
    causationid: str | None = None
    traceparent: str | None = None
    expirytime: datetime | None = None
    dataref: str | None = None
    datadigest: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes an event itself: the broker-validated user, its source and its id."""

    user: str
    source: str
    id: str

    def slot(self, check: str) -> str:
        """Return the id of the outcome of ``check`` on this event: a slot, not a meaning."""
        return str(uuid5(NAMESPACE, f"outcome/{self.user}/{self.source}/{self.id}/{check}"))

    def derived(self, noun: str) -> str:
        """Return the id of the waiver or override that this event asks for."""
        return str(uuid5(NAMESPACE, f"{noun}/{self.user}/{self.source}/{self.id}"))


def commit_pushed_id(*, repo: str, ref: str, sha: str, target: str | None) -> str:
    """Return the id of a push: the same push told twice is the same event."""
    branch = branch_name(ref)
    return str(uuid5(NAMESPACE, f"commit.pushed/{repo}/{branch}/{sha}/{branch_name(target or '')}"))


def flow_of(event_id: str) -> str:
    """Return the correlation id of the flow that begins with ``event_id``."""
    return str(uuid5(NAMESPACE, f"flow/{event_id}"))


def flow_word(correlationid: str) -> str:
    """Return a flow as one word of a routing key: its UUID in lower-case base32, 26 bytes.

    Raises:
        ValueError: ``correlationid`` is no UUID.
    """
    return base64.b32encode(UUID(correlationid).bytes).decode("ascii").rstrip("=").lower()
