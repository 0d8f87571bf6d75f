"""Which commit is the base, and what it means that there is nothing to look at."""

from dataclasses import replace

import pytest

from devsecops_eda.model import ChangedFile, Outcome
from devsecops_eda.policy import (
    BaselineWanted,
    baseline_candidates,
    decide,
    next_deadline,
    wanted_baselines,
)
from tests.comparing import NEW, OTHER, SCAN, known
from tests.judging import (
    BASE,
    BEFORE,
    DATA,
    HEAD,
    NOW,
    OLDER,
    RULES,
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
    verdict,
)


def shas(*letters: str) -> tuple[str, ...]:
    return tuple(letter * 40 for letter in letters)


@pytest.mark.parametrize(
    ("git", "expected"),
    [
        (commit(), shas("b")),
        (commit(merge_base=None), ()),
        # A push to the target: what came before it there, never what came after it.
        (commit(merge_base=HEAD.revision, history=shas("a", "b", "c")), shas("b", "c")),
        (commit(merge_base=HEAD.revision, history=shas("e", "a", "b")), shas("b")),
        (commit(merge_base=HEAD.revision, history=shas("e", "f"), parents=shas("b")), shas("b")),
        (commit(merge_base=HEAD.revision, history=shas("a"), parents=shas("b", "d")), shas("b")),
        (commit(merge_base=HEAD.revision, history=shas("a"), parents=()), ()),
    ],
)
def test_the_base_is_the_merge_base_or_what_came_before_on_the_target(
    git: Outcome, expected: tuple[str, ...]
) -> None:
    assert git.commit is not None
    found = baseline_candidates(HEAD, git.commit)
    assert tuple(subject.revision for subject in found) == expected


def test_at_most_a_hundred_commits_are_looked_back() -> None:
    history = (HEAD.revision, *(f"{at:040x}" for at in range(300)))
    git = commit(merge_base=HEAD.revision, history=history).commit
    assert git is not None
    assert [one.revision for one in baseline_candidates(HEAD, git)] == list(history[1:101])


def test_of_a_push_to_the_target_the_last_commit_with_a_completed_outcome_is_the_base() -> None:
    git = commit(merge_base=HEAD.revision, history=shas("a", "b", "c"))
    head = completed(finding("a:0"))
    older = baseline(of_base(finding("a:0"), subject=OLDER))
    assert line(NEW, known(head, older, git=git)).state == "satisfied"
    broken = baseline(failed(subject=BASE, cause=BEFORE))
    assert line(NEW, known(head, older, broken, git=git)).state == "satisfied"
    newer = baseline(of_base())
    assert line(NEW, known(head, older, newer, git=git)).state == "failed"
    outdated = baseline(of_base(subject=OLDER, data=OTHER))
    assert wanted_baselines(NEW, known(head, outdated, git=git)) == (
        BaselineWanted("semgrep", OLDER, RULES, DATA),
    )


def test_a_push_to_the_target_is_not_compared_with_what_came_in_by_the_same_push() -> None:
    git = commit(merge_base=HEAD.revision, history=shas("a", "b", "c"))
    head = completed(finding("a:0"))
    alone = known(head, git=git)
    assert wanted_baselines(NEW, alone) == ()
    assert line(NEW, alone).state == "failed"
    assert "nothing before it on main was judged" in line(NEW, alone).message
    # Looked at because the gate asked for it, as the base of another flow, but never judged.
    looked_at = replace(baseline(of_base(finding("a:0"))), pushed=False)
    assert line(NEW, known(head, looked_at, git=git)).state == "failed"


NOTHING = completed(applicable=False)


