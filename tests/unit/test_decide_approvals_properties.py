"""What holds for whatever votes: no order, no repeat and no lost vote opens a gate."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import TypeVar

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from devsecops_eda.model import Ballot, Closing, Mode, Requirement, RequirementState, Verdict
from devsecops_eda.policy import decide
from devsecops_eda.policy.facts import Facts, Vote
from devsecops_eda.policy.judged import Judged
from devsecops_eda.policy.model import ApprovalsRule
from devsecops_eda.policy.voting.approvals import instants
from devsecops_eda.policy.voting.ballots import enough
from devsecops_eda.policy.voting.rounds import approvals_wanted, rounds_closing, tally
from devsecops_eda.policy.voting.views import view_of, worse_than
from tests.judging import NOW, minutes
from tests.voting import (
    DEADLINE,
    GROUPS,
    approvals,
    current,
    decision,
    judged,
    line,
    made_by,
    of,
    people,
    policy,
    request,
    vote,
    voting,
)

SLOW = settings(max_examples=150)
MOMENT = timedelta(microseconds=1)
Value = TypeVar("Value")

PEOPLE = ["ada", "grace", "linus", "ken"]
instants_ = st.sampled_from(
    [NOW + minutes(1), NOW + minutes(60), DEADLINE - MOMENT, DEADLINE, DEADLINE + minutes(9)]
)
groups_ = st.frozensets(st.sampled_from(sorted(GROUPS)))


def three(first: str, second: str, warned: str) -> tuple[Requirement, ...]:
    return (
        line("clean", first),
        line("covered", second),
        line("warned", warned, mode=Mode.WARN),
    )


ALL_GOOD = three("satisfied", "satisfied", "satisfied")
mixed_ = st.builds(
    three,
    st.sampled_from(["satisfied", "satisfied", "waived", "failed"]),
    st.sampled_from(["satisfied", "satisfied", "waived", "running"]),
    st.sampled_from(RequirementState).map(lambda state: state.value),
)
lines_ = st.integers(0, 9).flatmap(lambda at: st.just(ALL_GOOD) if at < 6 else mixed_)


@st.composite
def votes_(draw: st.DrawFn) -> Vote:
    """Most often one that counts."""
    person = draw(st.sampled_from([*PEOPLE, *PEOPLE, *PEOPLE, "mal", "eve", None]))
    word = draw(st.sampled_from(["approve"] * 7 + ["reject"]))
    at = draw(st.integers(1, 9))
    made = vote(person, word, at)
    if draw(st.integers(0, 5)) == 5:
        made = replace(made, groups=draw(groups_))
    if draw(st.integers(0, 9)) == 9:
        made = replace(made, recorded_at=draw(instants_))
    shown = None if draw(st.integers(0, 19)) == 19 else view_of(draw(lines_))[1]
    made = replace(made, seen=shown)
    return replace(made, event_id=f"{person}/{word}/{draw(st.integers(0, 99))}")


@st.composite
def facts_(draw: st.DrawFn) -> Facts:
    """A round, most often open, and up to six votes."""
    votes = draw(st.lists(votes_(), max_size=7, unique_by=lambda one: one.event_id))
    ending = draw(st.sampled_from([None, None, None, Closing.GRANTED]))
    wishes = draw(st.sampled_from([(), (request("wish", "user-linus"),)]))
    bound = "wish" if wishes else None
    known = voting(
        *votes,
        rounds=[current(closing=ending, closed_at=ending and NOW + minutes(9), request=bound)],
        requests=wishes,
        outcome=made_by(of(draw(st.sampled_from(["mal", "ken"])))),
    )
    if draw(st.integers(0, 4)) == 4:
        members = {group: draw(st.sets(st.sampled_from(PEOPLE))) for group in ("appsec", "owners")}
        known = replace(known, people=people(**members))
    return known


rules_ = st.builds(
    lambda n, appsec, owners: approvals(
        n=max(n, appsec + owners), at_least=(("appsec", appsec), ("owners", owners))
    ),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 1),
)


def under(rule: ApprovalsRule, known: Facts) -> Facts:
    """The same with every round opened under this rule."""
    digest = policy(rule).digest
    return replace(known, rounds=tuple(replace(one, policy_digest=digest) for one in known.rounds))


def standing(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime
) -> Judged:
    bound = policy(rule).digest
    return judged(under(rule, known), now, rule, lines, policy_digest=bound)


def state(rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime) -> str:
    return standing(rule, known, lines, now).state.value


def some_twice(values: tuple[Value, ...], rng: random.Random) -> tuple[Value, ...]:
    more = [*values, *rng.choices(values, k=2)] if values else []
    rng.shuffle(more)
    return tuple(more)


@SLOW
@given(rules_, facts_(), lines_, instants_, st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_matter(
    rule: ApprovalsRule,
    known: Facts,
    lines: tuple[Requirement, ...],
    now: datetime,
    rng: random.Random,
) -> None:
    again = replace(
        known,
        votes=some_twice(known.votes, rng),
        rounds=some_twice(known.rounds, rng),
        requests=some_twice(known.requests, rng),
    )
    one = policy(rule)
    known, again = under(rule, known), under(rule, again)
    made = decision(lines, policy_digest=one.digest)
    assert standing(rule, again, lines, now) == standing(rule, known, lines, now)
    assert tally(one, again, known.rounds[0], lines, now) == tally(
        one, known, known.rounds[0], lines, now
    )
    for asked in (approvals_wanted, rounds_closing):
        assert asked(one, again, made, now) == asked(one, known, made, now)


@SLOW
@given(rules_, facts_(), lines_, instants_, st.integers(0, 5))
def test_a_vote_that_is_lost_never_leads_to_allow(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime, at: int
) -> None:
    assume(at < len(known.votes) and known.votes[at].vote is Ballot.APPROVE)
    less = replace(known, votes=known.votes[:at] + known.votes[at + 1 :])
    if state(rule, less, lines, now) == "satisfied":
        assert state(rule, known, lines, now) == "satisfied"


@SLOW
@given(rules_, facts_(), lines_, instants_, votes_())
def test_no_vote_takes_an_allow_back_but_a_veto(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime, more: Vote
) -> None:
    more = replace(more, event_id="more")
    before = state(rule, known, lines, now)
    after = state(rule, replace(known, votes=(*known.votes, more)), lines, now)
    if before == "satisfied" and after != "satisfied":
        assert more.vote is Ballot.REJECT


@SLOW
@given(rules_, facts_(), lines_, instants_)
def test_no_vote_counts_on_what_is_worse_than_it_saw(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime
) -> None:
    known = under(rule, known)
    votes = {one.event_id: one for one in known.votes}
    counted = [
        votes[one.event]
        for one in tally(policy(rule), known, known.rounds[0], lines, now)
        if one.counted
    ]
    for one in counted:
        assert one.seen is not None or one.vote is Ballot.REJECT
        assert one.seen is None or worse_than(one.seen, lines) == ()
    approvers = [one.person for one in counted if one.vote is Ballot.APPROVE]
    assert len(set(approvers)) == len(approvers)
    for one in counted:
        # Who left after it was granted had a vote.
        assert one.person in PEOPLE or known.rounds[0].closing is Closing.GRANTED
        assert one.groups & {"appsec", "owners"}
        assert one.recorded_at < DEADLINE


@SLOW
@given(rules_, facts_(), lines_, instants_)
def test_every_vote_that_does_not_count_is_told_with_a_reason(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime
) -> None:
    known = under(rule, known)
    told = tally(policy(rule), known, known.rounds[0], lines, now)
    assert {one.event for one in told} == {one.event_id for one in known.votes}
    assert all(one.counted != bool(one.reason) for one in told)


@SLOW
@given(rules_, facts_(), lines_, st.sampled_from([NOW + minutes(1), DEADLINE - minutes(1)]))
def test_nothing_changes_before_the_instants_that_are_named(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime
) -> None:
    following = min(one for one in instants(rule, known, now) if one > now)
    before = standing(rule, known, lines, following - MOMENT)
    assert before == standing(rule, known, lines, now)


@SLOW
@given(rules_, facts_(), lines_, instants_)
def test_a_round_ends_as_its_line_says_and_is_never_asked_for_while_it_is_open(
    rule: ApprovalsRule, known: Facts, lines: tuple[Requirement, ...], now: datetime
) -> None:
    one, known = policy(rule), under(rule, known)
    made = decision(lines, policy_digest=one.digest)
    line_ = standing(rule, known, lines, now)
    closed = rounds_closing(one, known, made, now)
    wanted = approvals_wanted(one, known, made, now)
    assert not (closed and wanted) or closed[0].closing is Closing.EXPIRED
    if line_.state is RequirementState.SATISFIED:
        assert not wanted
        if known.rounds[0].closing is None:
            assert [each.closing for each in closed] == [Closing.GRANTED]
    for each in closed:
        assert each.closing is not Closing.GRANTED or line_.state is RequirementState.SATISFIED
        ended = replace(known.rounds[0], closing=each.closing, closed_at=now)
        again = replace(known, rounds=(ended,))
        assert rounds_closing(one, again, made, now) == ()
        after = standing(rule, again, lines, now)
        assert after.state is line_.state


@SLOW
@given(
    st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from("abc")), max_size=4),
    st.lists(st.integers(0, 2), min_size=3, max_size=3),
    st.integers(1, 4),
)
def test_seats_are_filled_as_somebody_who_tries_every_way_would(
    persons: dict[str, frozenset[str]], least: list[int], n: int
) -> None:
    seats = [group for group, number in zip("abc", least, strict=True) for _ in range(number)]
    rule = approvals(n=n, at_least=tuple(zip("abc", least, strict=True)))
    filled = any(
        all(group in persons[person] for person, group in zip(order, seats, strict=False))
        for order in permutations(persons, len(seats))
    )
    assert enough(rule, persons) == (filled and len(persons) >= n)


@SLOW
@given(facts_(), instants_, st.integers(0, 5))
def test_decisions_do_as_the_lines_they_are_made_of(known: Facts, now: datetime, at: int) -> None:
    one, known = policy(), under(approvals(), known)
    made = decide(one, known, now)
    assert (made.verdict is Verdict.ALLOW) == (
        made.requirements[0].state is RequirementState.SATISFIED
    )
    assume(at < len(known.votes) and known.votes[at].vote is Ballot.APPROVE)
    less = decide(one, replace(known, votes=known.votes[:at] + known.votes[at + 1 :]), now)
    if less.verdict is Verdict.ALLOW:
        assert made.verdict is Verdict.ALLOW
