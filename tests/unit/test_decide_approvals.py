"""Votes: who may, which count, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from devsecops_eda.model import Closing, Mode
from devsecops_eda.policy.facts import Vote
from devsecops_eda.policy.voting.approvals import instants
from tests.judging import NOW, PUSH, WITHIN, minutes
from tests.voting import (
    DEADLINE,
    GOOD,
    approvals,
    granted,
    judged,
    line,
    people,
    request,
    round_,
    state,
    vote,
    voting,
)

MOMENT = timedelta(microseconds=1)


def test_enough_votes_satisfy_and_too_few_are_waited_for() -> None:
    one = judged(voting(vote("ada")))
    assert (one.state.value, one.votes, one.due) == ("running", True, DEADLINE)
    assert one.text == "1 of 2 votes; may vote: grace, ken, linus"
    both = judged(voting(vote("ada"), vote("ken", at=3)))
    assert (both.state.value, both.votes) == ("satisfied", False)
    assert both.text == "2 of 2 votes: ada, ken"
    assert both.since == NOW + minutes(3)


def test_a_line_names_the_round_and_the_votes_it_rests_on() -> None:
    known = voting(vote("ken"), vote("ada"), vote("eve"))
    assert judged(known).evidence == ("round-1", "ada-approve-1", "ken-approve-1")
    assert judged(voting()).evidence == ("round-1",)


@pytest.mark.parametrize(
    ("voters", "least", "n", "expected"),
    [
        (("ken", "linus"), {}, 2, "satisfied"),
        (("ken", "linus"), {"appsec": 1}, 2, "running"),
        (("ken", "ada"), {"appsec": 1}, 2, "satisfied"),
        # One person fills one seat, whatever number of groups.
        (("grace",), {"appsec": 1, "owners": 1}, 1, "running"),
        (("grace",), {}, 2, "running"),
        (("grace", "ken"), {"appsec": 1, "owners": 1}, 2, "satisfied"),
        (("grace", "ada"), {"appsec": 1, "owners": 1}, 2, "satisfied"),
        (("grace", "ada"), {"appsec": 2}, 2, "satisfied"),
        (("grace", "ada"), {"appsec": 2, "owners": 1}, 3, "running"),
        (("grace", "ada", "ken"), {"appsec": 2, "owners": 1}, 3, "satisfied"),
        (("grace", "ada", "ken"), {"appsec": 1, "owners": 2}, 3, "satisfied"),
    ],
)
def test_one_person_fills_one_seat_of_one_group(
    voters: tuple[str, ...], least: dict[str, int], n: int, expected: str
) -> None:
    rule = approvals(n=n, at_least=tuple(least.items()))
    for order in permutations(voters):
        known = voting(*(vote(name, at=at + 1) for at, name in enumerate(order)))
        assert state(known, rule=rule) == expected


def test_what_is_missing_is_told_by_group() -> None:
    rule = approvals(n=3, at_least=(("appsec", 1),))
    told = judged(voting(vote("ken"), vote("linus")), rule=rule)
    assert told.text == "2 of 3 votes, missing 1 from appsec; may vote: ada, grace"
    assert told.solution == "may vote: ada, grace, until 2026-03-03 09:00:00 UTC"


def test_one_person_has_one_vote_whatever_number_of_names() -> None:
    twice = vote("ada"), vote("ada", at=2, user="user-ada-at-night")
    assert judged(voting(*twice)).text.startswith("1 of 2 votes")
    assert judged(voting(*twice)).evidence == ("round-1", "ada-approve-2")


@pytest.mark.parametrize(
    "other",
    [
        vote(None),
        vote("eve"),
        vote("mal", groups=frozenset({"appsec"})),
        # In the group now, not at the vote; at the vote, not now.
        vote("ken", groups=frozenset()),
        vote("eve", groups=frozenset({"appsec"})),
        vote("ken", seen=None),
        vote("ken", recorded_at=DEADLINE),
        vote("ken", approval="round-0"),
    ],
    ids=lambda one: f"{one.person} {sorted(one.groups)} {one.recorded_at:%H:%M}",
)
def test_a_vote_of_somebody_who_may_not_does_not_count(other: Vote) -> None:
    assert state(voting(vote("ada"), other)) == "running"


def test_the_deadline_is_over_at_its_instant() -> None:
    before = vote("ken", recorded_at=DEADLINE - MOMENT)
    at = vote("ken", recorded_at=DEADLINE)
    assert state(voting(vote("ada"), before), DEADLINE) == "satisfied"
    assert state(voting(vote("ada"), at), DEADLINE) == "failed"
    assert state(voting(vote("ada")), DEADLINE - MOMENT) == "running"
    late = judged(voting(vote("ada")), DEADLINE)
    assert (late.state.value, late.since) == ("failed", DEADLINE)
    assert late.text == "it expired 2026-03-03 09:00:00 UTC: 1 of 2 votes"


def test_what_has_expired_stays_so_for_that_round() -> None:
    expired = round_(closing=Closing.EXPIRED, closed_at=DEADLINE)
    known = voting(vote("ada"), vote("ken"), rounds=[expired])
    assert state(known, DEADLINE) == "failed"


@pytest.mark.parametrize("which", [["ada"], ["author", "ada"]])
def test_a_veto_denies_also_after_enough_votes(which: list[str]) -> None:
    votes = [vote("ken"), vote("linus"), vote("ada", "reject", 7, comment="not today")]
    for order in permutations(votes):
        for one in (round_(), granted(round_())):
            told = judged(voting(*order, rounds=[one]))
            assert (told.state.value, told.since) == ("failed", NOW + minutes(7))
            assert told.text == "vetoed by ada: not today"


def test_a_veto_stands_when_the_same_person_approves_later_or_before() -> None:
    for at in (1, 9):
        known = voting(vote("ken"), vote("linus"), vote("ada", "reject", 5), vote("ada", at=at))
        assert state(known) == "failed"


def test_a_veto_at_the_deadline_is_too_late() -> None:
    votes = vote("ken"), vote("linus")
    late = vote("ada", "reject", recorded_at=DEADLINE)
    just = vote("ada", "reject", recorded_at=DEADLINE - MOMENT)
    for one in (round_(), granted(round_())):
        assert state(voting(*votes, late, rounds=[one]), DEADLINE) == "satisfied"
        assert state(voting(*votes, just, rounds=[one]), DEADLINE) == "failed"


@pytest.mark.parametrize(
    "veto",
    [
        vote("eve", "reject"),
        vote(None, "reject"),
        vote("mal", "reject", groups=frozenset({"appsec"})),
        vote("ada", "reject", groups=frozenset()),
        vote("eve", "reject", groups=frozenset({"appsec"})),
    ],
)
def test_vetoes_of_authors_and_outsiders_do_not_count(veto: Vote) -> None:
    for one in (round_(), granted(round_())):
        assert state(voting(vote("ken"), vote("linus"), veto, rounds=[one])) == "satisfied"


def test_a_veto_that_names_an_unknown_view_is_a_veto_all_the_same() -> None:
    known = voting(vote("ken"), vote("linus"), vote("ada", "reject", seen=None))
    assert state(known) == "failed"


def test_once_granted_it_stands_when_a_voter_leaves_the_group() -> None:
    left = people(appsec=["grace"], owners=["ken", "linus"])
    votes = vote("ada"), vote("ken")
    assert state(voting(*votes, people=left)) == "running"
    assert state(voting(*votes, rounds=[granted(round_())], people=left)) == "satisfied"


def test_people_are_asked_when_everything_else_is_satisfied() -> None:
    lines = (
        line("clean", "failed"),
        line("covered", "running"),
        line("seen", "failed", mode=Mode.WARN),
    )
    told = judged(voting(rounds=[]), lines=lines)
    assert (told.state.value, told.votes, told.due) == ("running", True, None)
    assert told.text == "people are asked, when clean, covered are satisfied or waived"
    good = (line("clean", "waived"), line("gone", "not_applicable", harmless=True), *GOOD)
    assert judged(voting(rounds=[]), lines=good).text == "people are asked"


def test_a_request_that_expired_is_voted_on_by_nobody() -> None:
    wish = request(expires_at=NOW + minutes(10))
    known = voting(rounds=[], requests=(wish,))
    assert state(known, NOW + minutes(10) - MOMENT) == "running"
    assert state(known, NOW + minutes(10)) == "failed"


def test_time_alone_changes_it_only_at_the_instants_it_names() -> None:
    wish = request(expires_at=NOW + minutes(50))
    known = voting(requests=(wish,), causes=(PUSH,))
    assert sorted(set(instants(approvals(), known, NOW))) == [
        NOW + WITHIN,
        NOW + minutes(50),
        DEADLINE,
    ]


def test_a_vote_told_twice_was_given_the_first_time() -> None:
    again = replace(vote("ken"), recorded_at=DEADLINE)
    for votes in permutations([vote("ada"), vote("ken"), again]):
        assert state(voting(*votes), DEADLINE) == "satisfied"


def test_who_votes_again_keeps_every_seat_that_was_won() -> None:
    rule = approvals(n=2, at_least=(("appsec", 1),))
    again = vote("grace", at=4, groups=frozenset({"owners"}))
    for votes in permutations([vote("ken"), vote("grace"), again]):
        assert state(voting(*votes), rule=rule) == "satisfied"


def test_a_round_that_was_denied_stays_so_when_the_voter_leaves_the_group() -> None:
    left = people(appsec=["grace"], owners=["ken", "linus"])
    denied = round_(closing=Closing.DENIED, closed_at=NOW + minutes(9))
    told = judged(voting(vote("ada", "reject"), rounds=[denied], people=left))
    assert (told.state.value, told.text) == ("failed", "vetoed by ada")
