"""What a decision says: the four verdicts, the states of lines, findings and coverage."""

from dataclasses import replace

import pytest

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    Gap,
    Mode,
    Package,
    Requirement,
    RequirementState,
    Severity,
    Subject,
    SubjectKind,
)
from devsecops_eda.policy import Facts, decide
from devsecops_eda.policy.summary import verdict_of
from tests.judging import (
    NOW,
    commit,
    completed,
    facts,
    failed,
    finding,
    line,
    minutes,
    policy,
    rescan,
    told,
    verdict,
)

SCAN = "kind: scan, check: semgrep"
FINDINGS = "kind: findings, check: semgrep"
COVERAGE = "kind: coverage, check: semgrep"
GAP = Gap("app.py", "syntax error")


def of_state(
    state: str, mode: Mode = Mode.ENFORCE, *, harmless: bool = False, votes: bool = False
) -> Requirement:
    return Requirement(
        "r", "scan", RequirementState(state), "", mode=mode, harmless=harmless, votes=votes
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["satisfied"], "allow"),
        (["satisfied", "waived"], "allow"),
        (["failed", "running", "errored"], "pending"),
        (["failed", "errored", "missing", "stale"], "deny"),
        (["errored", "satisfied"], "error"),
        (["missing", "satisfied"], "error"),
        (["stale", "satisfied"], "error"),
        (["not_applicable", "errored"], "deny"),
        ([], "allow"),
    ],
)
def test_running_is_before_failed_is_before_owed(states: list[str], expected: str) -> None:
    assert verdict_of([of_state(state) for state in states]) == expected
    assert verdict_of([of_state(state) for state in reversed(states)]) == expected


def test_a_harmless_nothing_is_allowed() -> None:
    assert verdict_of([of_state("not_applicable", harmless=True)]) == "allow"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["satisfied"], "pending"),
        (["failed"], "deny"),
        (["errored"], "error"),
        (["running"], "pending"),
    ],
)
def test_votes_still_due_hold_back_neither_deny_nor_error(others: list[str], expected: str) -> None:
    votes = of_state("running", votes=True)
    assert verdict_of([votes, *(of_state(state) for state in others)]) == expected


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.WARN])
@pytest.mark.parametrize("state", ["running", "failed", "errored", "missing", "not_applicable"])
def test_only_enforced_rules_are_waited_for_and_block(mode: Mode, state: str) -> None:
    assert verdict_of([of_state("satisfied"), of_state(state, mode)]) == "allow"


def test_a_gate_without_an_enforced_rule_in_force_allows_and_says_so() -> None:
    decision = decide(policy(f"{SCAN}, mode: warn"), facts(failed()), NOW)
    assert decision.verdict == "allow"
    assert decision.message == "allow: the gate merge has no enforced rule in force"
    assert told(decision) == [("rule-0", "errored")]


def test_a_completed_scan_satisfies_a_scan_rule_whatever_it_found() -> None:
    only = line(policy(SCAN), facts(completed(finding("a:0"), gaps=[GAP])))
    assert only.state == "satisfied"
    assert only.message == "semgrep looked at 9 of 10 files and found 1 thing"


@pytest.mark.parametrize("rule", [SCAN, f"{FINDINGS}, at_most: {{high: 0}}", COVERAGE])
def test_every_rule_about_a_check_requires_its_outcome(rule: str) -> None:
    one = policy(rule)
    assert line(one, facts()).state == "running"
    assert line(one, facts(), NOW + minutes(30)).state == "missing"
    assert line(one, facts(failed())).state == "errored"
    assert verdict(one, facts()) == "pending"
    assert verdict(one, facts(), NOW + minutes(30)) == "error"
    assert verdict(one, facts(failed())) == "error"


def test_a_failure_is_told_with_its_reason_and_without_control_characters() -> None:
    outcome = failed(reason=FailureReason.NO_DATA, detail="no\x1b[2J data\nat all" + "x" * 999)
    message = line(policy(SCAN), facts(outcome)).message
    assert message.startswith("semgrep has no verdict: no_data: no\ufffd[2J data\ufffdat all")
    assert len(message) < 400


@pytest.mark.parametrize(
    ("limits", "found", "state"),
    [
        ("high: 0", [], "satisfied"),
        ("high: 0", ["medium"], "satisfied"),
        ("high: 0", ["high"], "failed"),
        ("high: 1", ["high"], "satisfied"),
        ("high: 1", ["high", "high"], "failed"),
        # A higher severity counts against the limit of a lower one.
        ("high: 0", ["critical"], "failed"),
        ("high: 1", ["high", "critical"], "failed"),
        ("info: 0", ["low"], "failed"),
        # Unknown ranks highest.
        ("critical: 0", ["unknown"], "failed"),
        ("unknown: 0", ["critical"], "satisfied"),
        ("unknown: 0", ["unknown"], "failed"),
        ("critical: 0, high: 3", ["high", "high", "high"], "satisfied"),
        ("critical: 0, high: 3", ["critical"], "failed"),
    ],
)
def test_a_limit_counts_its_severity_and_above(limits: str, found: list[str], state: str) -> None:
    findings = [finding(f"{at}:0", Severity.of(word)) for at, word in enumerate(found)]
    one = policy(f"{FINDINGS}, at_most: {{{limits}}}")
    only = line(one, facts(completed(*findings)))
    assert only.state == state
    assert bool(only.blocking) == (state == "failed")


