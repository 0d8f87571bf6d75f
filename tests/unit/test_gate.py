"""The gate on its ledger: what is recorded, decided once, and said again."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from devsecops_eda import codec
from devsecops_eda.errors import (
    EvidenceMissingError,
    FailureReason,
    InvalidEventError,
    RefusalReason,
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
    ScanRequested,
    Severity,
    Signature,
    Subject,
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


def outcome(check: str, cause: Event, *findings: str, rules: str = "1", **more: object) -> Outcome:
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
            Finding(f"rule-{name}", "app.py", 1, Severity.HIGH, "bad", f"{name}:0", f"np-{name}:0")
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


def semgrep_told(cause: Event, *findings: str, rules: str = "1") -> Event:
    return told(outcome("semgrep", cause, *findings, rules=rules), cause)


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


def test_a_push_is_decided_when_its_checks_have_answered() -> None:
    judge, push = gate(), pushed()
    assert take(judge, push, commit_told(push)) == []
    assert verdicts(take(judge, semgrep_told(push))) == [Verdict.ALLOW]


def test_new_findings_are_told_from_old_ones_by_a_scan_of_the_base_that_the_gate_asks_for() -> None:
    judge, push = gate(), pushed()
    said = take(judge, push, commit_told(push), semgrep_told(push, "old", "new"))
    (request,) = [codec.decode(message.body) for message in said]
    assert request.data == ScanRequested(
        Subject.commit(REPO, BASE), "semgrep", "refs/heads/topic", "main", "baseline"
    )
    take(judge, request)
    (decision,) = decisions(take(judge, semgrep_told(request, "old")))
    assert decision.verdict is Verdict.DENY
    blocking = [f.rule for line in decision.requirements for f in line.blocking]
    assert blocking == ["rule-new"]


def test_a_repeat_says_again_what_the_first_said_with_the_same_bytes() -> None:
    judge, push = gate(), pushed()
    last = semgrep_told(push)
    first = take(judge, push, commit_told(push), last)
    assert verdicts(first) == [Verdict.ALLOW]
    assert take(judge, last) == first
    assert take(judge, push) == first


def test_what_was_recorded_first_stands_against_the_same_id_with_other_content() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    with pytest.raises(InvalidEventError) as caught:
        take(judge, replace(pushed(target="other"), id=push.id, correlationid=push.correlationid))
    assert caught.value.reason is RefusalReason.ID_CONFLICT
    later = replace(push, time=NOW + timedelta(minutes=1))
    assert take(judge, later) == []


@pytest.mark.parametrize(("ahead_s", "taken"), [(300, True), (301, False)])
def test_exactly_five_minutes_ahead_are_taken_and_a_second_more_is_not(
    ahead_s: int, taken: bool
) -> None:
    push = replace(pushed(), time=NOW + timedelta(seconds=ahead_s))
    if taken:
        take(gate(), push)
        return
    with pytest.raises(InvalidEventError) as caught:
        take(gate(), push)
    assert caught.value.reason is RefusalReason.FUTURE_TIME


def test_a_request_is_over_at_the_instant_it_expires() -> None:
    request = replace(asked(str(uuid4())), expirytime=NOW)
    with pytest.raises(InvalidEventError) as caught:
        take(gate(), request)
    assert caught.value.reason is RefusalReason.EXPIRED


def test_every_order_of_a_history_ends_in_the_same_decision() -> None:
    push = pushed()
    base_request = take(gate(), push)  # nothing yet
    assert base_request == []
    history = [push, commit_told(push), semgrep_told(push, "new"), semgrep_failed(push)]
    ends = set()
    for order in itertools.permutations(history):
        judge = gate()
        said = take(judge, *order)
        requests = [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]
        for request in requests[:1]:
            said += take(judge, request, semgrep_told(request))
        ends.add((decisions(said)[-1].verdict, decisions(said)[-1].id))
    assert len(ends) == 1
    assert ends.pop()[0] is Verdict.DENY


def test_after_an_error_a_repeated_push_waits_for_new_outcomes() -> None:
    judge, push = gate(), pushed()
    assert verdicts(take(judge, push, commit_told(push), semgrep_failed(push))) == [Verdict.ERROR]
    assert take(judge, push, now=NOW + timedelta(minutes=1)) == []
    later = NOW + timedelta(minutes=2)
    assert verdicts(take(judge, semgrep_told(push), now=later)) == [Verdict.ALLOW]


def test_after_an_error_the_same_failure_told_again_answers_the_repeated_push() -> None:
    judge, push = gate(), pushed()
    lost = semgrep_failed(push)
    first = take(judge, push, commit_told(push), lost)
    assert take(judge, push, now=NOW + timedelta(minutes=1)) == []
    assert take(judge, lost, now=NOW + timedelta(minutes=2)) == first


def test_silence_becomes_an_error_when_its_time_is_over_and_not_before() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push))
    edge = NOW + timedelta(minutes=30)
    assert judge.tick(edge - timedelta(microseconds=1), owner="me") == ()
    assert verdicts(judge.tick(edge, owner="me")) == [Verdict.ERROR]
    assert judge.tick(edge, owner="me") == ()


def test_only_the_owner_of_the_lease_ticks() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push))
    assert judge.tick(NOW, owner="me") == ()
    assert judge.tick(NOW + timedelta(seconds=10), owner="you") == ()
    edge = NOW + timedelta(minutes=30)
    assert verdicts(judge.tick(edge, owner="you")) == [Verdict.ERROR]


def test_what_was_not_published_stays_owed() -> None:
    judge, push = gate(), pushed()
    said = tuple(take(judge, push, commit_told(push), semgrep_told(push)))
    soon = NOW + timedelta(seconds=6)
    assert judge.owed(soon, age=timedelta(seconds=5)) == said
    judge.published(said, soon)
    assert judge.owed(soon, age=timedelta(seconds=5)) == ()
    assert take(judge, push) == list(said)
    assert judge.owed(soon, age=timedelta(seconds=5)) == said


def test_who_asks_is_told_pending_and_later_the_decision() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    assert verdicts(take(judge, asked(push.correlationid))) == [Verdict.PENDING]
    said = take(judge, commit_told(push), semgrep_told(push))
    assert verdicts(said) == [Verdict.ALLOW]
    assert take(judge, asked(push.correlationid)) == said


def test_another_gate_answers_the_flow_that_asks_it() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "old"))
    (decision,) = decisions(take(judge, asked(push.correlationid, "release")))
    assert (decision.gate, decision.verdict) == ("release", Verdict.DENY)


def test_an_unknown_gate_is_an_error() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    (decision,) = decisions(take(judge, asked(push.correlationid, "mergee")))
    assert decision.verdict is Verdict.ERROR


def test_an_unknown_repository_is_an_error_at_once() -> None:
    assert verdicts(take(gate(repos=()), pushed())) == [Verdict.ERROR]


def test_nobody_is_told_about_a_flow_of_another_repository() -> None:
    judge, push = gate(repos=(REPO, "acme/other")), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    assert take(judge, asked(push.correlationid, repo="acme/other")) == []


def test_nobody_takes_a_flow_by_naming_it_first() -> None:
    judge, push = gate(repos=(REPO, "acme/other")), pushed()
    squatter = replace(pushed("d" * 40, repo="acme/other"), correlationid=push.correlationid)
    take(judge, squatter)
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    assert (decision.verdict, str(decision.subject)) == (Verdict.ALLOW, f"{REPO}@{HEAD}")


def test_a_rescan_under_new_rules_gives_a_new_decision_that_names_the_old_one() -> None:
    judge, push = gate(), pushed()
    (first,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    subject = Subject.commit(REPO, HEAD)
    rescan = Event(
        str(uuid4()),
        "urn:operator",
        EventType.SCAN_REQUESTED,
        str(subject),
        NOW + timedelta(minutes=1),
        str(uuid4()),
        ScanRequested(subject, "semgrep"),
    )
    later = NOW + timedelta(minutes=2)
    said = take(judge, rescan, semgrep_told(rescan, "new", rules="2"), now=later)
    (request,) = [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]
    (second,) = decisions(take(judge, request, semgrep_told(request, rules="2"), now=later))
    assert (second.verdict, second.supersedes) == (Verdict.DENY, first.id)


def test_an_outcome_whose_cause_was_never_seen_is_not_believed() -> None:
    judge, push = gate(), pushed()
    foreign = replace(semgrep_told(push), causationid="unheard-of")
    assert isinstance(foreign.data, Outcome)
    foreign = replace(foreign, data=replace(foreign.data, cause="unheard-of"))
    assert take(judge, push, commit_told(push), foreign) == []


def test_without_its_evidence_an_outcome_waits_or_is_no_verdict() -> None:
    store = NoEvidence()
    judge, push = gate(evidence=store), pushed()
    take(judge, push, commit_told(push))
    claimed = replace(semgrep_told(push), dataref="file:///x", datadigest="sha256:" + "e" * 64)
    store.away = True
    with pytest.raises(UnavailableError):
        take(judge, claimed)
    store.away = False
    assert verdicts(take(judge, claimed)) == [Verdict.ERROR]
