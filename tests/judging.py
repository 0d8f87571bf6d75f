"""Facts for the policy to judge, short to write down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    ChangedFile,
    CommitFacts,
    Coverage,
    DataVersion,
    Decision,
    Failure,
    Finding,
    Gap,
    Outcome,
    OutcomeStatus,
    Requirement,
    Severity,
    Signature,
    Subject,
    Tool,
)
from devsecops_eda.policy import Baseline, Cause, Facts, Policy, decide, load_policy

CHECKS = frozenset({"commit", "semgrep", "safety"})
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WITHIN = timedelta(minutes=30)
REPO = "acme/app"
HEAD = Subject.commit(REPO, "a" * 40)
BASE = Subject.commit(REPO, "b" * 40)
OLDER = Subject.commit(REPO, "c" * 40)
PUSH = Cause("push", None, NOW, NOW)
BEFORE = Cause("push-of-base", None, NOW - timedelta(days=1), NOW - timedelta(days=1))
RULES, DATA = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def policy(*rules: str, within: str = "30m") -> Policy:
    """A policy with one gate `merge` and the rules, each written as the inside of a flow map."""
    lines = "".join(
        f"  - {{id: rule-{at}, gates: [merge], {rule}}}\n" for at, rule in enumerate(rules)
    )
    text = f"version: 1\nname: test\nwithin: {within}\ngates: {{merge: {{}}}}\nrules:\n{lines}"
    return load_policy(text, file="policy.yaml", checks=CHECKS)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def rescan(name: str, at: timedelta, *, check: str = "semgrep") -> Cause:
    """A request to scan again, told and recorded `at` after the push."""
    return Cause(name, check, NOW + at, NOW + at)


def finding(name: str, severity: Severity = Severity.HIGH, **values: object) -> Finding:
    """A finding whose fingerprints come from `name` (`stem:index`) and `path`."""
    found = Finding(
        rule="rule",
        path="app.py",
        line=7,
        severity=severity,
        message="bad",
        fingerprint=f"app.py/{name}",
        fingerprint_nopath=name,
    )
    if "path" in values:
        found = replace(found, fingerprint=f"{values['path']}/{name}")
    return replace(found, **values)  # type: ignore[arg-type]


def completed(
    *findings: Finding,
    check: str = "semgrep",
    cause: Cause = PUSH,
    subject: Subject = HEAD,
    gaps: Iterable[Gap] = (),
    eligible: int = 10,
    scanned: int | None = None,
    rules: str | None = RULES,
    data: str | None = DATA,
    applicable: bool = True,
) -> Outcome:
    gaps = tuple(gaps)
    if not applicable:
        eligible, scanned, rules, data = 0, 0, None, None
    return Outcome(
        check=check,
        subject=subject,
        status=OutcomeStatus.COMPLETED,
        cause=cause.event_id,
        cause_time=cause.time,
        tool=Tool(check, "1"),
        coverage=Coverage(eligible, eligible - len(gaps) if scanned is None else scanned, gaps),
        findings=findings,
        rules_digest=rules,
        data=DataVersion(data, NOW) if data else None,
        applicable=applicable,
    )


def failed(
    *,
    check: str = "semgrep",
    cause: Cause = PUSH,
    subject: Subject = HEAD,
    reason: FailureReason = FailureReason.TIMEOUT,
    detail: str = "semgrep took longer than 600 s",
) -> Outcome:
    return Outcome(
        check=check,
        subject=subject,
        status=OutcomeStatus.FAILED,
        cause=cause.event_id,
        cause_time=cause.time,
        tool=Tool(check, ""),
        coverage=Coverage(0, 0),
        failure=Failure(reason, detail),
    )


def commit(
    *changed: ChangedFile,
    merge_base: str | None = BASE.revision,
    parents: tuple[str, ...] = (BASE.revision,),
    history: tuple[str, ...] = (),
    cause: Cause = PUSH,
    subject: Subject = HEAD,
    cut: bool = False,
    target: str | None = "main",
) -> Outcome:
    """What the check `commit` says."""
    gaps = (Gap("", "too_many_changed_files"),) if cut else ()
    return replace(
        completed(check="commit", cause=cause, subject=subject, rules=None, data=None),
        coverage=Coverage(1, 1, gaps),
        commit=CommitFacts(
            author=Signature("Ada", "ada@example.org"),
            committers=(),
            parents=parents,
            tree_digest="d" * 40,
            changed_files=changed,
            target=target,
            merge_base=merge_base,
            target_history=history,
        ),
    )


def baseline(
    *outcomes: Outcome, requested_at: datetime | None = None, causes: Iterable[Cause] = (BEFORE,)
) -> Baseline:
    first = outcomes[0]
    return Baseline(first.check, first.subject, outcomes, requested_at, tuple(causes))


def of_base(*findings: Finding, subject: Subject = BASE, **values: object) -> Outcome:
    """A completed scan of the base."""
    values = {"cause": BEFORE, **values}
    return completed(*findings, subject=subject, **values)  # type: ignore[arg-type]


def facts(
    *outcomes: Outcome,
    causes: Iterable[Cause] = (PUSH,),
    baselines: Iterable[Baseline] = (),
    **values: object,
) -> Facts:
    made = Facts(
        gate="merge",
        subject=HEAD,
        repository_known=True,
        target="main",
        protected=True,
        environment=None,
        causes=tuple(causes),
        outcomes=outcomes,
        baselines=tuple(baselines),
    )
    return replace(made, **values)  # type: ignore[arg-type]


def line(policy: Policy, facts: Facts, now: datetime = NOW) -> Requirement:
    """The only requirement line of the decision."""
    (only,) = decide(policy, facts, now).requirements
    return only


def verdict(policy: Policy, facts: Facts, now: datetime = NOW) -> str:
    return decide(policy, facts, now).verdict.value


def told(decision: Decision) -> list[tuple[str, str]]:
    """Id and state of each line."""
    return [(line.id, line.state.value) for line in decision.requirements]
