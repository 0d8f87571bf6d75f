"""Every kind of rule in every state it can have, on what the scanners really said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from devsecops_eda.checks.safety import Safety
from devsecops_eda.checks.semgrep import Semgrep
from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    CommitFacts,
    Coverage,
    Outcome,
    Severity,
    Tool,
    Verdict,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import Cause, Facts, OtherDecision, Policy, Waiver, applied, decide
from devsecops_eda.policy.model import (
    AnyRule,
    ApprovalsRule,
    CoverageRule,
    DecisionRule,
    FindingsRule,
    GateSpec,
    IfNothing,
    OpenHours,
    ScanRule,
    Scope,
    Weekday,
    WindowRule,
)
from devsecops_eda.scanning.assignment import assignment
from devsecops_eda.scanning.shaping import completed, failed
from tests.judging import BASE, HEAD, NOW, minutes
from tests.judging_cases import TERMS
from tests.scanned import CLEAN, CODE, PINS, PUSHED, nothing_for, safety, semgrep
from tests.voting import AUTHOR, people, round_, vote

GATES = frozenset({"merge"})
WITHIN, DAY = minutes(30), timedelta(days=1)
LATE, NEXT_DAY = NOW + WITHIN, NOW + DAY
PUSH = Cause(PUSHED.id, None, NOW, NOW)

SCAN = ScanRule(id="r", gates=GATES, check="semgrep", within=WITHIN, max_age=DAY)
FINDINGS = FindingsRule(
    id="r", gates=GATES, check="safety", within=WITHIN, max_age=DAY, at_most=((Severity.HIGH, 0),)
)
COVERAGE = CoverageRule(
    id="r", gates=GATES, check="semgrep", within=WITHIN, max_age=DAY, of=Scope.ALL_FILES
)
APPROVALS = ApprovalsRule(
    id="votes", gates=GATES, n=2, groups=("appsec", "owners"), deadline=DAY, within=WITHIN
)
OPEN = (OpenHours(frozenset(Weekday), 9 * 60, 11 * 60),)
WINDOW = WindowRule(id="r", gates=GATES, zone="Europe/Berlin", opens=OPEN)
DECISION = DecisionRule(id="r", gates=GATES, gate="release", within=WITHIN, max_age=DAY)
OF_FOO = WaiverScope(advisory="CVE-2026-1000", package="Foo_Bar")
OF_SCAN = WaiverScope(requirement="r", subject=HEAD)


@dataclass(frozen=True)
class Told:
    """What was recorded; outcomes by a short name of what is in them."""

    outcomes: tuple[str, ...] = ()
    waived: WaiverScope | None = None
    votes: tuple[str, ...] = ()
    other: Verdict | None = None


ROWS: list[tuple[AnyRule, Told, datetime, str]] = [
    (SCAN, Told(("code",)), NOW, "satisfied"),
    (SCAN, Told(), NOW, "running"),
    (SCAN, Told(), LATE, "missing"),
    (SCAN, Told(("bad rule",)), NOW, "errored"),
    (SCAN, Told(("code",)), NEXT_DAY, "stale"),
    (SCAN, Told(("no code", "commit")), LATE, "missing"),
    (replace(SCAN, if_nothing=IfNothing.ALLOW), Told(("no code",)), NOW, "not_applicable"),
    (SCAN, Told(("bad rule",), OF_SCAN), NOW, "waived"),
    (FINDINGS, Told(("clean pins",)), NOW, "satisfied"),
    (FINDINGS, Told(("pins",)), NOW, "failed"),
    (
        FINDINGS,
        Told(("pins",), WaiverScope(advisory="CVE-2026-1000", package="Foo_Bar")),
        NOW,
        "waived",
    ),
    (FINDINGS, Told(), NOW, "running"),
    (FINDINGS, Told(), LATE, "missing"),
    (FINDINGS, Told(("elsewhere",)), NOW, "errored"),
    (FINDINGS, Told(("pins",)), NEXT_DAY, "stale"),
    (replace(FINDINGS, if_nothing=IfNothing.DENY), Told(("no pins",)), NOW, "not_applicable"),
    (replace(FINDINGS, where="true"), Told(("pins",)), NOW, "errored"),
    (COVERAGE, Told(("clean code",)), NOW, "satisfied"),
    (COVERAGE, Told(("code",)), NOW, "failed"),
    (COVERAGE, Told(), NOW, "running"),
    (COVERAGE, Told(), LATE, "missing"),
    (COVERAGE, Told(("bad rule",)), NOW, "errored"),
    (COVERAGE, Told(("code",)), NEXT_DAY, "stale"),
    (COVERAGE, Told(("bad rule",), OF_SCAN), NOW, "waived"),
    (replace(COVERAGE, if_nothing=IfNothing.DENY), Told(("no code",)), NOW, "not_applicable"),
    (APPROVALS, Told(), NOW, "running"),
    (APPROVALS, Told(), LATE, "missing"),
    (APPROVALS, Told(("no commit",)), NOW, "errored"),
    (APPROVALS, Told(("commit",)), NOW, "running"),
    (APPROVALS, Told(("commit",), votes=("ada",)), LATE, "running"),
    (APPROVALS, Told(("commit",), votes=("ada", "linus")), LATE, "satisfied"),
    (APPROVALS, Told(("commit",), votes=("ada", "not linus")), LATE, "failed"),
    (WINDOW, Told(), NOW, "satisfied"),
    (WINDOW, Told(), NOW + 2 * minutes(60), "failed"),
    (DECISION, Told(other=Verdict.ALLOW), NOW, "satisfied"),
    (DECISION, Told(other=Verdict.DENY), NOW, "failed"),
    (DECISION, Told(other=Verdict.ERROR), NOW, "errored"),
    (DECISION, Told(other=Verdict.ALLOW), NEXT_DAY, "stale"),
    (DECISION, Told(), NOW, "running"),
    (DECISION, Told(), LATE, "missing"),
]
VERDICTS = {
    "satisfied": "allow", "waived": "allow", "failed": "deny", "running": "pending",
    "missing": "error", "errored": "error", "stale": "error",
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    tmp = tmp_path_factory.mktemp("scanned")
    git = assignment(PUSHED, "commit")
    by_mal = CommitFacts(AUTHOR, (), (BASE.revision,), "d" * 40, (), "main", BASE.revision)
    return {
        "code": semgrep(tmp, "findings.json", CODE),
        "clean code": semgrep(tmp, "nothing.json", {"clean.py": ""}),
        "bad rule": semgrep(tmp, "bad-rule.json", CODE),
        "no code": nothing_for(Semgrep()),
        "pins": safety(tmp, "findings.txt", PINS),
        "clean pins": safety(tmp, "nothing.txt", CLEAN),
        "elsewhere": safety(tmp, "nothing.txt", PINS),
        "no pins": nothing_for(Safety()),
        "commit": completed(git, tool=Tool("git", "2"), coverage=Coverage(1, 1), commit=by_mal),
        "no commit": failed(git, FailureReason.UNKNOWN_REVISION, "no such commit", tool="git"),
    }


def policy(rule: AnyRule) -> Policy:
    return Policy("test", (GateSpec("merge"),), (rule,), TERMS)


def facts(rule: AnyRule, told: Told, outcomes: dict[str, Outcome]) -> Facts:
    known = Facts(
        gate="merge",
        subject=HEAD,
        repository_known=True,
        target="main",
        protected=True,
        environment=None,
        causes=(PUSH,),
        outcomes=tuple(outcomes[name] for name in told.outcomes),
        people=people(),
    )
    if told.waived is not None:
        granted = Waiver(
            id="w-1",
            scope=told.waived,
            reason=WaiverReason.MITIGATED,
            requester="linus",
            expires_at=NOW + DAY,
            granter="ada",
            granter_groups=frozenset({"appsec"}),
            granted_at=NOW - minutes(1),
        )
        known = replace(known, waivers=(granted,))
    if told.votes:
        narrow = applied(policy(rule), known)
        assert narrow is not None
        ballots = [
            vote(name.split()[-1], "reject" if name.startswith("not ") else "approve", seen=())
            for name in told.votes
        ]
        one = round_(policy_digest=narrow.digest)
        known = replace(known, rounds=(one,), votes=tuple(ballots))
    if told.other is not None:
        other = OtherDecision("d-1", "release", HEAD, "main", True, None, told.other, NOW)
        known = replace(known, decisions=(other,))
    return known


@pytest.mark.parametrize(("rule", "told", "now", "state"), ROWS)
def test_every_kind_has_its_state(
    rule: AnyRule, told: Told, now: datetime, state: str, outcomes: dict[str, Outcome]
) -> None:
    decision = decide(policy(rule), facts(rule, told, outcomes), now)
    (line,) = decision.requirements
    assert (line.id, line.kind, line.state.value) == (rule.id, rule.kind, state)
    expected = VERDICTS.get(state, "allow" if line.harmless else "deny")
    assert decision.verdict.value == expected
    assert line.message
    assert (decision.way == ()) == (expected == "allow")
    assert line.solution or state in ("satisfied", "running") or line.harmless
    assert (line.waivers == ("w-1",)) == (state == "waived")
    if line.since is not None:
        assert line.since <= now


def test_these_are_all_states_a_kind_can_have() -> None:
    seen: dict[str, set[str]] = {}
    for rule, _, _, state in ROWS:
        seen.setdefault(rule.kind, set()).add(state)
    owed = {"running", "missing", "errored", "stale"}
    assert seen == {
        "scan": {"satisfied", "waived", "not_applicable", *owed},
        "findings": {"satisfied", "failed", "waived", "not_applicable", *owed},
        "coverage": {"satisfied", "failed", "waived", "not_applicable", *owed},
        "approvals": {"satisfied", "failed", "running", "missing", "errored"},
        "window": {"satisfied", "failed"},
        "decision": {"satisfied", "failed", *owed},
    }


def test_the_way_out_of_what_safety_said_is_one_upgrade(outcomes: dict[str, Outcome]) -> None:
    decision = decide(policy(FINDINGS), facts(FINDINGS, Told(("pins",)), outcomes), NOW)
    (step,) = decision.way
    assert (step.kind.value, step.what) == ("upgrade", "foo-bar==1.2")
    assert step.text == (
        "upgrade foo-bar 1.1 to 1.2, which mends 2 findings; or ask for a waiver: devsecops-eda"
        " waiver request --repo acme/app --advisory PYSEC-2026-1 --package foo-bar"
        " --reason … --justification … --expires 7d"
    )
