"""Everything a policy may know about what it judges. Built by the gate from its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from devsecops_eda.model import (
    Ballot,
    Closing,
    Outcome,
    People,
    RequirementState,
    Subject,
    Verdict,
    WaiverReason,
    WaiverScope,
)

COMMIT_CHECK = "commit"
"""The built-in check that says what git says: merge base, changed files, history."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An event that made checks look at a subject.

    ``check`` is None where every check looks (a push). ``time`` is what the event says: it orders
    causes and gives a scan its age. ``recorded_at`` is when the gate recorded it: deadlines count
    from there.
    """

    event_id: str
    check: str | None
    time: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is recorded of ``check`` about another commit that may serve to compare with.

    ``requested_at`` is when the gate last asked for it to be looked at, None if it never did.
    ``pushed`` is whether anybody but the gate told of it, so that it was judged itself.
    """

    check: str
    subject: Subject
    outcomes: tuple[Outcome, ...] = ()
    requested_at: datetime | None = None
    causes: tuple[Cause, ...] = ()
    pushed: bool = True


@dataclass(frozen=True, slots=True)
class BaselineWanted:
    """A scan of ``subject`` that is needed to compare with, under the digests of the head's."""

    check: str
    subject: Subject
    rules_digest: str | None
    data_digest: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded wish to deploy the judged subject to the judged environment.

    ``requesters`` are the names he who asked goes by: broker user, mail address; mapped or not.
    """

    event_id: str
    requesters: tuple[str, ...]
    recorded_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One requirement as a voter saw it: state, what blocked it, by which waivers it stood."""

    id: str
    state: RequirementState
    harmless: bool = False
    blocking: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Round:
    """One round of voting that the gate opened, bound to all that is named here.

    ``request`` is the event id of the deployment request it was opened for, None where a rule
    alone asks people. ``closing`` is how it ended, as recorded.
    """

    approval: str
    rule: str
    number: int
    policy_digest: str
    target: str | None
    merge_base: str | None
    request: str | None
    opened_at: datetime
    deadline: datetime
    closing: Closing | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """One recorded vote. ``person`` None: the broker user is nobody the operator named.

    ``groups`` are those the person was in when the vote was recorded. ``seen`` is the view the
    voter named, None where the gate never showed such a view in that round.
    """

    event_id: str
    approval: str
    user: str
    person: str | None
    groups: frozenset[str]
    vote: Ballot
    seen: tuple[Seen, ...] | None
    recorded_at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver as recorded, in force or not. Persons are None where nobody is behind the user.

    ``granter_groups`` are those the granter was in at the grant.
    """

    id: str
    scope: WaiverScope
    reason: WaiverReason
    requester: str | None
    expires_at: datetime
    starts_at: datetime | None = None
    environment: str | None = None
    granter: str | None = None
    granter_groups: frozenset[str] = frozenset()
    granted_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OtherDecision:
    """The effective decision of another gate about one subject and target."""

    id: str
    gate: str
    subject: Subject
    target: str | None
    protected: bool
    environment: str | None
    verdict: Verdict
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class PredicateWanted:
    """A CEL predicate that has to be evaluated on the effective findings of ``check``."""

    where: str
    check: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What came of a predicate, one truth per finding of the effective outcome, in its order.

    ``matching`` None: it could not be evaluated, ``error`` says why.
    """

    where: str
    check: str
    matching: tuple[bool, ...] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one subject at one gate.

    ``outcomes`` may hold several of one slot, failed ones and repeats, in any order.
    ``repository_known`` says that the operator's configuration names the subject's repository;
    ``protected`` that ``target`` is one of its protected branches. ``origins`` are the commits
    that build identities say an artifact was built from; ``decisions`` are those of other gates
    about the subject and its origins. ``matches`` holds what ``predicates_wanted`` asked for.
    ``origin_commits`` are all outcomes of the check ``commit`` on the origins.
    """

    gate: str
    subject: Subject
    repository_known: bool
    target: str | None
    protected: bool
    environment: str | None
    causes: tuple[Cause, ...]
    outcomes: tuple[Outcome, ...]
    baselines: tuple[Baseline, ...] = ()
    people: People = field(default_factory=People)
    requests: tuple[Request, ...] = ()
    rounds: tuple[Round, ...] = ()
    votes: tuple[Vote, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    decisions: tuple[OtherDecision, ...] = ()
    origins: tuple[Subject, ...] = ()
    matches: tuple[Matches, ...] = ()
    origin_commits: tuple[Outcome, ...] = ()

    @property
    def known_since(self) -> datetime | None:
        """Return when it was first recorded that anything was wanted of the subject."""
        wanted = [one.recorded_at for one in self.causes]
        return min(wanted + [one.recorded_at for one in self.requests], default=None)
