"""Time and repeats: which outcome is in force, how long it is waited for, when it is too old."""

from dataclasses import replace
from itertools import permutations

import pytest

from devsecops_eda.model import Gap, Outcome, Severity
from devsecops_eda.policy import Cause, decide, next_deadline
from devsecops_eda.policy.merging import merged
from tests.judging import (
    BASE,
    NOW,
    PUSH,
    commit,
    completed,
    facts,
    failed,
    finding,
    line,
    minutes,
    policy,
    rescan,
    verdict,
)

SCAN = policy("kind: scan, check: semgrep")
NO_HIGH = policy("kind: findings, check: semgrep, at_most: {high: 0}")
MOMENT = minutes(1 / 60_000_000)


def test_a_check_is_running_until_its_deadline_and_missing_at_that_instant() -> None:
    assert line(SCAN, facts(), NOW + minutes(30) - MOMENT).state == "running"
    assert line(SCAN, facts(), NOW + minutes(30)).state == "missing"
    assert line(SCAN, facts()).due == NOW + minutes(30)
    assert next_deadline(SCAN, facts(), NOW) == NOW + minutes(30)
    assert next_deadline(SCAN, facts(), NOW + minutes(30)) is None


def test_a_deadline_goes_by_the_record_and_not_by_the_time_of_the_event() -> None:
    late = Cause("push", None, NOW - minutes(300), NOW)
    assert line(SCAN, facts(causes=[late])).state == "running"
    ahead = Cause("push", None, NOW + minutes(5), NOW)
    assert line(SCAN, facts(causes=[ahead]), NOW + minutes(30)).state == "missing"


def test_an_event_told_twice_prolongs_nothing() -> None:
    again = replace(PUSH, recorded_at=NOW + minutes(20))
    assert line(SCAN, facts(causes=[again, PUSH]), NOW + minutes(30)).state == "missing"


def test_a_check_nobody_asked_is_waited_for_like_one_that_was() -> None:
    other = rescan("other", minutes(0), check="safety")
    known = facts(causes=[other])
    assert line(SCAN, known, NOW + minutes(29)).state == "running"
    only = line(SCAN, known, NOW + minutes(30))
    assert (only.state, only.message) == ("missing", "nothing asked semgrep to look at this")
    assert line(SCAN, facts(causes=[])).state == "missing"


def test_an_outcome_whose_cause_was_never_seen_is_not_believed() -> None:
    stray = completed(cause=rescan("stray", minutes(1)))
    assert line(SCAN, facts(stray)).state == "running"
    assert line(SCAN, facts(stray), NOW + minutes(30)).state == "missing"


def test_a_cause_of_one_check_makes_no_other_believed() -> None:
    safety = rescan("again", minutes(1), check="safety")
    assert line(SCAN, facts(completed(cause=safety), causes=[safety])).state == "running"


def test_an_outcome_about_another_subject_or_check_is_none_of_this() -> None:
    assert line(SCAN, facts(completed(subject=BASE))).state == "running"
    assert line(SCAN, facts(completed(check="safety"))).state == "running"


@pytest.mark.parametrize("first", [completed(), failed(), completed(finding("old:0"))])
def test_the_latest_cause_counts(first: Outcome) -> None:
    again = rescan("again", minutes(5))
    known = facts(failed(cause=again), first, causes=[again, PUSH])
    assert line(NO_HIGH, known).state == "errored"
    known = facts(completed(cause=again), first, causes=[PUSH, again])
    assert line(NO_HIGH, known).state == "satisfied"
    known = facts(completed(finding("new:0"), cause=again), first, causes=[PUSH, again])
    assert [one.fingerprint for one in line(NO_HIGH, known).blocking] == ["app.py/new:0"]


def test_causes_of_the_same_time_are_ordered_by_their_id() -> None:
    one, two = rescan("a", minutes(5)), rescan("b", minutes(5))
    for causes in ([one, two], [two, one]):
        known = facts(completed(cause=one), failed(cause=two), causes=causes)
        assert line(SCAN, known).state == "errored"


def test_what_was_told_earlier_counts_less_even_when_recorded_later() -> None:
    past = Cause("past", "semgrep", NOW - minutes(60), NOW + minutes(10))
    known = facts(failed(cause=past), completed(), causes=[PUSH, past])
    assert line(SCAN, known, NOW + minutes(20)).state == "satisfied"


def test_a_rescan_leaves_the_old_outcome_in_force_until_its_own_deadline() -> None:
    again = rescan("again", minutes(60))
    known = facts(completed(finding("a:0")), causes=[PUSH, again])
    assert line(NO_HIGH, known, NOW + minutes(90) - MOMENT).state == "failed"
    assert line(NO_HIGH, known, NOW + minutes(90)).state == "missing"
    clean = facts(completed(), causes=[PUSH, again])
    assert verdict(NO_HIGH, clean, NOW + minutes(90) - MOMENT) == "allow"
    assert verdict(NO_HIGH, clean, NOW + minutes(90)) == "error"
    assert next_deadline(NO_HIGH, clean, NOW + minutes(61)) == NOW + minutes(90)


