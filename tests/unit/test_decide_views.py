"""What people saw when they voted: when it is worse now, and what becomes of their votes."""

from __future__ import annotations

from dataclasses import replace

from devsecops_eda.model import Closing, RequirementState
from devsecops_eda.policy.voting.views import view_of, worse_than
from tests.judging import NOW, finding
from tests.voting import (
    GOOD,
    LATER,
    LINE_OF_VOTES,
    current,
    decision,
    granted,
    judged,
    line,
    policy,
    reasons,
    vote,
    voting,
    wanted,
)

WORSE = [
    (line("clean"), line("clean", "waived", waivers=("w",))),
    (line("clean"), line("clean", "not_applicable", harmless=True)),
    (line("clean"), line("clean", "failed")),
    (line("clean"), line("clean", "running")),
    (line("clean", "failed"), line("clean", "errored")),
    (line("clean", "errored"), line("clean", "failed")),
    (line("clean", "running"), line("clean", "missing")),
    (line("clean", "waived", waivers=("a",)), line("clean", "waived", waivers=("a", "b"))),
    (
        line("clean", "failed", blocking=(finding("a:0"),)),
        line("clean", "failed", blocking=(finding("a:0"), finding("b:0"))),
    ),
]
FINE = [
    (line("clean", "failed"), line("clean")),
    (line("clean", "waived", waivers=("a",)), line("clean")),
    (line("clean", "failed"), line("clean", "failed", since=NOW)),
    (
        line("clean", "failed", blocking=(finding("a:0"), finding("b:0"))),
        line("clean", "failed", blocking=(finding("b:0"),)),
    ),
]


def test_what_is_worse_than_it_was_seen() -> None:
    for before, after in WORSE:
        assert worse_than(view_of([before])[1], [after]) == ("clean",)
    for before, after in FINE:
        assert worse_than(view_of([before])[1], [after]) == ()
    for state in RequirementState:
        same = line("clean", state.value)
        assert worse_than(view_of([same])[1], [same]) == ()
        good = state is RequirementState.SATISFIED
        assert worse_than((), [same]) == (() if good else ("clean",))
    assert worse_than(view_of(GOOD)[1], [LINE_OF_VOTES]) == ()


def test_a_view_is_known_by_what_stands_and_not_by_how_it_is_told() -> None:
    told = replace(GOOD[0], message="otherwise", since=NOW, evidence=("x",))
    assert view_of((told, GOOD[1]))[0] == view_of(GOOD)[0] == view_of(GOOD[::-1])[0]
    assert view_of((*GOOD, LINE_OF_VOTES)) == view_of(GOOD)
    assert view_of((line("clean", "waived"), GOOD[1]))[0] != view_of(GOOD)[0]


def test_votes_are_void_when_a_requirement_got_worse_than_the_voter_saw() -> None:
    lines = (line("clean", "waived"), line("covered"))
    votes = vote("ada"), vote("ken")
    for one in (current(), granted(current())):
        known = voting(*votes, rounds=[one])
        told = judged(known, lines=lines, policy_digest=policy().digest)
        why = "clean got worse than people saw when they voted"
        assert (told.state.value, told.text) == ("running", f"people are asked again: {why}")
        assert set(reasons(known, lines).values()) == {"clean is worse than it was seen"}
        (again,) = wanted(known, decision(lines))
        assert (again.supersedes, again.why) == ("round-1", why)
        # Nothing is asked while something is in the way, and what gets better again is as it was.
        failing = (line("clean", "failed"), line("covered"))
        assert wanted(known, decision(failing)) == []
        assert wanted(known) == []


def test_no_new_round_is_opened_where_nobody_voted_on_what_was_better() -> None:
    lines = (line("clean", "waived"), line("covered"))
    assert wanted(voting(rounds=[current()]), decision(lines)) == []
    # Who voted again having seen it has voted.
    seen = view_of(lines)[1]
    both = vote("ada"), vote("ada", at=5, seen=seen)
    assert wanted(voting(*both, rounds=[current()]), decision(lines)) == []


def test_a_veto_on_what_was_better_is_void_too_and_people_are_asked_again() -> None:
    lines = (line("clean", "waived"), line("covered"))
    known = voting(vote("ada", "reject"), rounds=[current(closing=Closing.DENIED, closed_at=LATER)])
    assert judged(known, policy_digest=policy().digest).state.value == "failed"
    assert judged(known, lines=lines, policy_digest=policy().digest).state.value == "running"
    assert len(wanted(known, decision(lines))) == 1
