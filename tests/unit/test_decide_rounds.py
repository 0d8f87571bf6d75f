"""Rounds of voting: when people are asked, what makes their votes void, how a round ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devsecops_eda.model import (
    Closing,
    Excluded,
    RequirementState,
    Seats,
)
from devsecops_eda.policy.voting.rounds import approvals_wanted, rounds_closing
from devsecops_eda.policy.voting.views import view_of
from tests.judging import BASE, HEAD, NOW, minutes
from tests.voting import (
    DEADLINE,
    DIGEST,
    GOOD,
    LATER,
    LINE_OF_VOTES,
    approvals,
    closing,
    current,
    decision,
    granted,
    judged,
    line,
    made_by,
    of,
    people,
    policy,
    reasons,
    request,
    vote,
    voting,
    wanted,
)

MOMENT = timedelta(microseconds=1)


def test_a_round_says_all_that_whoever_votes_has_to_know() -> None:
    rule = approvals(at_least=(("appsec", 1),), message="two people look at it")
    known = voting(rounds=[], outcome=made_by(of("ada")))
    (one,) = approvals_wanted(policy(rule), known, decision(), LATER)
    assert (one.gate, one.subject, one.rule, one.n) == ("merge", HEAD, "votes", 2)
    assert one.groups == (Seats("appsec", 1), Seats("owners", 0))
    assert one.deadline == LATER + timedelta(hours=24)
    assert (one.target, one.merge_base) == ("main", BASE.revision)
    assert one.eligible == ("grace", "ken", "linus")
    assert one.excluded == (Excluded("ada", "author of the commit"),)
    assert one.requirements == GOOD
    assert one.view == view_of(GOOD)[0]
    assert (one.round, one.supersedes, one.why) == (1, None, "")
    assert one.message == (
        "two people look at it: 2 votes of appsec, owners, at least 1 of appsec"
        " until 2026-03-03 10:00:00 UTC"
    )


def test_people_are_asked_once_everything_else_is_satisfied_or_waived() -> None:
    known = voting(rounds=[])
    for state in RequirementState:
        expected = state in (RequirementState.SATISFIED, RequirementState.WAIVED)
        assert bool(wanted(known, decision([line("clean", state.value)]))) == expected
    harmless = line("clean", "not_applicable", harmless=True)
    assert wanted(known, decision([harmless, LINE_OF_VOTES]))
    assert wanted(known, decision(()))


def test_nobody_is_asked_by_a_rule_that_gave_no_line() -> None:
    assert wanted(voting(rounds=[]), decision(requirements=())) == []
    assert wanted(voting(rounds=[]), decision(requirements=GOOD)) == []
    early = approvals(begins=LATER + MOMENT)
    assert approvals_wanted(policy(early), voting(rounds=[]), decision(), LATER) == ()


def test_who_was_asked_is_not_asked_again() -> None:
    (one,) = wanted(voting(rounds=[]))
    opened = current(approval=one.approval, opened_at=LATER, deadline=one.deadline)
    assert wanted(voting(rounds=[opened])) == []
    votes = [vote(name, approval=one.approval) for name in ("ada", "ken")]
    assert wanted(voting(*votes, rounds=[granted(opened)])) == []


def test_a_round_that_was_granted_counts_only_with_its_votes() -> None:
    known = voting(rounds=[granted(current())])
    (one,) = wanted(known)
    assert one.why == "the votes that it was granted by do not count any more"


def test_the_same_round_wanted_twice_has_one_name() -> None:
    first, second = wanted(voting(rounds=[])), wanted(voting(rounds=[]), now=LATER + minutes(1))
    assert first[0].approval == second[0].approval
    names = {
        one.approval
        for made in (
            decision(),
            decision(target="other"),
            decision(merge_base="9" * 40),
            decision(environment="prod"),
            decision(policy_digest=DIGEST),
            decision(gate="release"),
            decision(subject=BASE),
        )
        for one in wanted(voting(rounds=[]), made)
    }
    assert len(names) == 7


def test_the_deadline_is_the_earlier_one() -> None:
    for minute, expected in [(5, LATER + minutes(5)), (9999, LATER + timedelta(hours=24))]:
        wish = request(expires_at=LATER + minutes(minute))
        (one,) = wanted(voting(rounds=[], requests=(wish,)))
        assert one.deadline == expected


def test_nobody_is_asked_what_cannot_come_to_an_end() -> None:
    assert wanted(voting(rounds=[], requests=(request(expires_at=LATER),))) == []
    assert wanted(voting(rounds=[], people=people(appsec=["ada"], owners=["ada"]))) == []
    assert wanted(voting(rounds=[], outcomes=())) == []


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        ({"policy_digest": DIGEST}, "the policy changed"),
        ({"merge_base": "9" * 40}, "the merge base was 999999999999"),
        ({"request": "wish"}, "another request to deploy was recorded"),
        ({"closing": Closing.SUPERSEDED}, "another round took its place"),
    ],
)
def test_votes_are_void_when_what_they_are_bound_to_changes(
    bound: dict[str, Any], why: str
) -> None:
    known = voting(vote("ada"), vote("ken"), rounds=[granted(replace(current(), **bound))])
    known = replace(known, rounds=tuple(replace(one, **bound) for one in known.rounds))
    told = judged(known, policy_digest=policy().digest)
    assert (told.state.value, told.votes) == ("running", True)
    assert told.text == f"people are asked again: {why}"
    (one,) = wanted(known)
    assert (one.round, one.supersedes, one.why) == (2, "round-1", why)
    assert set(reasons(known).values()) == {f"this round is void: {why}"}


def test_votes_for_one_branch_are_none_for_another() -> None:
    known = voting(vote("ada"), vote("ken"), rounds=[granted(current(target="release"))])
    assert judged(known, policy_digest=policy().digest).text == "people are asked"
    (one,) = wanted(known)
    assert (one.round, one.supersedes) == (1, None)


def test_what_comes_back_brings_no_vote_back() -> None:
    changed = current(2, merge_base="9" * 40)
    known = voting(vote("ada"), vote("ken"), rounds=[granted(current()), changed])
    assert judged(known, policy_digest=policy().digest).state.value == "running"
    (one,) = wanted(known)
    assert (one.round, one.supersedes) == (3, "round-2")
    assert set(reasons(known).values()) == {"another round took the place of this one"}


@pytest.mark.parametrize("ending", [None, *Closing])
def test_a_repeated_request_opens_a_new_round(ending: Closing | None) -> None:
    first, again = request("first"), request("again", at=NOW + minutes(30))
    old = current(request="first", closing=ending)
    for wishes in [(first, again), (again, first)]:
        known = voting(vote("ada"), vote("ken"), rounds=[old], requests=wishes)
        (one,) = wanted(known)
        assert (one.round, one.supersedes) == (2, "round-1")
    once = voting(vote("ada"), vote("ken"), rounds=[old], requests=(first, first))
    assert bool(wanted(once)) == (ending is Closing.SUPERSEDED)


def test_requests_recorded_at_once_are_told_apart_by_their_id() -> None:
    wishes = request("a"), request("b")
    known = voting(vote("ada"), vote("ken"), rounds=[current(request="b")], requests=wishes)
    assert judged(known, policy_digest=policy().digest).state.value == "satisfied"


def test_how_a_round_ends() -> None:
    both, veto = (vote("ada"), vote("ken")), vote("grace", "reject")
    one = [current()]
    assert closing(voting(vote("ada"), rounds=one)) == []
    assert closing(voting(*both, rounds=one)) == ["granted"]
    assert closing(voting(*both, veto, rounds=one)) == ["denied"]
    assert closing(voting(vote("ada"), rounds=one), DEADLINE - MOMENT) == []
    assert closing(voting(vote("ada"), rounds=one), DEADLINE) == ["expired"]
    assert closing(voting(*both, rounds=one), DEADLINE) == ["granted"]


@pytest.mark.parametrize("ending", list(Closing))
def test_what_is_over_is_not_ended_again_but_by_a_veto_in_time(ending: Closing) -> None:
    over = [current(closing=ending, closed_at=NOW + minutes(5))]
    votes = vote("ada"), vote("ken")
    assert closing(voting(*votes, rounds=over), DEADLINE) == []
    vetoed = voting(*votes, vote("grace", "reject", 9), rounds=over)
    expected = ["denied"] if ending is Closing.GRANTED else []
    assert closing(vetoed) == expected


def test_the_end_of_a_round_names_every_vote_and_why_it_did_not_count() -> None:
    votes = [
        vote("ada"),
        vote("ada", at=2),
        vote("ken", at=3),
        vote("eve", at=4),
        vote(None, at=5, user="ghost"),
        vote("linus", at=6, groups=frozenset()),
        vote("mal", at=7, groups=frozenset({"owners"})),
        vote("linus", at=8, seen=None),
        vote("eve", at=9, groups=frozenset({"owners"})),
        vote("grace", recorded_at=DEADLINE),
    ]
    known = voting(*votes, rounds=[current()])
    (ended,) = rounds_closing(policy(), known, decision(), LATER)
    assert (ended.approval, ended.rule, ended.message) == (
        "round-1",
        "votes",
        "granted by ada, ken",
    )
    assert [(one.event, one.reason) for one in ended.votes] == [
        ("ada-approve-1", "a later vote of ada counts"),
        ("ada-approve-2", ""),
        ("ken-approve-3", ""),
        ("eve-approve-4", "eve was in none of the groups appsec, owners at the vote"),
        ("None-approve-5", "the user ghost is nobody the operator named"),
        ("linus-approve-6", "linus was in none of the groups appsec, owners at the vote"),
        ("mal-approve-7", "mal is author of the commit"),
        ("linus-approve-8", "this round never showed the view that it names"),
        ("eve-approve-9", "eve is in none of the groups appsec, owners any more"),
        ("grace-approve-1", "it came after the deadline"),
    ]
    assert [one.person for one in ended.votes][4] == ""


def test_a_void_round_that_no_other_followed_expires_at_its_deadline() -> None:
    void = current(merge_base="9" * 40)
    assert closing(voting(rounds=[void]), DEADLINE - MOMENT) == []
    assert closing(voting(rounds=[void]), DEADLINE) == ["expired"]
    silent = voting(vote("ada"), rounds=[current()], outcomes=())
    assert closing(silent, DEADLINE) == ["expired"]


def test_a_round_of_a_rule_that_is_gone_counts_nothing() -> None:
    known = voting(vote("ada"), rounds=[current(rule="gone")])
    assert closing(known, DEADLINE) == []
    assert reasons(known) == {"ada-approve-1": "no rule asks for these votes any more"}
