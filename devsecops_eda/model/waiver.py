"""Time-boxed exceptions: waivers, and the override of who breaks the glass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devsecops_eda.model.subject import Subject


class WaiverReason(StrEnum):
    """The class of reason a waiver is asked for."""

    FALSE_POSITIVE = "false_positive"
    MITIGATED = "mitigated"
    ACCEPTED = "accepted"
    NO_FIX = "no_fix"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class WaiverScope:
    """What a waiver covers: exactly one of three, never a rule alone.

    A ``fingerprint``; an ``advisory`` (or an alias of it) of one ``package``; or a
    ``requirement`` (the id of a rule) on one exact ``subject``, which covers a scan that is
    missing, errored or stale and nothing else.
    """

    fingerprint: str = ""
    advisory: str = ""
    package: str = ""
    requirement: str = ""
    subject: Subject | None = None

    def __post_init__(self) -> None:
        chosen = (
            bool(self.fingerprint),
            bool(self.advisory or self.package),
            bool(self.requirement or self.subject),
        )
        if sum(chosen) != 1:
            raise ValueError(
                "a waiver covers one fingerprint, one advisory with its package, or one"
                " requirement with its subject"
            )
        if bool(self.advisory) != bool(self.package):
            raise ValueError("an advisory is waived for one package: name both")
        if bool(self.requirement) != (self.subject is not None):
            raise ValueError("a requirement is waived for one subject: name both")


@dataclass(frozen=True, slots=True)
class WaiverRequested:
    """Somebody asks for an exception in one repository, until ``expires_at``.

    ``starts_at`` absent: from the grant on. ``environment`` absent: in any.
    """

    repo: str
    scope: WaiverScope
    reason: WaiverReason
    justification: str
    expires_at: datetime
    starts_at: datetime | None = None
    environment: str | None = None
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class WaiverGranted:
    """Somebody grants the waiver with this id as it was asked for."""

    waiver: str
    repo: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class WaiverRevoked:
    """Somebody ends a waiver, for good."""

    waiver: str
    repo: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WaiverEnding:
    """The gate tells that a waiver ends soon (``waiver.expiring``) or has (``waiver.expired``)."""

    waiver: str
    repo: str
    scope: WaiverScope
    expires_at: datetime
    message: str = ""


class OverrideState(StrEnum):
    """How an override stands."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class OverrideRequested:
    """Somebody entitled breaks the glass over one decision, which stays what it is."""

    decision: str
    repo: str
    reason: str
    expires_at: datetime
    incident: str = ""


@dataclass(frozen=True, slots=True)
class OverrideReviewed:
    """Another person looked at an override afterwards."""

    override: str
    repo: str
    justified: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OverrideTold:
    """The gate tells how an override stands (``override.activated|refused|expired``)."""

    override: str
    decision: str
    repo: str
    gate: str
    subject: Subject
    state: OverrideState
    actor: str
    reason: str
    expires_at: datetime
    incident: str = ""
    environment: str | None = None
    review_due: datetime | None = None
    message: str = ""