def test_asking_again_and_again_keeps_no_old_result_alive() -> None:
    causes = [PUSH, *(rescan(f"again-{at}", minutes(60 + 20 * at)) for at in range(4))]
    known = facts(completed(), causes=causes)
    assert verdict(SCAN, known, NOW + minutes(89)) == "allow"
    # The first rescan stayed silent; the later ones are waited for, the old result is gone.
    assert verdict(SCAN, known, NOW + minutes(90)) == "pending"
    assert verdict(SCAN, known, NOW + minutes(149)) == "pending"
    assert verdict(SCAN, known, NOW + minutes(150)) == "error"


def test_a_scan_is_stale_at_its_age_and_not_a_moment_earlier() -> None:
    one = policy("kind: scan, check: semgrep, max_age: 24h")
    known = facts(completed())
    assert line(one, known, NOW + minutes(24 * 60) - MOMENT).state == "satisfied"
    only = line(one, known, NOW + minutes(24 * 60))
    assert (only.state, only.message) == ("stale", "the scan of semgrep is older than 1d")
    assert verdict(one, known, NOW + minutes(24 * 60)) == "error"
    assert next_deadline(one, known, NOW + minutes(31)) == NOW + minutes(24 * 60)
    again = rescan("again", minutes(24 * 60))
    known = facts(completed(), completed(cause=again), causes=[PUSH, again])
    assert line(one, known, NOW + minutes(25 * 60)).state == "satisfied"


def test_a_scan_is_as_old_as_its_event_and_not_as_its_record() -> None:
    one = policy("kind: scan, check: semgrep, max_age: 24h")
    late = Cause("push", None, NOW - minutes(24 * 60), NOW)
    assert line(one, facts(completed(), causes=[late])).state == "stale"


def test_a_rule_gives_a_line_from_its_beginning_until_its_end() -> None:
    dates = 'from: "2026-03-02T10:00:00Z", until: "2026-03-02T13:00:00+01:00"'
    one = policy(f"kind: scan, check: semgrep, {dates}")
    known = facts(completed())
    assert decide(one, known, NOW + minutes(60) - MOMENT).requirements == ()
    assert len(decide(one, known, NOW + minutes(60)).requirements) == 1
    assert len(decide(one, known, NOW + minutes(180) - MOMENT).requirements) == 1
    assert decide(one, known, NOW + minutes(180)).requirements == ()
    assert next_deadline(one, known, NOW + minutes(31)) == NOW + minutes(60)
    assert next_deadline(one, known, NOW + minutes(60)) == NOW + minutes(180)


def test_in_one_slot_completed_beats_failed() -> None:
    assert merged([failed(), completed()]) == merged([completed(), failed()]) == completed()
    assert line(SCAN, facts(failed(), completed())).state == "satisfied"


def test_in_one_slot_applicable_beats_not_applicable() -> None:
    nothing, found = completed(applicable=False), completed(finding("a:0"))
    assert merged([nothing, found]) == merged([found, nothing]) == found


def test_in_one_slot_findings_are_put_together_and_the_higher_severity_wins() -> None:
    low, high = finding("a:0", Severity.LOW), finding("a:0", Severity.HIGH)
    only_here, only_there = finding("b:0"), finding("c:0")
    runs = [completed(low, only_here), completed(high, only_there)]
    assert set(merged(runs).findings) == {high, only_here, only_there}
    assert merged(runs) == merged(runs[::-1])


def test_in_one_slot_what_cannot_be_put_together_is_chosen_without_regard_to_order() -> None:
    runs = [commit(merge_base=letter * 40) for letter in "bcd"]
    assert len({merged(order) for order in permutations(runs)}) == 1
    failures = [failed(detail=detail) for detail in ("a", "b", "c")]
    assert len({merged(order) for order in permutations(failures)}) == 1
    alike = [finding("a:0", help=word) for word in "abc"]
    assert (
        len({completed(*merged([completed(*order)]).findings) for order in permutations(alike)})
        == 1
    )


def test_two_findings_with_one_fingerprint_are_two() -> None:
    twin = finding("a:0"), finding("a:0", line=9)
    one = policy("kind: findings, check: semgrep, at_most: {high: 1}")
    assert line(one, facts(completed(*twin))).state == "failed"
    assert line(one, facts(completed(*twin), completed(*twin))).blocking == twin


def test_in_one_slot_a_file_is_a_gap_only_if_no_run_covered_it() -> None:
    one, two, three = (Gap(f"{name}.py", "timeout") for name in "abc")
    runs = [completed(gaps=[one, two]), completed(gaps=[two, three])]
    coverage = merged(runs).coverage
    assert coverage.gaps == (two,)
    assert (coverage.eligible, coverage.scanned) == (10, 9)
    assert merged([completed(gaps=[one]), completed(gaps=[three])]).coverage.complete


def test_in_one_slot_a_file_nobody_accounts_for_is_not_covered_by_another_run() -> None:
    runs = [completed(scanned=8), completed(gaps=[Gap("a.py", "timeout")], scanned=7)]
    assert not merged(runs).coverage.complete
