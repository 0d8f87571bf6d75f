"""A gate with people, waivers, approvals and a second gate behind the first, and what they say."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import uuid4

from devsecops_eda import codec
from devsecops_eda.archive import policy_document
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, Message, open_ledger
from devsecops_eda.model import (
    ApprovalRequested,
    ApprovalVoted,
    ArtifactPublished,
    Ballot,
    CountedVote,
    DecisionRequested,
    DeploymentRequested,
    Event,
    EventType,
    Identity,
    Listed,
    ListingMade,
    ListingRequested,
    OverrideRequested,
    OverrideReviewed,
    Payload,
    People,
    Person,
    Subject,
    WaiverGranted,
    WaiverReason,
    WaiverRequested,
    WaiverRevoked,
    WaiverScope,
)
from devsecops_eda.policy import Policy, PolicyText, load_policies
from devsecops_eda.predicates import Evaluator
from devsecops_eda.settings import Repository
from tests.judged import (
    CHECKS,
    HEAD,
    NOW,
    REPO,
    NoEvidence,
    commit_told,
    pushed,
    semgrep_told,
    take,
)

PEOPLE = People(
    persons=(
        Person("ada", users=("ada",), emails=("ada@example.org",)),
        Person("grace", users=("grace", "grace-ops"), emails=("grace@example.org",)),
        Person("linus", users=("linus",), emails=("linus@example.org",)),
        Person("margaret", users=("margaret",), emails=("margaret@example.org",)),
        # Who wrote every commit of the tests.
        Person("alan", users=("alan",), emails=("a@localhost",)),
    ),
    groups={
        "appsec": frozenset({"ada", "grace"}),
        "owners": frozenset({"linus", "alan"}),
        "oncall": frozenset({"margaret"}),
    },
)
HEADER = """\
version: 1
name: test
within: 30m
gates:
  merge: {asked_by: [commit.pushed]}
  deploy: {asked_by: [deployment.requested]}
waivers:
  granters: [appsec]
  max: {critical: 14d, high: 30d, otherwise: 90d}
break_glass: {groups: [oncall], max: 4h, review_within: 3d}
rules:
  - {id: read, kind: scan, gates: [merge], check: commit}
  - {id: code, kind: findings, gates: [merge], check: semgrep, at_most: {high: 0}}
"""
MERGED = "  - {id: merged, kind: decision, gates: [deploy], gate: merge, target: main}\n"
VOTES = """\
  - {id: two, kind: approvals, gates: [deploy], n: 2, groups: [appsec, owners],
     at_least: {appsec: 1}, exclude: [author, requester], deadline: 4h}
