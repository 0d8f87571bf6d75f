"""A decision stands until there is news: which instants are, and for whom."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.gate.news import unprompted
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import Event, Outcome, Package, Severity, Verdict
from devsecops_eda.policy import load_policy
from tests.governed import SIMPLE, governed, types
from tests.judged import (
    CHECKS,
    NOW,
    asked,
    commit_told,
    outcome,
    pushed,
    semgrep_told,
    take,
    told,
    verdicts,
)

MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def published(push: Event, ago: timedelta) -> Event:
    """A finding about a package whose advisory is so old."""
    found = outcome("semgrep", push, "bad")
    package = Package("pkg", "1.0", "pypi", "ADV-1", published=NOW - ago)
    return told(replace(found, findings=(replace(found.findings[0], package=package),)), push)


def test_a_scan_that_gets_too_old_ends_its_allow_by_itself() -> None:
    judge = governed(SIMPLE.replace("at_most: {high: 0}", "at_most: {high: 0}, max_age: 24h"))
    push = pushed()
    assert verdicts(take(judge, push, commit_told(push), semgrep_told(push))) == [Verdict.ALLOW]
    assert judge.tick(NOW + DAY - MOMENT, owner="me") == ()
    assert verdicts(judge.tick(NOW + DAY, owner="me")) == [Verdict.ERROR]
    assert judge.tick(NOW + 30 * DAY, owner="me") == ()


def test_a_leeway_that_is_over_ends_its_allow_by_itself() -> None:
    judge = governed(SIMPLE.replace("at_most: {high: 0}", "at_most: {high: 0}, leeway: {high: 7d}"))
    push = pushed()
    said = take(judge, push, commit_told(push), published(push, 2 * DAY))
    assert verdicts(said) == [Verdict.ALLOW]
    assert judge.tick(NOW + 5 * DAY - MOMENT, owner="me") == ()
    assert verdicts(judge.tick(NOW + 5 * DAY, owner="me")) == [Verdict.DENY]


def test_whoever_asks_when_it_is_over_is_told_so_though_no_timer_worked() -> None:
    judge = governed(SIMPLE.replace("at_most: {high: 0}", "at_most: {high: 0}, max_age: 24h"))
    push = pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    for question in (asked(push.correlationid), push):
        answer = take(judge, question, now=NOW + DAY)
        assert verdicts(answer)[-1] is Verdict.ERROR


def test_a_rule_that_begins_later_is_told_to_whoever_asks_and_to_nobody_else() -> None:
    later = NOW + DAY
    rule = (
        "  - {id: strict, kind: findings, gates: [merge], check: semgrep, at_most: {low: 0},"
        f' from: "{later.isoformat()}"}}\n'
    )
    judge, push = governed(SIMPLE + rule), pushed()
    minor = semgrep_told(push, "minor", severity=Severity.LOW)
    assert verdicts(take(judge, push, commit_told(push), minor)) == [Verdict.ALLOW]
    assert judge.tick(later, owner="me") == ()
    assert verdicts(take(judge, asked(push.correlationid), now=later)) == [Verdict.DENY]


def test_a_decision_that_time_cannot_change_leaves_no_clock_running() -> None:
    ledger = open_ledger("sqlite://")
    judge, push = governed(SIMPLE, ledger=ledger), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    with ledger.transaction() as records:
        assert records.asks.due(NOW + 1000 * DAY, limit=10) == ()


def test_a_policy_of_windows_alone_has_no_news_of_its_own() -> None:
    text = SIMPLE[: SIMPLE.index("rules:")].replace("waivers:\n  granters: [appsec]\n", "")
    text = "\n".join(line for line in text.splitlines() if "max:" not in line)
    text = text.replace("break_glass: {groups: [oncall], max: 4h, review_within: 3d}", "")
    text += (
        "\nrules:\n  - {id: hours, kind: window, gates: [merge, deploy], zone: UTC,"
        ' open: [{days: [sun], from: "09:00", until: "14:00"}]}\n'
    )
    assert unprompted(load_policy(text, file="test.yaml", checks=frozenset(CHECKS))) is None
    judge, push = governed(text), pushed()
    assert types(take(judge, push)) == ["decision.made.allow"]
    assert judge.tick(NOW + DAY, owner="me") == ()


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.HIGH])
def test_new_evidence_is_news_at_once(severity: Severity) -> None:
    judge, push = governed(SIMPLE), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    again = semgrep_told(push, "more", severity=severity)
    assert isinstance(again.data, Outcome)
    expected = Verdict.DENY if severity is Severity.HIGH else Verdict.ALLOW
    assert verdicts(take(judge, again)) == [expected]
