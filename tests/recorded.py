"""Things to put into a ledger, each told apart by a few words."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from devsecops_eda.ledger import Ask, CauseRow, Ledger, Message, Records
from devsecops_eda.model import (
    ApprovalRequested,
    Decision,
    DecisionRequested,
    Event,
    EventType,
    Identity,
    OverrideState,
    OverrideTold,
    Seats,
    Subject,
    Verdict,
    WaiverReason,
    WaiverRequested,
    WaiverScope,
)

REPO, OTHER = "acme/app", "acme/other"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HEAD = Subject.commit(REPO, "a" * 40)
BASE = Subject.commit(REPO, "b" * 40)
ARTIFACT = Subject.artifact("sha256:" + "c" * 64, REPO)


class Promises:
    """Checks that every ledger has to pass, on whichever database; used as a decorator."""

    def __init__(self) -> None:
        self.all: list[Callable[[Ledger], None]] = []

    def __call__(self, check: Callable[[Ledger], None]) -> Callable[[Ledger], None]:
        """Let all tests of ledgers call ``check``."""
        self.all.append(check)
        return check


def named(words: str) -> str:
    """Return the same UUID for the same words."""
    return str(uuid5(NAMESPACE_URL, words))


def heard(records: Records, words: str, *, at: datetime = NOW, flow: str = "flow") -> int:
    """Record an event that is told apart by ``words`` and leads to nothing; return its place."""
    data = DecisionRequested(REPO, "merge")
    event = Event(words, "urn:ci", EventType.DECISION_REQUESTED, REPO, at, named(flow), data)
    _, seq = records.inbox.remember(
        event,
        user="ci",
        variant="",
        digest=hashlib.sha256(words.encode()).hexdigest(),
        body=words.encode(),
        now=at,
    )
    return seq


def pushed(
    records: Records, subject: Subject = HEAD, *, flow: str = "flow", at: datetime = NOW
) -> int:
    """Record that a flow began with a push of ``subject``; return the place of its event."""
    seq = heard(records, f"push {flow}", at=at, flow=flow)
    records.inbox.open_flow(named(flow), subject, ref="topic", target="main")
    identity = Identity("ci", "urn:ci", f"push {flow}")
    records.inbox.add_cause(seq, subject, CauseRow(identity, None, "main", named(flow), at, at))
    return seq


def scanned(
    records: Records, words: str, subject: Subject = HEAD, *, flow: str = "flow", at: datetime = NOW
) -> int:
    """Record an outcome on ``subject``; return the place of its event."""
    seq = heard(records, words, at=at, flow=flow)
    records.inbox.add_outcome(seq, subject, check="semgrep", cause="push", status="completed")
    return seq


def asked(
    records: Records,
    subject: Subject = HEAD,
    *,
    flow: str = "flow",
    gate: str = "merge",
    environment: str | None = None,
    at: datetime = NOW,
) -> Ask:
    """Record that a flow about ``subject`` asks a gate."""
    records.inbox.open_flow(named(flow), subject, ref="topic", target="main")
    return records.asks.open(named(flow), gate, environment=environment, subject=subject, now=at)


def decision(
    words: str,
    subject: Subject = HEAD,
    *,
    gate: str = "merge",
    target: str | None = "main",
    environment: str | None = None,
    verdict: Verdict = Verdict.ALLOW,
    at: datetime = NOW,
) -> Decision:
    """Return a decision that is told apart from others by ``words``."""
    return Decision(
        id=named(words),
        gate=gate,
        subject=subject,
        verdict=verdict,
        requirements=(),
        policy="test",
        policy_digest="sha256:" + "0" * 64,
        inputs_digest="sha256:" + "1" * 64,
        evaluated_at=at,
        target=target,
        environment=environment,
    )


def decided(
    records: Records,
    ask: Ask,
    words: str,
    *,
    at: datetime = NOW,
    rests_on: tuple[int, ...] = (),
    policy: str = "policy",
) -> str:
    """Record a decision as the gate does, with all it rests on, told and sent; return its id."""
    made = decision(words, ask.subject, gate=ask.gate, environment=ask.environment, at=at)
    records.said.record_decision(made)
    records.asks.update(ask, answered=True, decision=made.id)
    records.archive.keep_policy(policy, b"document", at)
    records.archive.keep(
        made.id,
        flow=ask.flow,
        repo=ask.subject.repo or "",
        body=words.encode(),
        facts=b"facts",
        policy_source=policy,
        evaluator="cel",
        rests_on=rests_on,
    )
    said = message(f"decision.made {words} {ask.flow}", flow=ask.flow)
    records.said.enqueue(said, cause=None, now=at, decision=made.id)
    records.said.mark_sent([said.id], now=at)
    return made.id


def message(words: str, *, flow: str = "flow") -> Message:
    """Return a message that is told apart from others by ``words``."""
    return Message(named(words), flow, "decision.made.x", words.encode())


def approval(words: str, subject: Subject = HEAD, *, gate: str = "merge") -> ApprovalRequested:
    """Return a request to vote that is told apart from others by ``words``."""
    return ApprovalRequested(
        approval=named(words),
        gate=gate,
        subject=subject,
        rule="two-eyes",
        n=1,
        groups=(Seats("leads", 1),),
        deadline=NOW + DAY,
        policy_digest="sha256:" + "0" * 64,
        view="sha256:" + "2" * 64,
        target="main",
    )


def wish(*, repo: str = REPO, expires_at: datetime = NOW + DAY) -> WaiverRequested:
    """Return what is asked of a waiver."""
    scope = WaiverScope(fingerprint="f:0")
    return WaiverRequested(repo, scope, WaiverReason.MITIGATED, "behind a proxy", expires_at)


def override(
    words: str,
    over: str = "decision",
    *,
    repo: str = REPO,
    state: OverrideState = OverrideState.ACTIVE,
    expires_at: datetime = NOW + DAY,
    review_due: datetime | None = None,
) -> OverrideTold:
    """Return an override that is told apart from others by ``words``."""
    return OverrideTold(
        override=named(words),
        decision=named(over),
        repo=repo,
        gate="merge",
        subject=HEAD,
        state=state,
        actor="ada",
        reason="the shop is down",
        expires_at=expires_at,
        review_due=review_due,
    )