"""
SIMPLE = HEADER + MERGED
POLICY = SIMPLE + VOTES
COMMIT = Subject.commit(REPO, HEAD)
ARTIFACT = Subject.artifact("sha256:" + "9" * 64, REPO)
SOON = NOW + timedelta(minutes=1)


def governed(
    policy: str = POLICY,
    *,
    ledger: Ledger | None = None,
    evidence: Evidence | None = None,
    people: People = PEOPLE,
    predicates: Evaluator | None = None,
    repos: Sequence[str] = (REPO,),
) -> Gate:
    """A gate under ``policy`` that archives what it decides."""
    loaded, document = _loaded(policy, tuple(sorted(people.groups.items())))
    return Gate(
        ledger=ledger or open_ledger("sqlite://"),
        policy=loaded,
        checks=CHECKS,
        repositories={key: Repository(key=key, url="/nowhere") for key in repos},
        evidence=evidence or NoEvidence(),
        people=people,
        predicates=predicates,
        policy_document=document,
    )


@cache
def _loaded(
    text: str, groups: tuple[tuple[str, frozenset[str]], ...]
) -> tuple[Policy, tuple[str, bytes]]:
    texts, checks = (PolicyText("test.yaml", text),), frozenset(CHECKS)
    policy = load_policies(texts, checks=checks, groups=dict(groups))
    return policy, policy_document(texts, checks, dict(groups))


def image(ledger: Ledger) -> bytes:
    """Everything in a ledger in memory, for ``put_back``."""
    return bytes(_connection(ledger).serialize())


def put_back(ledger: Ledger, kept: bytes) -> Ledger:
    """The same ledger as it was then: another one, and all that led there, takes far longer."""
    _connection(ledger).deserialize(kept)
    return ledger


def _connection(ledger: Ledger) -> sqlite3.Connection:
    connection = ledger._engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def says(judge: Gate, user: str, *events: Event, now: datetime = NOW) -> list[Message]:
    """Let the gate take what ``user`` says; return what it says to it."""
    return [message for event in events for message in judge.take(event, user=user, now=now)]


def said(messages: Sequence[Message]) -> list[Event]:
    """The events that messages are."""
    return [codec.decode(message.body) for message in messages]


def types(messages: Sequence[Message]) -> list[str]:
    """The types of messages, in order; a decision with its verdict."""
    return [
        ".".join(part for part in (*message.key.split(".")[:2], _verdict(message)) if part)
        for message in messages
    ]


def _verdict(message: Message) -> str:
    words = message.key.split(".")
    return words[4] if words[:2] == ["decision", "made"] else ""


def event(type_: EventType, data: Payload, *, flow: str | None = None) -> Event:
    return Event(
        id=str(uuid4()),
        source="urn:people",
        type=type_,
        subject=codec.subject_of(data),
        time=NOW,
        correlationid=flow or str(uuid4()),
        data=data,
    )


def wanted(
    subject: Subject = COMMIT,
    *,
    environment: str = "prod",
    target: str | None = "main",
    requester: str = "",
) -> Event:
    """A wish to deploy, in a flow of its own."""
    data = DeploymentRequested(subject, environment, target, requester)
    return event(EventType.DEPLOYMENT_REQUESTED, data)


def built(artifact: Subject = ARTIFACT, commit: Subject = COMMIT) -> Event:
    return event(EventType.ARTIFACT_PUBLISHED, ArtifactPublished(artifact, commit))


def asks(flow: str, which: str, *, environment: str | None = None) -> Event:
    data = DecisionRequested(REPO, which, environment)
    return event(EventType.DECISION_REQUESTED, data, flow=flow)


def vote(
    request: ApprovalRequested,
    ballot: Ballot = Ballot.APPROVE,
    *,
    view: str | None = None,
    comment: str = "",
) -> Event:
    data = ApprovalVoted(request.approval, request.subject, ballot, view or request.view, comment)
    return event(EventType.APPROVAL_VOTED, data)


def rounds(messages: Sequence[Message]) -> list[ApprovalRequested]:
    """The rounds that messages ask people to vote in."""
    return [one.data for one in said(messages) if isinstance(one.data, ApprovalRequested)]


def waiver(
    scope: WaiverScope | None = None,
    *,
    days: float = 10,
    repo: str = REPO,
    starts_at: datetime | None = None,
    now: datetime = NOW,
) -> Event:
    """A wish for a waiver, of the finding `bad` if nothing else is said."""
    data = WaiverRequested(
        repo=repo,
        scope=scope or WaiverScope(fingerprint="bad:0"),
        reason=WaiverReason.ACCEPTED,
        justification="known",
        expires_at=now + timedelta(days=days),
        starts_at=starts_at,
    )
    return event(EventType.WAIVER_REQUESTED, data)


def waiver_id(request: Event, user: str) -> str:
    return Identity(user, request.source, request.id).derived("waiver")


def grant(request: Event, by: str, *, repo: str = REPO) -> Event:
    """A grant of what ``by`` asked for."""
    return event(EventType.WAIVER_GRANTED, WaiverGranted(waiver_id(request, by), repo))


def revoke(request: Event, by: str, *, repo: str = REPO) -> Event:
    """A revocation of what ``by`` asked for."""
    return event(EventType.WAIVER_REVOKED, WaiverRevoked(waiver_id(request, by), repo, "enough"))


def overriding(decision: str, *, hours: float = 1, repo: str = REPO, now: datetime = NOW) -> Event:
    data = OverrideRequested(decision, repo, "outage", now + timedelta(hours=hours), "INC-7")
    return event(EventType.OVERRIDE_REQUESTED, data)


def reviewed(override: str, *, justified: bool = True) -> Event:
    return event(EventType.OVERRIDE_REVIEWED, OverrideReviewed(override, REPO, justified, "fine"))


def listing(
    of: Listed, *, repo: str | None = REPO, about: str | None = None, every: bool = False
) -> Event:
    return event(EventType.LISTING_REQUESTED, ListingRequested(of, repo, about, every))


def listed(
    judge: Gate,
    of: Listed,
    *,
    repo: str | None = REPO,
    about: str | None = None,
    every: bool = False,
    now: datetime = NOW,
) -> list[ListingMade]:
    """The parts of what the gate answers to who asks for a listing."""
    question = listing(of, repo=repo, about=about, every=every)
    answers = said(says(judge, "ada", question, now=now))
    return [one.data for one in answers if isinstance(one.data, ListingMade)]


def asking(
    judge: Gate | None = None, *, requester: str = ""
) -> tuple[Gate, Event, ApprovalRequested]:
    """A gate that let a push in and asks people whether it may go to production."""
    judge, push = judge or governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    wish = wanted(requester=requester)
    (request,) = rounds(take(judge, wish))
    return judge, wish, request


def votes(judge: Gate, request: ApprovalRequested) -> list[CountedVote]:
    (part,) = listed(judge, Listed.APPROVALS, about=request.approval)
    (one,) = part.approvals
    return list(one.votes)
