"""People who vote: what they are asked, what they say, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devsecops_eda.model.decision import Requirement
from devsecops_eda.model.subject import Subject, SubjectKind


class Ballot(StrEnum):
    """What one vote says. One ``reject`` by somebody eligible is a veto."""

    APPROVE = "approve"
    REJECT = "reject"


class Closing(StrEnum):
    """How a round of voting ended. Nobody is told of one that was superseded but by the next."""

    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Seats:
    """At least so many of the votes come from people who sit for this group."""

    group: str
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class Excluded:
    """A person whose vote does not count here, and why."""

    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeploymentRequested:
    """Somebody asks that ``subject`` goes to ``environment``.

    ``target`` is the branch that a commit has to have been let into. ``requester`` is who asks
    through a job (a mail address or user), beside the broker user who says so: naming somebody
    here can only exclude him.
    """

    subject: Subject
    environment: str
    target: str | None = None
    requester: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactPublished:
    """A build identity says from which commit an artifact was built, both of one repository."""

    subject: Subject
    built_from: Subject
    name: str = ""

    def __post_init__(self) -> None:
        if self.subject.kind is not SubjectKind.ARTIFACT:
            raise ValueError("what is published is an artifact")
        if self.built_from.kind is not SubjectKind.COMMIT:
            raise ValueError("an artifact is built from a commit")
        # A builder speaks for the repository in his routing key, and for no other's commits.
        if self.subject.repo != self.built_from.repo:
            raise ValueError("an artifact belongs to the repository it was built from")


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """People are asked to vote: one round, bound to exactly what is named here.

    ``approval`` is the id of the round. ``view`` is the digest of ``requirements`` as they stand:
    whoever votes says which view he saw. ``supersedes`` is the round whose votes are void now,
    ``why`` says what made them so.
    """

    approval: str
    gate: str
    subject: Subject
    rule: str
    n: int
    groups: tuple[Seats, ...]
    deadline: datetime
    policy_digest: str
    view: str
    environment: str | None = None
    target: str | None = None
    merge_base: str | None = None
    round: int = 1
    eligible: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    message: str = ""
    supersedes: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalVoted:
    """One person votes in one round, on exactly this subject, having seen ``view``."""

    approval: str
    subject: Subject
    vote: Ballot
    view: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class CountedVote:
    """One recorded vote: ``counted``, or why it does not count. ``event`` is the id of its event.

    ``person`` is empty where the broker user is nobody the operator named.
    """

    event: str
    person: str
    vote: Ballot
    at: datetime
    counted: bool
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalClosed:
    """How a round ended, with the votes that were recorded in it."""

    approval: str
    gate: str
    subject: Subject
    rule: str
    closing: Closing
    environment: str | None = None
    target: str | None = None
    votes: tuple[CountedVote, ...] = ()
    message: str = ""
