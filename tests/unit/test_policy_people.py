"""What a policy says about people, time and other gates: what is taken, and what it means."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.model import EventType, Severity
from devsecops_eda.policy import PolicyText, load_policies
from devsecops_eda.policy.model import (
    ApprovalsRule,
    DecisionRule,
    Exclusion,
    FindingsRule,
    Freeze,
    Of,
    OpenHours,
    Weekday,
    WindowRule,
)
from tests.policy_files import FRAME, PEOPLE, as_read_elsewhere, load, refused, schema

DAYS = timedelta(days=1)
WORKING = frozenset(list(Weekday)[:5])


def test_a_policy_says_what_its_file_says() -> None:
    ran, clean, votes, hours, merged = load(PEOPLE).rules
    assert isinstance(clean, FindingsRule)
    assert (clean.where, clean.fix_available) == ('f.severity == "high"', True)
    assert clean.leeway == ((Severity.HIGH, 30 * DAYS), (Severity.CRITICAL, 7 * DAYS))
    assert isinstance(votes, ApprovalsRule)
    assert (votes.n, votes.groups, votes.at_least) == (2, ("appsec", "owners"), (("appsec", 1),))
    assert votes.exclude == {Exclusion.AUTHOR, Exclusion.REQUESTER}
    assert (votes.deadline, votes.within) == (DAYS, timedelta(minutes=10))
    assert not votes.unknown_author
    assert isinstance(hours, WindowRule)
    assert (hours.zone, hours.opens) == ("Europe/Paris", (OpenHours(WORKING, 9 * 60, 17 * 60),))
    year = Freeze(date(2026, 12, 20), date(2027, 1, 3), "End of the year")
    assert hours.freezes == (year,)
    assert isinstance(merged, DecisionRule)
    assert (merged.gate, merged.of, merged.target) == ("merge", Of.BUILT_FROM, "main")
    assert (merged.within, merged.max_age) == (timedelta(hours=1), 30 * DAYS)
    assert {len(one.selectors) for one in (ran, clean, votes, merged)} == {1}
    assert hours.selectors[0] == ran.selectors[0] != hours.selectors[1]


def test_terms_are_what_the_file_says() -> None:
    policy = load(PEOPLE)
    assert policy.waivers is not None
    assert policy.waivers.granters == ("appsec",)
    assert policy.waivers.otherwise == 90 * DAYS
    assert policy.break_glass is not None
    assert policy.break_glass.groups == ("oncall",)
    assert policy.break_glass.longest == timedelta(hours=8)
    assert policy.break_glass.review_within == 3 * DAYS
    assert policy.asked_by(EventType.DEPLOYMENT_REQUESTED) == ("deploy",)


@pytest.mark.parametrize(
    ("spans", "days"),
    [
        # info, low, medium, high, critical, unknown
        ("{critical: 14d, high: 30d, otherwise: 90d}", (90, 90, 90, 30, 14, 14)),
        ("{critical: 14d, high: 30d, otherwise: 7d}", (7, 7, 7, 30, 14, 7)),
        ("{critical: 14d, unknown: 20d, otherwise: 90d}", (90, 90, 90, 90, 14, 20)),
        ("{otherwise: 5d}", (5, 5, 5, 5, 5, 5)),
    ],
)
def test_a_waiver_has_a_longest_span_for_every_severity(spans: str, days: tuple[int, ...]) -> None:
    old = "{critical: 14d, high: 30d, otherwise: 90d}"
    terms = load(PEOPLE.replace(old, spans)).waivers
    assert terms is not None
    assert terms.longest == tuple(
        (severity, number * DAYS) for severity, number in zip(Severity, days, strict=True)
    )


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ("  announce: [14d, 3d, 1d]\n", (14, 3, 1)),
        ("", (14, 3, 1)),
        ("  announce: [1d, 30d]\n", (30, 1)),
    ],
)
def test_a_waiver_is_announced_before_its_end(said: str, days: tuple[int, ...]) -> None:
    terms = load(PEOPLE.replace("  announce: [14d, 3d, 1d]\n", said)).waivers
    assert terms is not None
    assert terms.announce == tuple(number * DAYS for number in days)


@pytest.mark.parametrize(
    ("said", "excluded"),
    [
        ("    exclude: [author, requester]\n", {Exclusion.AUTHOR, Exclusion.REQUESTER}),
        ("", set(Exclusion)),
        ("    exclude: nobody\n", set()),
        ("    exclude: [committers]\n", {Exclusion.COMMITTERS}),
    ],
)
def test_who_made_it_is_excluded_unless_the_rule_says_otherwise(
    said: str, excluded: set[Exclusion]
) -> None:
    text = PEOPLE.replace("    exclude: [author, requester]\n", said)
    votes = load(text).rules[2]
    assert isinstance(votes, ApprovalsRule)
    assert votes.exclude == excluded
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ("mon", "mon"),
        ("mon-fri", "mon tue wed thu fri"),
        ("fri-mon", "fri sat sun mon"),
        ("sun-sat", "mon tue wed thu fri sat sun"),
        ("[mon-wed, sat]", "mon tue wed sat"),
        ("[sat, 'sun']", "sat sun"),
    ],
)
def test_days_are_one_by_one_or_from_one_to_another(said: str, days: str) -> None:
    text = PEOPLE.replace("days: mon-fri", f"days: {said}")
    hours = load(text).rules[3]
    assert isinstance(hours, WindowRule)
    assert hours.opens[0].days == {Weekday[day.upper()] for day in days.split()}
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


@pytest.mark.parametrize(
    ("begins", "ends", "minutes"),
    [
        ("00:00", "24:00", (0, 1440)),
        ("22:00", "06:00", (1320, 360)),
        ("22:00", "00:00", (1320, 0)),
        ("23:59", "24:00", (1439, 1440)),
    ],
)
def test_hours_may_go_over_midnight(begins: str, ends: str, minutes: tuple[int, int]) -> None:
    old = 'from: "09:00", until: "17:00"'
    text = PEOPLE.replace(old, f'from: "{begins}", until: "{ends}"')
    hours = load(text).rules[3]
    assert isinstance(hours, WindowRule)
    assert (hours.opens[0].from_min, hours.opens[0].until_min) == minutes
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


@pytest.mark.parametrize(
    "dates", ['"2026-12-24"', '["2026-12-24"]', "['2026-12-24', '2026-12-24']"]
)
def test_one_frozen_day_is_written_in_several_ways(dates: str) -> None:
    text = PEOPLE.replace('["2026-12-20", "2027-01-03"]', dates)
    hours = load(text).rules[3]
    assert isinstance(hours, WindowRule)
    (freeze,) = hours.freezes
    assert freeze.first == freeze.last == date(2026, 12, 24)
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


@pytest.mark.parametrize("target", ["main", "refs/heads/main"])
def test_a_branch_has_one_name(target: str) -> None:
    merged = load(PEOPLE.replace("target: main", f"target: {target}")).rules[4]
    assert isinstance(merged, DecisionRule)
    assert merged.target == "main"


@pytest.mark.parametrize(
    "rule",
    [
        "kind: approvals, n: 1, groups: [appsec], deadline: 1h",
        "kind: decision, gate: merge",
        "kind: scan, check: semgrep",
    ],
)
def test_what_is_waited_for_has_an_end(rule: str) -> None:
    text = re.sub(r"rules:\n.*", "rules:\n", FRAME.replace("within: 30m\n", ""), flags=re.DOTALL)
    text = text.replace("release: {}", "release: {asked_by: [commit.pushed]}")
    inner = "  - {id: a, kind: scan, gates: [merge], check: semgrep, within: 1m}\n"
    one = f"  - {{id: x, gates: [release], {rule}%s}}\n"
    load(text + inner + one % ", within: 1m")
    wrong = text + inner + one % ""
    assert "within (as 30m) stands neither here nor at the top" in refused(wrong)
    assert list(schema().iter_errors(as_read_elsewhere(wrong))) != []


@pytest.mark.parametrize("within", ["within: 30m\n", ""])
def test_a_window_waits_for_nothing(within: str) -> None:
    window = 'kind: window, zone: UTC, open: [{days: mon, from: "00:00", until: "24:00"}]'
    text = (
        f"version: 1\nname: hours\n{within}gates: {{merge: {{}}}}\n"
        f"rules:\n  - {{id: hours, gates: [merge], {window}}}\n"
    )
    load(text)
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


def test_a_window_that_says_nothing_is_refused() -> None:
    text = re.sub(r"    open:\n.*?(?=  - id: merged)", "", PEOPLE, flags=re.DOTALL)
    assert "a window needs open hours (open) or frozen days (freeze)" in refused(text)
    assert list(schema().iter_errors(as_read_elsewhere(text))) != []


@pytest.mark.parametrize(
    ("n", "seats", "words"),
    [
        (3, "{appsec: 3}", "3 seats, but the people of these groups fill only 2: one person"),
        (3, "{appsec: 2, owners: 2}", "4 seats are more than the 3 who have to vote"),
        (3, "{appsec: 2, owners: 1}", ""),
        (3, "{appsec: 1, owners: 2}", ""),
    ],
)
def test_seats_are_such_that_different_people_can_fill_them(n: int, seats: str, words: str) -> None:
    # Three people: ada is in both groups, and fills one seat of one of them.
    text = PEOPLE.replace("n: 2", f"n: {n}").replace("at_least: {appsec: 1}", f"at_least: {seats}")
    if words:
        assert words in refused(text)
    else:
        load(text)


@pytest.mark.parametrize("start", ["*", "*/payments", "&x"])
def test_a_pattern_without_the_quotes_it_needs_is_told_so(start: str) -> None:
    assert "quotes" in refused(PEOPLE.replace("[acme/*]", f"[{start}]"))


def test_votes_need_a_check_that_says_whose_commit_it_is() -> None:
    text = PEOPLE.replace("check: safety", "check: semgrep")
    message = refused(text, checks=frozenset({"semgrep"}))
    assert "whose commit it is is said by the check commit, which is not configured" in message


def test_where_nobody_says_who_is_who_any_group_is_taken_and_with_people_none_unknown() -> None:
    text = (
        "version: 1\nname: people\nwithin: 30m\ngates: {deploy: {}}\nrules:\n"
        "  - {id: two, kind: approvals, gates: [deploy], n: 2, groups: [appsec], "
        "at_least: {appsec: 2}, deadline: 24h}\n"
    )
    (rule,) = load_policies((PolicyText("p.yaml", text),), checks=["commit"], groups=None).rules
    assert isinstance(rule, ApprovalsRule)
    assert rule.groups == ("appsec",)
    with pytest.raises(InvalidPolicyError, match="there is no group 'appsec'"):
        load_policies((PolicyText("p.yaml", text),), checks=["commit"], groups={})