def test_what_counts_against_a_limit_is_listed_the_worst_first() -> None:
    low = finding("l:0", Severity.LOW)
    high, unknown = finding("h:0"), finding("u:0", Severity.UNKNOWN, line=0)
    one = policy(f"{FINDINGS}, at_most: {{high: 1}}")
    decision = decide(one, facts(completed(low, high, unknown)), NOW)
    (only,) = decision.requirements
    assert only.blocking == (unknown, high)
    assert decision.blocking_total == 2
    assert only.message == "2 findings of severity high or above, at most 1 allowed"
    assert only.solution == "fix rule at app.py, fix rule at app.py:7"
    assert decision.message == "deny: of 1 requirement failed: rule-0"


def test_only_findings_of_an_exceeded_limit_block() -> None:
    one = policy(f"{FINDINGS}, at_most: {{critical: 0, medium: 5}}")
    medium, critical = finding("m:0", Severity.MEDIUM), finding("c:0", Severity.CRITICAL)
    assert line(one, facts(completed(medium, critical))).blocking == (critical,)
    strict = policy(f"{FINDINGS}, at_most: {{critical: 0, medium: 0}}")
    only = line(strict, facts(completed(medium, critical)))
    assert only.blocking == (critical, medium)
    assert only.message == (
        "2 findings of severity medium or above, at most 0 allowed;"
        " 1 finding of severity critical or above, at most 0 allowed"
    )


@pytest.mark.parametrize(
    ("fixed", "solution"),
    [
        (("3.2.1", "4.0"), "upgrade django 3.2 to 3.2.1 or 4.0"),
        ((), "replace django 3.2: no fixed version is known"),
    ],
)
def test_a_vulnerable_dependency_is_mended_by_an_upgrade(
    fixed: tuple[str, ...], solution: str
) -> None:
    package = Package("django", "3.2", fixed_versions=fixed)
    one = policy(f"{FINDINGS}, at_most: {{high: 0}}")
    assert line(one, facts(completed(finding("a:0", package=package)))).solution == solution


def test_the_words_of_the_policy_come_first() -> None:
    one = policy(f"{FINDINGS}, at_most: {{high: 0}}, message: No bugs, solution: Ask Ada")
    only = line(one, facts(completed(finding("a:0"))))
    assert only.message == "No bugs: 1 finding of severity high or above, at most 0 allowed"
    assert only.solution == "Ask Ada"
    assert line(one, facts(completed())).solution == ""


def test_a_commit_about_which_git_says_nothing_is_errored() -> None:
    silent = completed(check="commit", applicable=False)
    assert line(policy("kind: scan, check: commit"), facts(silent)).state == "errored"
    folder = Subject.tree("sha256:" + "0" * 64, "local/app")
    known = facts(replace(silent, subject=folder), subject=folder)
    assert verdict(policy("kind: scan, check: commit"), known) == "allow"


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (facts(completed(), gate="mergo"), "there is no gate 'mergo'; did you mean merge?"),
        (
            facts(completed(), repository_known=False),
            "the repository 'acme/app' is in no configuration of this gate",
        ),
        (
            facts(subject=Subject(SubjectKind.ARTIFACT, "sha256:" + "0" * 64)),
            "the artifact is of unknown origin: nobody entitled said what it was built from",
        ),
    ],
)
def test_what_cannot_be_judged_is_an_error(known: Facts, message: str) -> None:
    decision = decide(policy(f"{SCAN}, mode: warn"), known, NOW)
    assert (decision.verdict, decision.message) == ("error", message)
    assert decision.requirements == ()


def test_the_key_of_a_decision_is_what_was_asked_and_what_was_known() -> None:
    one, known = policy(SCAN), facts(completed(), commit())
    decision = decide(one, known, NOW)
    same = [
        decide(one, known, NOW + minutes(1)),
        decide(one, replace(known, target="refs/heads/main"), NOW),
        # The same meaning once more is no other input.
        decide(one, facts(*known.outcomes, known.outcomes[0]), NOW),
    ]
    assert {each.id for each in same} == {decision.id}
    assert replace(same[0], evaluated_at=NOW) == decision
    other = [
        decide(policy(f"{SCAN}, within: 31m"), known, NOW),
        decide(one, replace(known, target="release"), NOW),
        decide(one, replace(known, environment="prod"), NOW),
        decide(one, replace(known, outcomes=(completed(), commit(merge_base="e" * 40))), NOW),
        decide(one, facts(completed(finding("a:0")), commit()), NOW),
        decide(one, facts(failed(), commit()), NOW),
    ]
    assert len({decision.id, *(each.id for each in other)}) == 7


def test_a_rescan_that_says_the_same_leads_to_the_same_decision() -> None:
    again = rescan("again", minutes(5))
    before = decide(policy(SCAN), facts(completed()), NOW)
    after = decide(policy(SCAN), facts(completed(), completed(cause=again), causes=[again]), NOW)
    assert after.id == before.id
