"""A requirement is waived where its scan is owed, on one subject, and covers no finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devsecops_eda.model import (
    Gap,
    RequirementState,
    Subject,
)
from devsecops_eda.policy import Facts, decide
from tests.judging import (
    BASE,
    NOW,
    REPO,
    baseline,
    commit,
    completed,
    facts,
    failed,
    finding,
    line,
    minutes,
    of_base,
    policy,
    rescan,
    verdict,
)
from tests.waiving import DAY, OF_SCAN, TERMS, no_high, scanned, waiver

OWED = [
    ("missing", facts(), NOW + minutes(30)),
    ("errored", facts(failed()), NOW),
    ("stale", facts(completed(finding("a:0"))), NOW + 23 * 60 * minutes(1) + minutes(60)),
]


@pytest.mark.parametrize(("state", "known", "now"), OWED)
def test_a_scan_that_is_owed_can_be_waived_on_its_subject(
    state: str, known: Facts, now: datetime
) -> None:
    assert line(scanned(), known, now).state == state
    one = waiver(OF_SCAN, granted_at=now, expires_at=now + DAY)
    only = line(scanned(), replace(known, waivers=(one,)), now)
    assert (only.state, only.waivers) == ("waived", ("w-1",))
    assert "w-1" in only.evidence
    elsewhere = [
        replace(one, scope=replace(OF_SCAN, subject=BASE)),
        replace(one, scope=replace(OF_SCAN, requirement="rule-1")),
        replace(one, environment="prod"),
        replace(one, expires_at=now + 2 * DAY + timedelta(seconds=1)),
    ]
    for other in elsewhere:
        assert line(scanned(), replace(known, waivers=(other,)), now).state == state


def test_a_waiver_of_a_scan_covers_neither_waiting_nor_findings() -> None:
    both = (waiver(OF_SCAN), waiver(replace(OF_SCAN, requirement="rule-1"), name="w-2"))
    one = replace(
        policy(
            "kind: findings, check: semgrep, at_most: {high: 0}",
            "kind: coverage, check: semgrep",
        ),
        waivers=TERMS,
    )
    for known, states in [
        (facts(waivers=both), ["running", "running"]),
        (facts(failed(), waivers=both), ["waived", "waived"]),
    ]:
        assert [each.state.value for each in decide(one, known, NOW).requirements] == states
    again = rescan("again", minutes(5))
    late = facts(
        failed(),
        completed(finding("a:0"), gaps=[Gap("app.py", "timeout")], cause=again),
        commit(merge_base=None),
        causes=[rescan("push", minutes(0)), again, rescan("push", minutes(0), check="commit")],
        waivers=both,
    )
    lines = decide(one, late, NOW).requirements
    assert [each.state.value for each in lines] == ["failed", "failed"]


@pytest.mark.parametrize(
    "rule",
    ["kind: findings, check: semgrep, at_most: {high: 0}", "kind: coverage, check: semgrep"],
)
def test_a_waiver_of_a_scan_that_is_too_old_waives_its_age_and_not_what_it_found(
    rule: str,
) -> None:
    one = replace(policy(f"{rule}, max_age: 1h"), waivers=TERMS)
    later = NOW + minutes(60)
    old = waiver(OF_SCAN, granted_at=NOW, expires_at=NOW + DAY)
    for outcome, state in [
        (completed(), "waived"),
        (completed(finding("a:0"), gaps=[Gap("app.py", "timeout")]), "failed"),
    ]:
        known = facts(outcome, commit(merge_base=None))
        assert line(one, known, later).state == "stale"
        assert line(one, replace(known, waivers=(old,)), later).state == state


def test_an_old_finding_is_waived_by_its_own_waiver_beside_that_of_the_scan() -> None:
    one = no_high(more=", max_age: 1h")
    both = (waiver(), waiver(OF_SCAN, name="w-2"))
    known = facts(completed(finding("a:0")), waivers=both)
    only = line(one, known, NOW + minutes(60))
    assert (only.state, only.waivers) == ("waived", ("w-1", "w-2"))


def test_what_git_owes_waives_no_finding_that_is_there() -> None:
    one = no_high(more=", new_only: true")
    known = facts(completed(finding("a:0")), failed(check="commit"), waivers=(waiver(OF_SCAN),))
    assert line(one, known).state == "errored"
    assert verdict(one, known) == "error"


def test_a_base_that_nobody_looked_at_can_be_waived_where_nothing_is_left() -> None:
    one = scanned()
    known = facts(completed(applicable=False), commit())
    assert line(one, known, NOW + minutes(30)).state == "missing"
    both = replace(known, waivers=(waiver(OF_SCAN),))
    assert line(one, both, NOW + minutes(30)).state == "waived"


def test_a_manifest_that_was_removed_is_not_waived_away() -> None:
    known = facts(
        completed(applicable=False),
        commit(),
        baselines=[baseline(of_base())],
        waivers=(waiver(OF_SCAN),),
    )
    only = line(scanned(), known)
    assert (only.state, only.harmless) == (RequirementState.NOT_APPLICABLE, False)


def test_a_requirement_is_never_waived_by_the_name_of_another_subject() -> None:
    artifact = Subject.artifact("sha256:" + "0" * 64, REPO)
    known = facts(failed(), waivers=(waiver(replace(OF_SCAN, subject=artifact)),))
    assert line(scanned(), known).state == "errored"
