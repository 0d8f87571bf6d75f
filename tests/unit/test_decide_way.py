"""The way to an allow: every step is needed, and at its end there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from devsecops_eda.model import (
    Gap,
    Package,
    Severity,
    Step,
    StepKind,
    Subject,
    SubjectKind,
    Verdict,
)
from devsecops_eda.policy import Facts, FindingsRule, Policy, decide
from devsecops_eda.policy.mending.way import MAX_STEPS
from devsecops_eda.policy.model import AnyRule, OpenHours, Weekday, WindowRule
from tests.judging import NOW, REPO, completed, facts, failed, finding, minutes, policy
from tests.judging_cases import LOADED, MORE_RULES, TERMS, Case, cases
from tests.voting import AUTHOR, approvals, made_by, people
from tests.walking import in_package, no_high, walked, way

WAY = settings(max_examples=80)
REPAIRS = frozenset({StepKind.UPGRADE, StepKind.FIX, StepKind.WAIVE})
WALKABLE = tuple(rule for rule in LOADED + MORE_RULES if getattr(rule, "where", "") != "f.nothing")


def test_an_allow_has_no_way_to_go() -> None:
    assert decide(no_high(), facts(completed()), NOW).way == ()
    warned = replace(no_high(), rules=policy("kind: scan, check: semgrep, mode: warn").rules)
    assert decide(warned, facts(failed()), NOW).way == ()


def test_one_upgrade_mends_all_of_a_package_and_a_fix_one_place() -> None:
    known = facts(
        completed(
            finding("a:0"),
            in_package("b:0", "3.2.20", "4.1.10"),
            in_package("c:0", "3.2.15", "4.0.2", advisory="PYSEC-2"),
        )
    )
    assert way(no_high(), known) == [
        ("upgrade", "django==3.2.20", "upgrade django 3.2 to 3.2.20, which mends 2 findings"),
        ("fix", "app.py/a:0", "fix rule at app.py:7"),
    ]


def test_only_as_many_are_mended_as_are_too_many() -> None:
    known = facts(completed(*(finding(f"{name}:0") for name in "abc")))
    assert len(way(no_high("high: 2"), known)) == 1
    more = [in_package("d:0", "4"), in_package("e:0", "4")]
    bulky = facts(completed(*known.outcomes[0].findings, *more))
    assert [step[1] for step in way(no_high("high: 3"), bulky)] == ["django==4"]


def test_the_worst_goes_first_where_either_would_do() -> None:
    known = facts(completed(finding("a:0"), finding("b:0", Severity.CRITICAL)))
    assert [step[1] for step in way(no_high("high: 1"), known)] == ["app.py/b:0"]


def test_what_cannot_be_upgraded_is_replaced_or_waived_where_that_is_allowed() -> None:
    known = facts(completed(in_package("a:0")))
    assert way(no_high(), known) == [
        ("fix", "django==3.2", "replace django 3.2: no fixed version is known")
    ]
    command = (
        "devsecops-eda waiver request --repo acme/app --advisory PYSEC-1 --package django"
        " --reason … --justification … --expires 14d"
    )
    assert way(no_high(waivers=True), known) == [
        (
            "waive",
            "--advisory PYSEC-1 --package django",
            f"replace django 3.2: no fixed version is known; or ask for a waiver: {command}",
        )
    ]
    unknown = facts(completed(replace(in_package("a:0"), severity=Severity.UNKNOWN)))
    assert way(no_high(waivers=True), unknown)[0][0] == "fix"


def test_a_waiver_may_be_asked_for_instead_of_a_fix() -> None:
    (step,) = way(no_high(waivers=True), facts(completed(finding("a:0"))))
    assert step[2] == (
        "fix rule at app.py:7; or ask for a waiver: devsecops-eda waiver request"
        " --repo acme/app --finding app.py/a:0 --reason … --justification … --expires 14d"
    )


@pytest.mark.parametrize(
    ("known", "now", "solution"),
    [
        (facts(failed()), NOW, "mend what semgrep says it lacks, then rescan"),
        (
            facts(),
            NOW + minutes(30),
            "see that a worker for semgrep runs, then rescan",
        ),
    ],
)
def test_what_is_owed_takes_one_rescan_however_many_rules_want_it(
    known: Facts, now: datetime, solution: str
) -> None:
    one = policy("kind: scan, check: semgrep", "kind: coverage, check: semgrep")
    decision = decide(one, known, now)
    assert decision.way == (
        Step(
            StepKind.RESCAN,
            ("rule-0", "rule-1"),
            f"{solution}: devsecops-eda rescan --repo acme/app --sha {'a' * 40}"
            " --target main --check semgrep",
            "semgrep",
        ),
    )
    allowed = decide(replace(one, waivers=TERMS), known, now).way[0].text
    assert allowed.endswith(
        "; or ask for a waiver: devsecops-eda waiver request --repo acme/app --requirement rule-0"
        f" --sha {'a' * 40} --reason … --justification … --expires 2d (and 1 more waiver)"
    )


def test_who_is_waited_for_is_waited_for_once_and_until_the_last_moment() -> None:
    one = policy("kind: scan, check: semgrep", "kind: coverage, check: semgrep, within: 45m")
    assert way(one, facts()) == [
        (
            "wait",
            "2026-03-02T09:45:00Z",
            "wait, at most until 2026-03-02 09:45:00 UTC: semgrep has not answered yet",
        )
    ]


def window(name: str, first: int, last: int) -> WindowRule:
    hours = OpenHours(frozenset(Weekday), first * 60, last * 60)
    return WindowRule(id=name, gates=frozenset({"merge"}), zone="Europe/Berlin", opens=(hours,))


def with_rules(*rules: AnyRule) -> Policy:
    return replace(no_high(), rules=rules)


def test_one_waits_until_all_windows_are_open_at_once() -> None:
    # It is ten o'clock in Berlin.
    both = with_rules(window("morning", 9, 12), window("late", 11, 18))
    assert [step[:2] for step in way(both, facts())] == [("wait", "2026-03-02T10:00:00Z")]
    tomorrow = with_rules(window("morning", 9, 12), window("early", 6, 10))
    assert [step[:2] for step in way(tomorrow, facts())] == [("wait", "2026-03-03T08:00:00Z")]
    never = with_rules(window("day", 9, 12), window("noon", 13, 15))
    (step,) = decide(never, facts(), NOW).way
    assert (step.kind.value, step.requirements) == ("other", ("noon",))


def test_votes_are_the_last_step() -> None:
    one = with_rules(approvals(), *no_high().rules)
    known = facts(made_by(AUTHOR), completed(finding("a:0")), people=people())
    steps = decide(one, known, NOW).way
    assert [(step.kind.value, step.requirements) for step in steps] == [
        ("fix", ("rule-0",)),
        ("vote", ("votes",)),
    ]


def test_a_file_that_was_not_looked_at_is_a_step() -> None:
    one = policy("kind: coverage, check: semgrep, of: all_files")
    known = facts(completed(gaps=[Gap("app.py", "syntax")]))
    assert way(one, known) == [("fix", "", "change what keeps semgrep from looking at: app.py")]


def test_the_words_of_the_policy_are_those_of_its_step() -> None:
    one = policy("kind: coverage, check: semgrep, of: all_files, solution: Ask Ada")
    known = facts(completed(gaps=[Gap("app.py", "syntax")]))
    assert [step[2] for step in way(one, known)] == ["Ask Ada"]


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (facts(gate="mergo"), "ask one of the gates merge"),
        (
            facts(repository_known=False),
            "let the operator name the repository in the gate's configuration",
        ),
        (
            facts(subject=Subject(SubjectKind.ARTIFACT, "sha256:" + "0" * 64)),
            "let a build identity publish artifact.published with the commit it was built from",
        ),
    ],
)
def test_what_cannot_be_judged_says_what_would_mend_that(known: Facts, text: str) -> None:
    assert decide(no_high(), known, NOW).way == (Step(StepKind.OTHER, (), text),)


def test_an_artifact_whose_origin_is_known_is_judged_like_a_commit() -> None:
    artifact = Subject.artifact("sha256:" + "0" * 64, REPO)
    origin = Subject.commit(REPO, "a" * 40)
    known = facts(completed(subject=artifact), subject=artifact, origins=(origin,))
    assert decide(no_high(), known, NOW).verdict is Verdict.ALLOW
    bad = facts(failed(subject=artifact), subject=artifact, origins=(origin,))
    assert way(no_high(), bad) == [
        ("rescan", "semgrep", "mend what semgrep says it lacks, then rescan")
    ]
    foreign = replace(known, repository_known=False)
    assert decide(no_high(), foreign, NOW).verdict is Verdict.ERROR


def test_a_way_has_an_end() -> None:
    known = facts(completed(*(finding(f"{at}:0") for at in range(25))))
    steps = decide(no_high(), known, NOW).way
    assert len(steps) == MAX_STEPS + 1
    assert steps[-1] == Step(StepKind.OTHER, ("rule-0",), "and 5 more steps")
    assert len(decide(no_high("high: 5"), known, NOW).way) == MAX_STEPS


def test_foreign_words_do_nothing_in_a_command() -> None:
    package = Package("a; rm -rf /", "1\x1b[2J", advisory="$(id)")
    known = facts(completed(finding("a:0", package=package)))
    ((_, what, text),) = way(no_high(waivers=True), known)
    assert what == "--advisory '$(id)' --package 'a; rm -rf /'"
    assert "\x1b" not in text


@WAY
@given(cases(WALKABLE))
def test_at_the_end_of_the_way_there_is_an_allow(case: Case) -> None:
    policy, known, now = case.policy, case.facts, max(case.now, NOW)
    for _ in range(8):
        steps = decide(policy, known, now).way
        if not steps:
            break
        walk = walked(policy, known, now, steps)
        known, now = walk.facts, walk.now
    assert decide(policy, known, now).verdict is Verdict.ALLOW


# Few of the cases are denied for findings alone.
@settings(WAY, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases(tuple(rule for rule in WALKABLE if isinstance(rule, FindingsRule))), st.data())
def test_of_repairs_none_can_be_left_out(case: Case, data: st.DataObject) -> None:
    policy, known, now = case.policy, case.facts, case.now
    decision = decide(policy, known, now)
    assume(decision.verdict is Verdict.DENY)
    assume(all(step.kind in REPAIRS and step.what for step in decision.way))
    assert walked(policy, known, now, decision.way).verdict is Verdict.ALLOW
    left_out = data.draw(st.sampled_from(decision.way))
    others = tuple(step for step in decision.way if step != left_out)
    assert walked(policy, known, now, others).verdict is not Verdict.ALLOW
