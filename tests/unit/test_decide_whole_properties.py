"""What holds for every kind of rule, whatever people, waivers, windows and gates say."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from devsecops_eda import codec
from devsecops_eda.model import Ballot, Event, EventType, Finding, Mode, RequirementState, Verdict
from devsecops_eda.policy import Facts, Waiver, decide, next_deadline, wanted_baselines
from devsecops_eda.policy.model import ApprovalsRule
from tests.judging_cases import (
    LOADED,
    MORE_RULES,
    TERMS,
    Case,
    cases,
    evaluated,
    is_completed,
    of_packages,
)
from tests.judging_strategies import findings_
from tests.unit.test_decide_properties import shuffled, some_twice

WHOLE = settings(max_examples=80)
Way = RequirementState


def stirred(known: Facts, rng: random.Random) -> Facts:
    """The same facts with everything in another order, and some of it twice."""
    people = known.people
    return replace(
        shuffled(known, rng),
        people=replace(people, persons=tuple(rng.sample(people.persons, len(people.persons)))),
        rounds=some_twice(known.rounds, rng),
        votes=some_twice(known.votes, rng),
        waivers=some_twice(known.waivers, rng),
        decisions=some_twice(known.decisions, rng),
        matches=some_twice(known.matches, rng),
    )


@WHOLE
@given(cases(), st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_matter_to_any_kind(case: Case, rng: random.Random) -> None:
    policy, known, now = case.policy, case.facts, case.now
    again = stirred(known, rng)
    assert decide(policy, again, now) == decide(policy, known, now)
    assert wanted_baselines(policy, again) == wanted_baselines(policy, known)
    assert next_deadline(policy, again, now) == next_deadline(policy, known, now)


def holds(waiver: Waiver, case: Case) -> bool:
    """Whether an onlooker would let a waiver hold for anything at all."""
    if waiver.granted_at is None or waiver.revoked_at is not None:
        return False
    begins = max(waiver.granted_at, waiver.starts_at or waiver.granted_at)
    longest = max(TERMS.otherwise, *(span for _, span in TERMS.longest))
    return (
        case.policy.waivers is not None
        and begins <= case.now < waiver.expires_at
        and waiver.expires_at - begins <= longest
        and None not in (waiver.granter, waiver.requester)
        and waiver.granter != waiver.requester
        and "appsec" in waiver.granter_groups
        and waiver.environment in (None, case.facts.environment)
    )


@WHOLE
@given(cases())
def test_nothing_bad_leads_to_allow_unless_a_waiver_in_force_names_it(case: Case) -> None:
    decision = decide(case.policy, case.facts, case.now)
    by_id = {waiver.id: waiver for waiver in case.facts.waivers}
    for line in decision.requirements:
        assert (line.state is Way.WAIVED) <= bool(line.waivers)
        assert all(holds(by_id[name], case) for name in line.waivers)
        assert set(line.waivers) <= set(line.evidence)
        if line.state is Way.WAIVED:
            assert line.kind not in ("approvals", "window", "decision")
            assert line.blocking == ()
        if decision.verdict is Verdict.ALLOW and line.mode is Mode.ENFORCE:
            assert line.state in (Way.SATISFIED, Way.WAIVED) or line.harmless
    assert (decision.verdict is Verdict.ALLOW) == (decision.way == ())


def never_more(case: Case, worse: Facts) -> None:
    """With less to say for it, what was no allow before is none now."""
    if decide(case.policy, worse, case.now).verdict is Verdict.ALLOW:
        assert decide(case.policy, case.facts, case.now).verdict is Verdict.ALLOW


@WHOLE
@given(cases(LOADED + MORE_RULES[:7]), findings_, st.integers(0, 9))
def test_another_finding_never_leads_to_allow_by_any_kind(
    case: Case, more: Finding, which: int
) -> None:
    outcomes = case.facts.outcomes
    assume(outcomes)
    at = which % len(outcomes)
    assume(
        is_completed(outcomes[at]) and outcomes[at].check != "commit" and outcomes[at].applicable
    )
    worse = of_packages(replace(outcomes[at], findings=(*outcomes[at].findings, more)))
    known = replace(case.facts, outcomes=(*outcomes[:at], worse, *outcomes[at + 1 :]))
    never_more(case, evaluated(case.policy, known))


@WHOLE
@given(cases((LOADED[0], LOADED[4], *MORE_RULES[7:9])), st.integers(0, 9))
def test_a_vote_less_never_leads_to_allow(case: Case, which: int) -> None:
    votes = [vote for vote in case.facts.votes if vote.vote is Ballot.APPROVE]
    assume(votes)
    gone = votes[which % len(votes)]
    never_more(
        case,
        replace(case.facts, votes=tuple(vote for vote in case.facts.votes if vote != gone)),
    )


@WHOLE
@given(cases(LOADED[4:7] + MORE_RULES[:7]), st.integers(0, 9), st.booleans())
def test_a_waiver_less_never_leads_to_allow(case: Case, which: int, gone: bool) -> None:
    waivers = case.facts.waivers
    assume(waivers)
    at = which % len(waivers)
    over = () if gone else (replace(waivers[at], expires_at=case.now),)
    never_more(case, replace(case.facts, waivers=(*waivers[:at], *over, *waivers[at + 1 :])))


@WHOLE
@given(cases())
def test_without_terms_no_waiver_leads_to_allow(case: Case) -> None:
    bare = replace(case.policy, waivers=None)
    without = replace(case.facts, waivers=(), rounds=(), votes=())
    known = replace(without, waivers=case.facts.waivers)
    assert decide(bare, known, case.now).verdict is decide(bare, without, case.now).verdict


def at_some(case: Case, later: float) -> datetime:
    then = case.now + timedelta(minutes=later)
    due = next_deadline(case.policy, case.facts, case.now)
    assert due is None or due > case.now
    return then if due is None else min(then, due - timedelta(microseconds=1))


@WHOLE
@given(cases(), st.floats(0.001, 60 * 24 * 30))
def test_between_two_deadlines_time_changes_nothing_of_any_kind(case: Case, later: float) -> None:
    then = at_some(case, later)
    now = decide(case.policy, case.facts, case.now)
    assert replace(decide(case.policy, case.facts, then), evaluated_at=case.now) == now


@WHOLE
@given(cases(), cases())
def test_one_id_stands_for_one_decision_of_any_kind(one: Case, other: Case) -> None:
    facts = replace(other.facts, environment=one.facts.environment, requests=one.facts.requests)
    first = decide(one.policy, one.facts, one.now)
    second = decide(one.policy, evaluated(one.policy, facts), other.now)
    if first.id == second.id:
        assert first.verdict is second.verdict
        assert [(line.id, line.state) for line in first.requirements] == [
            (line.id, line.state) for line in second.requirements
        ]


@WHOLE
@given(cases())
def test_what_stands_stands_since_some_time_and_not_since_a_later_one(case: Case) -> None:
    for line in decide(case.policy, case.facts, case.now).requirements:
        if line.since is not None and line.state in (Way.FAILED, Way.WAIVED, Way.STALE):
            times = [case.now, *(one.time for one in case.facts.causes)]
            # The cases hold decisions of other gates from after the instant they are judged at.
            times += [one.decided_at for one in case.facts.decisions]
            assert line.since <= max(times)


@WHOLE
@given(cases())
def test_what_was_decided_can_be_told(case: Case) -> None:
    decision = decide(case.policy, case.facts, case.now)
    name = str(UUID(int=1))
    event = Event(
        id=name,
        source="urn:devsecops-eda:gate",
        type=EventType.DECISION_MADE,
        subject=str(decision.subject),
        time=case.now,
        correlationid=name,
        data=decision,
    )
    assert codec.decode(codec.encode(event)).data == decision


def test_these_cases_lead_to_every_verdict_and_every_state() -> None:
    seen: set[object] = set()

    @settings(max_examples=300, derandomize=True, database=None)
    @given(cases())
    def look(case: Case) -> None:
        decision = decide(case.policy, case.facts, case.now)
        kinds = {rule.id: rule for rule in case.policy.rules}
        seen.add(decision.verdict)
        for line in decision.requirements:
            seen.add(line.state)
            if isinstance(kinds[line.id], ApprovalsRule):
                seen.add(("votes", line.state))

    look()
    assert set(Verdict) <= seen
    assert set(RequirementState) <= seen
    assert {("votes", state) for state in (Way.SATISFIED, Way.FAILED, Way.RUNNING)} <= seen
