"""A gate on a ledger in memory, and the events it is given in tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from devsecops_eda import codec
from devsecops_eda.errors import (
    EvidenceMissingError,
    FailureReason,
    UnavailableError,
)
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message, open_ledger
from devsecops_eda.model import (
    CommitFacts,
    CommitPushed,
    Coverage,
    Decision,
    DecisionRequested,
    Event,
    EventType,
    Failure,
    Finding,
    Identity,
    Outcome,
    OutcomeStatus,
    Severity,
    Signature,
    Tool,
    Verdict,
    commit_pushed_id,
    flow_of,
)
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository

REPO = "acme/app"
HEAD, BASE = "a" * 40, "b" * 40
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHECKS = ("commit", "semgrep")
POLICY = """\
version: 1
name: test
within: 30m
gates:
  merge: {asked_by: [commit.pushed]}
  release: {}
rules:
  - {id: read, kind: scan, gates: [merge, release], check: commit}
  - {id: new, kind: findings, gates: [merge], check: semgrep, at_most: {high: 0}, new_only: true}
  - {id: all, kind: findings, gates: [release], check: semgrep, at_most: {high: 0}}
"""


class NoEvidence(Evidence):
    """A store that holds what a test puts there, or is away."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.away = False

    def put(self, body: bytes) -> tuple[str, str]:
        if self.away:
            raise UnavailableError("away")
        digest = f"sha256:{len(self.held):064x}"
        self.held[digest] = body
        return f"file:///{digest}", digest

    def get(self, digest: str) -> bytes:
        if self.away:
            raise UnavailableError("away")
        if digest not in self.held:
            raise EvidenceMissingError("gone")
        return self.held[digest]


def gate(*, repos: Sequence[str] = (REPO,), evidence: Evidence | None = None) -> Gate:
    return Gate(
        ledger=open_ledger("sqlite://"),
        policy=load_policy(POLICY, file="test.yaml", checks=CHECKS),
        checks=CHECKS,
        repositories={key: Repository(key=key, url="/nowhere") for key in repos},
        evidence=evidence or NoEvidence(),
    )


def pushed(sha: str = HEAD, *, repo: str = REPO, target: str | None = "main") -> Event:
    data = CommitPushed(repo, "refs/heads/topic", sha, target=target)
    event_id = commit_pushed_id(repo=repo, ref=data.ref, sha=sha, target=target)
    return Event(
        event_id, "urn:ci", EventType.COMMIT_PUSHED, str(data.subject), NOW, flow_of(event_id), data
    )


def told(outcome: Outcome, cause: Event) -> Event:
    completed = outcome.status is OutcomeStatus.COMPLETED
    return Event(
        id=Identity("ci", cause.source, cause.id).slot(outcome.check),
        source=f"urn:devsecops-eda:check:{outcome.check}",
        type=EventType.SCAN_COMPLETED if completed else EventType.SCAN_FAILED,
        subject=str(outcome.subject),
        time=NOW + timedelta(seconds=5),
        correlationid=cause.correlationid,
        causationid=cause.id,
        data=outcome,
    )


def outcome(
    check: str,
    cause: Event,
    *findings: str,
    rules: str = "1",
    severity: Severity = Severity.HIGH,
    **more: object,
) -> Outcome:
    subject = cause.data.subject  # type: ignore[union-attr]
    made = Outcome(
        check=check,
        subject=subject,
        status=OutcomeStatus.COMPLETED,
        cause=cause.id,
        cause_time=cause.time,
        tool=Tool(check, "1"),
        coverage=Coverage(1, 1),
        findings=tuple(
            Finding(f"rule-{name}", "app.py", 1, severity, "bad", f"{name}:0", f"np-{name}:0")
            for name in findings
        ),
        rules_digest="sha256:" + rules * 64,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def commit_told(cause: Event, *, merge_base: str | None = BASE) -> Event:
    facts = CommitFacts(
        author=Signature("a", "a@localhost"),
        committers=(),
        parents=(BASE,),
        tree_digest="sha256:" + "c" * 64,
        changed_files=(),
        target="main",
        merge_base=merge_base,
    )
    return told(outcome("commit", cause, commit=facts), cause)


def semgrep_told(
    cause: Event, *findings: str, rules: str = "1", severity: Severity = Severity.HIGH
) -> Event:
    return told(outcome("semgrep", cause, *findings, rules=rules, severity=severity), cause)


def semgrep_failed(cause: Event) -> Event:
    failure = Failure(FailureReason.TIMEOUT, "took too long")
    lost = outcome("semgrep", cause, status=OutcomeStatus.FAILED, failure=failure)
    return told(lost, cause)


def asked(flow: str, which: str = "merge", *, repo: str = REPO) -> Event:
    data = DecisionRequested(repo, which)
    return Event(str(uuid4()), "urn:ci", EventType.DECISION_REQUESTED, repo, NOW, flow, data)


def decisions(messages: Sequence[Message]) -> list[Decision]:
    events = [codec.decode(message.body) for message in messages]
    return [event.data for event in events if isinstance(event.data, Decision)]


def verdicts(messages: Sequence[Message]) -> list[Verdict]:
    return [decision.verdict for decision in decisions(messages)]


def take(judge: Gate, *events: Event, now: datetime = NOW) -> list[Message]:
    """Let the gate take events, the scans it asks for aside; return what it says."""
    return [message for event in events for message in judge.take(event, user="ci", now=now)]
