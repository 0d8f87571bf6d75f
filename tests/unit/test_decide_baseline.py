"""What is new: which commit is compared with, when it counts, and what a removal means."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devsecops_eda.model import ChangedFile, Outcome, Severity, Subject
from devsecops_eda.policy import (
    Baseline,
    BaselineWanted,
    decide,
    wanted_baselines,
)
from tests.comparing import ASKED, NEW, OTHER, WANTED, known
from tests.judging import (
    BASE,
    BEFORE,
    HEAD,
    NOW,
    OLDER,
    PUSH,
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


def test_what_the_base_has_is_not_new() -> None:
    old = finding("old:0")
    moved = replace(old, line=99)
    now_too = known(completed(moved, finding("new:0")), baseline(of_base(old)))
    only = line(NEW, now_too)
    assert [one.fingerprint for one in only.blocking] == ["app.py/new:0"]
    assert only.message == (
        "1 new finding of severity high or above, at most 0 allowed (compared with bbbbbbbbbbbb)"
    )
    assert verdict(NEW, known(completed(moved), baseline(of_base(old)))) == "allow"
    assert wanted_baselines(NEW, now_too) == ()


def test_one_more_among_equal_ones_is_new() -> None:
    two = [finding(f"same:{at}", line=at) for at in (5, 9)]
    three = [*two, finding("same:2", line=12)]
    assert line(NEW, known(completed(*three), baseline(of_base(*two)))).state == "failed"
    assert line(NEW, known(completed(*two), baseline(of_base(*three)))).state == "satisfied"
    twins = finding("same:0"), finding("same:0", line=9)
    assert len(line(NEW, known(completed(*twins), baseline(of_base(twins[0])))).blocking) == 1


def test_where_it_is_not_clear_which_one_is_new_it_is_the_worst() -> None:
    low, high = finding("same:0", Severity.LOW), finding("same:0", line=9)
    only = line(NEW, known(completed(low, high), baseline(of_base(low))))
    assert only.blocking == (high,)


@pytest.mark.parametrize(
    ("change", "blocking"),
    [
        (ChangedFile("new.py", "R", "old.py"), 0),
        (ChangedFile("new.py", "R087", "old.py"), 0),
        (ChangedFile("new.py", "C", "old.py"), 1),
        (ChangedFile("new.py", "A"), 1),
        (ChangedFile("new.py", "R", "another.py"), 1),
    ],
)
def test_a_finding_stays_old_in_a_renamed_file(change: ChangedFile, blocking: int) -> None:
    before, after = finding("x:0", path="old.py"), finding("x:0", path="new.py")
    same = known(completed(after), baseline(of_base(before)), git=commit(change))
    assert len(line(NEW, same).blocking) == blocking


def test_a_rename_makes_only_as_many_old_as_moved() -> None:
    change = commit(ChangedFile("new.py", "R", "old.py"))
    stayed = finding("x:0", path="old.py")
    both = completed(stayed, finding("x:0", path="new.py"))
    assert len(line(NEW, known(both, baseline(of_base(stayed)), git=change)).blocking) == 1
    twins = completed(*(finding("x:0", path="new.py", line=at) for at in (5, 9)))
    assert len(line(NEW, known(twins, baseline(of_base(stayed)), git=change)).blocking) == 1


def test_with_few_enough_findings_no_base_is_needed() -> None:
    for head in (completed(), completed(finding("a:0", Severity.MEDIUM))):
        assert wanted_baselines(NEW, facts(head, commit())) == ()
        assert line(NEW, facts(head)).state == "satisfied"
        assert line(NEW, facts(head, failed(check="commit"))).state == "satisfied"


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ((), WANTED),
        ((baseline(of_base()),), ()),
        ((baseline(of_base(rules=OTHER)),), WANTED),
        ((baseline(of_base(data=OTHER)),), WANTED),
        ((baseline(of_base(data=None)),), WANTED),
        ((baseline(failed(subject=BASE, cause=BEFORE)),), WANTED),
        ((baseline(of_base(cause=rescan("unseen", minutes(-9)))),), WANTED),
        ((baseline(replace(of_base(), check="safety")),), WANTED),
        ((baseline(of_base(subject=OLDER)),), WANTED),
        ((baseline(of_base(applicable=False)),), WANTED),
    ],
)
def test_a_base_holds_under_the_same_rules_and_data_only(
    base: tuple[Baseline, ...], wanted: tuple[BaselineWanted, ...]
) -> None:
    now_too = known(completed(finding("a:0")), *base)
    assert wanted_baselines(NEW, now_too) == wanted
    assert line(NEW, now_too).state == ("running" if wanted else "failed")


def test_a_base_with_other_data_beside_one_with_the_same_does_no_harm() -> None:
    later = rescan("later", minutes(-5))
    both = baseline(
        of_base(finding("a:0")), of_base(data=OTHER, cause=later), causes=[BEFORE, later]
    )
    assert line(NEW, known(completed(finding("a:0")), both)).state == "satisfied"


@pytest.mark.parametrize(
    ("requested_at", "due"), [(None, minutes(30)), (NOW + minutes(10), minutes(40))]
)
def test_without_a_base_it_runs_until_within_and_then_everything_is_new(
    requested_at: datetime | None, due: timedelta
) -> None:
    waiting = known(completed(finding("a:0")), requested_at=requested_at)
    only = line(NEW, waiting, NOW + due - minutes(0.001))
    assert (only.state, only.due) == ("running", NOW + due)
    only = line(NEW, waiting, NOW + due)
    assert only.state == "failed"
    assert only.message == (
        "1 new finding of severity high or above, at most 0 allowed"
        " (the base bbbbbbbbbbbb could not be compared with, so all counts as new)"
    )


@pytest.mark.parametrize(
    "answer",
    [
        failed(subject=BASE, cause=ASKED),
        of_base(finding("a:0"), cause=ASKED, data=OTHER),
    ],
)
def test_a_base_that_was_asked_for_and_cannot_be_used_is_waited_for_no_longer(
    answer: Outcome,
) -> None:
    asked = baseline(answer, requested_at=NOW, causes=[ASKED])
    assert line(NEW, known(completed(finding("a:0")), asked), NOW + minutes(2)).state == "failed"
    silent = baseline(answer, requested_at=NOW, causes=[ASKED, rescan("more", minutes(2))])
    now_too = known(completed(finding("a:0")), silent)
    assert line(NEW, now_too, NOW + minutes(3)).state == "running"


def test_a_base_with_nothing_to_look_at_counts_when_it_was_asked_for() -> None:
    nothing = of_base(applicable=False, cause=ASKED)
    asked = baseline(nothing, requested_at=NOW, causes=[ASKED])
    now_too = known(completed(finding("a:0")), asked)
    assert wanted_baselines(NEW, now_too) == ()
    assert line(NEW, now_too, NOW + minutes(2)).state == "failed"


@pytest.mark.parametrize(
    ("git", "words"),
    [
        (commit(merge_base=None, parents=()), "it is the first commit"),
        (commit(merge_base=HEAD.revision, parents=()), "it is the first commit"),
        (commit(merge_base=None), "there is no merge base with main"),
        (commit(merge_base=None, target=None), "no branch to compare with was named"),
    ],
)
def test_where_there_is_no_base_all_counts_as_new_and_the_line_says_so(
    git: Outcome, words: str
) -> None:
    now_too = known(completed(finding("a:0")), git=git)
    assert wanted_baselines(NEW, now_too) == ()
    only = line(NEW, now_too)
    assert only.state == "failed"
    assert f"({words}, so all counts as new)" in only.message


def test_a_plain_folder_has_nothing_to_compare_with() -> None:
    folder = Subject.tree("sha256:" + "0" * 64, "local/app")
    git = replace(completed(check="commit", applicable=False), subject=folder)
    plain = facts(completed(finding("a:0"), subject=folder), git, subject=folder)
    assert "there is no history to compare with" in line(NEW, plain).message
    assert verdict(NEW, plain) == "deny"


def test_a_dirty_checkout_is_compared_with_its_merge_base() -> None:
    tree = Subject.tree("sha256:" + "0" * 64, REPO)
    old = completed(finding("a:0"), subject=tree)
    same = facts(
        old,
        commit(subject=tree),
        subject=tree,
        baselines=[baseline(of_base(finding("a:0")))],
    )
    assert verdict(NEW, same) == "allow"


@pytest.mark.parametrize(
    ("git", "state"),
    [(None, "running"), (failed(check="commit"), "errored")],
)
def test_without_what_git_says_nothing_is_judged_new_or_old(
    git: Outcome | None, state: str
) -> None:
    outcomes = [completed(finding("a:0")), *([git] if git else [])]
    now_too = facts(*outcomes, baselines=[baseline(of_base(finding("a:0")))])
    assert line(NEW, now_too).state == state
    assert wanted_baselines(NEW, now_too) == ()
    if git is None:
        assert line(NEW, now_too, NOW + minutes(30)).state == "missing"


def test_what_is_wanted_is_wanted_once_and_in_order() -> None:
    both = policy(
        "kind: findings, check: semgrep, at_most: {high: 0}, new_only: true",
        "kind: findings, check: semgrep, at_most: {low: 0}, new_only: true",
        "kind: findings, check: safety, at_most: {high: 0}, new_only: true",
    )
    heads = [completed(finding("a:0"), check=check) for check in ("semgrep", "safety")]
    wanted = wanted_baselines(both, facts(*heads, commit()))
    assert [one.check for one in wanted] == ["safety", "semgrep"]


def test_the_base_is_part_of_what_was_decided_on() -> None:
    head = completed(finding("a:0"), finding("b:0"))
    some, other = (
        decide(NEW, known(head, baseline(of_base(finding(name)))), NOW) for name in ("a:0", "b:0")
    )
    assert some.id != other.id
    assert PUSH.check is None
