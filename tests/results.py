"""A finished scan as the reports get one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    Confidence,
    Coverage,
    DataVersion,
    Decision,
    Failure,
    Finding,
    Gap,
    Mode,
    Outcome,
    OutcomeStatus,
    Package,
    Requirement,
    RequirementState,
    Severity,
    Subject,
    Tool,
    Verdict,
    WaiverListed,
    WaiverReason,
    WaiverRequested,
    WaiverScope,
    WaiverState,
)
from devsecops_eda.reports import Context

NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
SUBJECT = Subject.commit("acme/app", "3f1c9a4be07d5526c1a8e92b7d64f0a3158ce9d2")
INJECTION = Finding(
    rule="python-sql-injection",
    path="app/login page.py",
    line=42,
    column=9,
    end_line=44,
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    message="The query is put together from the request.",
    title="SQL injection",
    help="Values belong into parameters of the query.",
    cwe=("CWE-89",),
    fix="Use a parameterised query.",
    fingerprint="f:1:8c1d2e3f4a5b6c7d",
    fingerprint_nopath="n:1:0a1b2c3d4e5f6a7b",
)
SECRET = Finding(
    rule="python-hardcoded-secret",
    path="app/login page.py",
    line=3,
    severity=Severity.MEDIUM,
    message="A key stands in the code.",
    cwe=("CWE-798: Use of Hard-coded Credentials",),
    fingerprint="f:1:1111",
    fingerprint_nopath="n:1:1111",
)
OLD_PACKAGE = Finding(
    rule="CVE-2020-14343",
    path="requirements.txt",
    line=0,
    severity=Severity.CRITICAL,
    message="pyyaml 5.3: A YAML document can run code",
    title="A YAML document can run code",
    cwe=("CWE-20",),
    fingerprint="f:1:2222",
    fingerprint_nopath="n:1:2222",
    package=Package("pyyaml", "5.3", fixed_versions=("5.4", "6.0")),
)
SEMGREP = Outcome(
    check="semgrep",
    subject=SUBJECT,
    status=OutcomeStatus.COMPLETED,
    cause="c",
    cause_time=NOW,
    tool=Tool("semgrep", "1.182.0"),
    coverage=Coverage(12, 11, (Gap("app/huge.js", "larger than 5 MB"),)),
    findings=(INJECTION, SECRET),
    started_at=NOW,
    finished_at=NOW,
)
SAFETY = Outcome(
    check="safety",
    subject=SUBJECT,
    status=OutcomeStatus.COMPLETED,
    cause="c",
    cause_time=NOW,
    tool=Tool("safety", "3.7.0"),
    coverage=Coverage(1, 1),
    findings=(OLD_PACKAGE,),
    data=DataVersion("sha256:" + "d" * 64, NOW),
)
FAILED = Outcome(
    check="safety",
    subject=SUBJECT,
    status=OutcomeStatus.FAILED,
    cause="c",
    cause_time=NOW,
    tool=Tool("safety", "3.7.0"),
    coverage=Coverage(1, 0),
    failure=Failure(FailureReason.NO_DATA, "there is no vulnerability database"),
)

WAIVER = WaiverListed(
    waiver="0f6f2c1e-8f5f-5c58-9e0e-5a4d5a4a5b11",
    request=WaiverRequested(
        repo="acme/app",
        scope=WaiverScope(advisory="CVE-2020-14343", package="pyyaml"),
        reason=WaiverReason.MITIGATED,
        justification="only our own files are read",
        expires_at=NOW + timedelta(days=14),
    ),
    state=WaiverState.ACTIVE,
    requester="ada",
    requested_at=NOW,
    granter="grace",
)


def requirement(state: RequirementState, id_: str = "r", **kwargs: object) -> Requirement:
    return Requirement(id_, "scan", state, f"it is {state.value}", **kwargs)  # type: ignore[arg-type]


def decision(
    verdict: Verdict = Verdict.DENY,
    requirements: tuple[Requirement, ...] = (
        Requirement(
            "findings",
            "findings",
            RequirementState.FAILED,
            "1 finding of severity high or above",
            solution="mend it, or ask for a waiver",
            blocking=(INJECTION,),
            since=NOW,
        ),
        Requirement("scans", "scan", RequirementState.SATISFIED, "all looked", mode=Mode.WARN),
    ),
    *,
    subject: Subject = SUBJECT,
    blocking_total: int = 1,
) -> Decision:
    return Decision(
        id="7e2b4c60-1d3f-5e5a-8c7b-9d0e1f2a3b4c",
        gate="merge",
        subject=subject,
        verdict=verdict,
        requirements=requirements,
        policy="default",
        policy_digest="sha256:" + "a" * 64,
        inputs_digest="sha256:" + "b" * 64,
        evaluated_at=NOW,
        target="main",
        blocking_total=blocking_total,
    )


@dataclass(frozen=True)
class Scanned:
    """Stands for the result of a scan."""

    decision: Decision = field(default_factory=decision)
    outcomes: tuple[Outcome, ...] = (SEMGREP, SAFETY)
    subject: Subject = SUBJECT
    notes: tuple[str, ...] = ()
    context: Context = field(default_factory=Context)
