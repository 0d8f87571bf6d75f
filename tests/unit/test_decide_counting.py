"""Which findings count: those a predicate matches, with a fix or without, after their leeway."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devsecops_eda.model import Finding, Package, Severity
from devsecops_eda.policy import (
    Facts,
    FindingsRule,
    Matches,
    Policy,
    PredicateWanted,
    findings_of,
    next_deadline,
    predicates_wanted,
    wanted_baselines,
)
from tests.judging import (
    BASE,
    NOW,
    baseline,
    commit,
    completed,
    facts,
    finding,
    line,
    minutes,
    of_base,
    policy,
    verdict,
)

MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)
WHERE = "f.path == 'app.py'"


def rule(limits: str = "high: 0", **more: object) -> Policy:
    """A policy with one findings rule about semgrep."""
    one = policy(f"kind: findings, check: semgrep, at_most: {{{limits}}}")
    return replace(one, rules=(replace(one.rules[0], **more),))  # type: ignore[arg-type]


def evaluated(one: Policy, known: Facts, *, where: str = WHERE) -> Facts:
    """The facts with what the predicate comes to: whether a finding is in app.py."""
    return replace(
        known,
        matches=tuple(
            Matches(
                wanted.where,
                wanted.check,
                tuple(each.path == "app.py" for each in findings_of(wanted.check, known)),
            )
            for wanted in predicates_wanted(one, known)
        ),
    )


def dependency(published: datetime | None, severity: Severity = Severity.HIGH) -> Finding:
    package = Package("django", "3.2", advisory="PYSEC-1", published=published)
    return finding("a:0", severity, package=package)


def test_only_what_the_predicate_matches_counts() -> None:
    one = rule(where=WHERE)
    here, there = finding("a:0"), finding("b:0", path="lib.py")
    assert verdict(one, evaluated(one, facts(completed(there)))) == "allow"
    only = line(one, evaluated(one, facts(completed(there, here))))
    assert (only.state, only.blocking) == ("failed", (here,))


@pytest.mark.parametrize(
    ("matches", "why"),
    [
        ((), "nobody evaluated it"),
        ((Matches(WHERE, "semgrep", None, "no such field: pth"),), "no such field: pth"),
        ((Matches(WHERE, "semgrep", None),), "nobody says why"),
        ((Matches(WHERE, "semgrep", (False,)),), "it was evaluated on other findings"),
        ((Matches(WHERE, "safety", (False, False)),), "nobody evaluated it"),
        ((Matches("true", "semgrep", (False, False)),), "nobody evaluated it"),
        (
            (Matches(WHERE, "semgrep", (False, False)), Matches(WHERE, "semgrep", (False, True))),
            "it was evaluated on other findings",
        ),
        (
            (Matches(WHERE, "semgrep", (False, False)), Matches(WHERE, "semgrep", None, "killed")),
            "killed",
        ),
    ],
)
def test_a_predicate_that_says_nothing_opens_nothing(
    matches: tuple[Matches, ...], why: str
) -> None:
    known = facts(completed(finding("a:0"), finding("b:0")), matches=matches)
    for told in (known, replace(known, matches=matches[::-1])):
        only = line(rule(where=WHERE), told)
        assert only.state == "errored"
        assert only.message == f"which findings of semgrep count is not known: {why}"
        assert verdict(rule(where=WHERE), told) == "error"


def test_where_nothing_was_found_no_predicate_is_wanted() -> None:
    one = rule(where=WHERE)
    assert predicates_wanted(one, facts(completed())) == ()
    assert verdict(one, facts(completed())) == "allow"
    assert predicates_wanted(one, facts()) == ()
    known = facts(completed(finding("a:0")))
    assert predicates_wanted(one, known) == (PredicateWanted(WHERE, "semgrep"),)
    assert predicates_wanted(rule(), known) == ()
    twice = replace(one, rules=(*one.rules, replace(one.rules[0], id="again")))
    assert predicates_wanted(twice, known) == (PredicateWanted(WHERE, "semgrep"),)


def test_a_filter_looks_at_what_is_new_and_does_not_make_anything_new() -> None:
    one = rule(where=WHERE, new_only=True)
    old = finding("a:0", path="lib.py")
    moved = replace(old, path="app.py")
    known = facts(
        completed(moved, finding("b:0", path="lib.py")),
        commit(),
        baselines=[baseline(of_base(old))],
    )
    assert line(one, evaluated(one, known)).state == "satisfied"


def test_a_base_is_wanted_only_for_findings_the_rule_is_about() -> None:
    one = rule(where=WHERE, new_only=True)
    elsewhere = facts(completed(finding("b:0", path="lib.py")), commit())
    assert wanted_baselines(one, evaluated(one, elsewhere)) == ()
    here = facts(completed(finding("a:0")), commit())
    assert [each.subject for each in wanted_baselines(one, evaluated(one, here))] == [BASE]
    assert wanted_baselines(one, here) == ()
    spared = facts(completed(dependency(NOW - DAY)), commit())
    leeway = rule(new_only=True, leeway=((Severity.HIGH, 7 * DAY),))
    assert [each.subject for each in wanted_baselines(leeway, spared)] == [BASE]
    assert wanted_baselines(rule(new_only=True, fix_available=True), spared) == ()


@pytest.mark.parametrize(
    ("found", "fixable"),
    [
        (finding("a:0"), False),
        (finding("a:0", fix="x = 1"), True),
        (finding("a:0", package=Package("django", "3.2")), False),
        (finding("a:0", package=Package("django", "3.2", fixed_versions=("3.2.1",))), True),
    ],
)
def test_a_rule_may_ask_for_those_with_a_fix_or_without(found: Finding, fixable: bool) -> None:
    known = facts(completed(found))
    assert line(rule(fix_available=True), known).state == ("failed" if fixable else "satisfied")
    assert line(rule(fix_available=False), known).state == ("satisfied" if fixable else "failed")
    assert line(rule(), known).state == "failed"


def test_leeway_is_over_at_its_instant_and_not_a_moment_earlier() -> None:
    one = rule(leeway=((Severity.HIGH, 7 * DAY),))
    known = facts(completed(dependency(NOW - DAY)))
    over = NOW + 6 * DAY
    only = line(one, known, over - MOMENT)
    assert only.state == "satisfied"
    assert only.message == (
        "0 findings of severity high or above, at most 0 allowed,"
        " 1 more do not count before 2026-03-08 09:00:00 UTC"
    )
    assert line(one, known, over).state == "failed"
    assert line(one, known, over).since == over
    assert next_deadline(one, known, NOW + minutes(31)) == over
    assert next_deadline(one, known, over) is None


@pytest.mark.parametrize("published", [None, NOW + MOMENT])
def test_no_date_and_a_future_date_give_no_leeway(published: datetime | None) -> None:
    one = rule(leeway=((Severity.HIGH, 7 * DAY),))
    assert line(one, facts(completed(dependency(published)))).state == "failed"
    assert line(one, facts(completed(finding("a:0")))).state == "failed"


def test_a_date_that_is_no_longer_in_the_future_is_a_deadline() -> None:
    one = rule(leeway=((Severity.HIGH, 7 * DAY),))
    known = facts(completed(dependency(NOW + 2 * DAY)))
    assert next_deadline(one, known, NOW + minutes(31)) == NOW + 2 * DAY
    assert next_deadline(one, known, NOW + 2 * DAY) == NOW + 9 * DAY
    far = facts(completed(dependency(datetime.max.replace(tzinfo=NOW.tzinfo))))
    assert line(one, far).state == "failed"
    assert next_deadline(one, far, NOW) is not None


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.UNKNOWN])
def test_a_severity_that_is_not_named_has_no_leeway(severity: Severity) -> None:
    one = rule(leeway=((Severity.HIGH, 7 * DAY),))
    assert line(one, facts(completed(dependency(NOW, severity)))).state == "failed"


def test_the_line_is_failed_since_the_limit_was_exceeded() -> None:
    one = rule("high: 1", leeway=((Severity.HIGH, 7 * DAY),))
    first, second = dependency(NOW - DAY), replace(dependency(NOW), fingerprint="b")
    known = facts(completed(first, second, finding("c:0", Severity.LOW)))
    assert line(one, known, NOW + 6 * DAY).state == "satisfied"
    assert line(one, known, NOW + 7 * DAY).since == NOW + 7 * DAY
    assert line(one, facts(completed(finding("a:0"), finding("b:0")))).since == NOW


def test_findings_of_a_check_are_those_in_force_in_one_order_only() -> None:
    some = [finding(f"{name}:0") for name in "abc"]
    runs = [completed(*some), completed(*some[::-1])]
    assert findings_of("semgrep", facts(*runs)) == findings_of("semgrep", facts(*runs[::-1]))
    assert findings_of("semgrep", facts()) == ()
    assert isinstance(rule().rules[0], FindingsRule)