@pytest.mark.parametrize(
    ("if_nothing", "base", "state", "expected"),
    [
        ("", of_base(applicable=False), "not_applicable", "allow"),
        ("", of_base(), "not_applicable", "deny"),
        ("", of_base(rules=OTHER, data=OTHER), "not_applicable", "deny"),
        ("", None, "running", "pending"),
        (", if_nothing: allow", of_base(), "not_applicable", "allow"),
        (", if_nothing: allow", None, "not_applicable", "allow"),
        (", if_nothing: deny", of_base(applicable=False), "not_applicable", "deny"),
    ],
)
@pytest.mark.parametrize(
    "rule", ["kind: scan", "kind: findings, at_most: {high: 0}", "kind: coverage"]
)
def test_nothing_to_look_at_is_harmless_only_if_there_was_nothing_before(
    rule: str, if_nothing: str, base: Outcome | None, state: str, expected: str
) -> None:
    one = policy(f"{rule}, check: semgrep{if_nothing}")
    now_too = known(NOTHING, *([baseline(base)] if base else []))
    assert line(one, now_too).state == state
    assert verdict(one, now_too) == expected
    needed = () if base or if_nothing else (BaselineWanted("semgrep", BASE, None, None),)
    assert wanted_baselines(one, now_too) == needed


def test_whether_there_was_something_before_is_owed_by_the_machinery() -> None:
    assert line(SCAN, known(NOTHING), NOW + minutes(30)).state == "missing"
    assert verdict(SCAN, known(NOTHING), NOW + minutes(30)) == "error"


@pytest.mark.parametrize("git", [commit(merge_base=None, parents=()), commit(merge_base=None)])
def test_nothing_to_look_at_is_harmless_where_there_is_no_base(git: Outcome) -> None:
    assert verdict(SCAN, known(NOTHING, git=git)) == "allow"


def test_a_rule_about_all_findings_wants_no_base() -> None:
    every = policy("kind: findings, check: semgrep, at_most: {high: 0}")
    now_too = known(completed(finding("a:0")))
    assert wanted_baselines(every, now_too) == ()
    assert line(every, now_too).state == "failed"


def test_a_base_that_is_waited_for_is_a_deadline() -> None:
    waiting = known(completed(finding("a:0")), requested_at=NOW + minutes(10))
    assert next_deadline(NEW, waiting, NOW + minutes(31)) == NOW + minutes(40)


def test_decisions_that_differ_in_state_or_in_what_blocks_are_two() -> None:
    waiting = known(completed(finding("a:0")))
    running, new = decide(NEW, waiting, NOW), decide(NEW, waiting, NOW + minutes(30))
    assert (running.verdict, new.verdict) == ("pending", "deny")
    assert running.id != new.id
    assert decide(NEW, facts(), NOW).id != decide(NEW, facts(), NOW + minutes(30)).id
    head = completed(finding("x:0", path="new.py"), finding("y:0"))
    base = baseline(of_base(finding("x:0", path="old.py")))
    moved, added = (
        decide(NEW, known(head, base, git=commit(change)), NOW)
        for change in (ChangedFile("new.py", "R", "old.py"), ChangedFile("new.py", "A"))
    )
    assert (moved.blocking_total, added.blocking_total) == (1, 2)
    assert moved.id != added.id


def test_a_team_with_two_thousand_old_findings_is_stopped_by_the_one_it_adds() -> None:
    old = [finding(f"old-{at}:0", path=f"file{at % 97}.py") for at in range(2000)]
    before = of_base(*old)
    moved = [replace(one, line=one.line + 100) for one in reversed(old)]
    unchanged = known(completed(*moved), baseline(before))
    assert verdict(NEW, unchanged) == "allow"
    added = known(completed(*moved, finding("new:0")), baseline(before))
    denied = line(NEW, added)
    assert [one.fingerprint for one in denied.blocking] == ["app.py/new:0"]
    # Other rules for the head make none of them new: the base is looked at again under them.
    stricter = known(completed(*moved, rules=OTHER), baseline(before))
    assert verdict(NEW, stricter, NOW + minutes(1)) == "pending"
    assert wanted_baselines(NEW, stricter) == (BaselineWanted("semgrep", BASE, OTHER, DATA),)
