"""What holds for whatever facts: no order, no repeat and no silence opens a gate."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from devsecops_eda.model import (
    Gap,
    Mode,
    Outcome,
    OutcomeStatus,
    RequirementState,
    Verdict,
)
from devsecops_eda.policy import (
    Baseline,
    Cause,
    CheckRule,
    Facts,
    Policy,
    decide,
    next_deadline,
    wanted_baselines,
)
from tests.judging import (
    DATA,
    HEAD,
    NOW,
    RULES,
    commit,
    completed,
    facts,
    finding,
    minutes,
    policy,
)
from tests.judging_strategies import RULES_TO_CHOOSE, facts_, findings_, gaps_, instants, policies_

SLOW = settings(max_examples=100)
Value = TypeVar("Value")


def some_twice(values: tuple[Value, ...], rng: random.Random) -> tuple[Value, ...]:
    more = [*values, *rng.choices(values, k=2)] if values else []
    rng.shuffle(more)
    return tuple(more)


def shuffled(known: Facts, rng: random.Random) -> Facts:
    """The same facts in another order, some of them twice."""

    return replace(
        known,
        causes=some_twice(known.causes, rng),
        outcomes=tuple(
            replace(one, findings=tuple(rng.sample(one.findings, len(one.findings))))
            for one in some_twice(known.outcomes, rng)
        ),
        baselines=tuple(
            replace(one, outcomes=some_twice(one.outcomes, rng), causes=some_twice(one.causes, rng))
            for one in some_twice(known.baselines, rng)
        ),
    )


@SLOW
@given(policies_, facts_, instants, st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_matter(
    one: Policy, known: Facts, now: datetime, rng: random.Random
) -> None:
    again = shuffled(known, rng)
    assert decide(one, again, now) == decide(one, known, now)
    assert wanted_baselines(one, again) == wanted_baselines(one, known)
    assert next_deadline(one, again, now) == next_deadline(one, known, now)


def seen_by_an_onlooker(known: Facts, check: str) -> list[Outcome]:
    """The outcomes of the latest cause that has any, found the plain way."""
    causes = {cause.event_id: cause.time for cause in known.causes if cause.check in (None, check)}
    mine = [
        outcome
        for outcome in known.outcomes
        if outcome.check == check and outcome.subject == HEAD and outcome.cause in causes
    ]
    latest = max(((causes[one.cause], one.cause) for one in mine), default=None)
    return [one for one in mine if latest is not None and one.cause == latest[1]]


@SLOW
@given(policies_, facts_, instants)
def test_nothing_errored_missing_or_stale_leads_to_allow(
    one: Policy, known: Facts, now: datetime
) -> None:
    decision = decide(one, known, now)
    if decision.verdict is not Verdict.ALLOW:
        return
    for line in decision.requirements:
        if line.mode is Mode.ENFORCE:
            assert line.state is RequirementState.SATISFIED or line.harmless
    for rule in one.rules:
        if rule.mode is not Mode.ENFORCE or not rule.in_force(now):
            continue
        assert isinstance(rule, CheckRule)
        slot = seen_by_an_onlooker(known, rule.check)
        assert any(outcome.status is OutcomeStatus.COMPLETED for outcome in slot)
        if rule.max_age is not None:
            (cause,) = (one for one in known.causes if one.event_id == slot[0].cause)
            assert now < cause.time + rule.max_age


@SLOW
@given(policies_, facts_, instants, findings_, st.integers(0, 9))
def test_another_finding_never_leads_to_allow(
    one: Policy, known: Facts, now: datetime, more: object, which: int
) -> None:
    assume(known.outcomes)
    at = which % len(known.outcomes)
    worse = replace(known.outcomes[at], findings=(*known.outcomes[at].findings, more))  # type: ignore[arg-type]
    assume(worse.status is OutcomeStatus.COMPLETED and worse.check != "commit")
    assume(worse.applicable)
    outcomes = (*known.outcomes[:at], worse, *known.outcomes[at + 1 :])
    if decide(one, replace(known, outcomes=outcomes), now).verdict is Verdict.ALLOW:
        assert decide(one, known, now).verdict is Verdict.ALLOW


@SLOW
@given(policies_, facts_, instants, gaps_, st.integers(0, 9))
def test_another_gap_never_leads_to_allow(
    one: Policy, known: Facts, now: datetime, gap: Gap, which: int
) -> None:
    assume(known.outcomes)
    at = which % len(known.outcomes)
    before = known.outcomes[at]
    gaps = tuple(dict.fromkeys([*before.coverage.gaps, gap]))
    coverage = replace(before.coverage, gaps=gaps, scanned=before.coverage.eligible - len(gaps))
    assume(before.applicable and before.check != "commit" and not before.failure)
    outcomes = (*known.outcomes[:at], replace(before, coverage=coverage), *known.outcomes[at + 1 :])
    if decide(one, replace(known, outcomes=outcomes), now).verdict is Verdict.ALLOW:
        assert decide(one, known, now).verdict is Verdict.ALLOW


@SLOW
@given(policies_, facts_, instants)
def test_a_baseline_gone_leads_to_allow_only_where_it_was_allowed(
    one: Policy, known: Facts, now: datetime
) -> None:
    # Except for what was removed: whether something was there before only the base knows.
    assume(all(outcome.applicable for outcome in known.outcomes))
    without = replace(known, baselines=())
    if decide(one, without, now).verdict is Verdict.ALLOW:
        assert decide(one, known, now).verdict is Verdict.ALLOW


@SLOW
@given(policies_, facts_, instants, st.integers(1, 200))
def test_between_two_deadlines_time_changes_nothing(
    one: Policy, known: Facts, now: datetime, later: int
) -> None:
    then = now + timedelta(minutes=later)
    due = next_deadline(one, known, now)
    if due is not None:
        then = min(then, due - timedelta(microseconds=1))
    assert due is None or due > now
    assert replace(decide(one, known, then), evaluated_at=now) == decide(one, known, now)


@SLOW
@given(policies_, facts_)
@example(policy(RULES_TO_CHOOSE[4]), facts(completed(finding("a:0")), commit()))
def test_nothing_is_pending_for_ever(one: Policy, known: Facts) -> None:
    now: datetime | None = NOW - minutes(61)
    while (due := next_deadline(one, known, now or NOW)) is not None:
        now = due
    assert now is not None
    assert decide(one, known, now).verdict is not Verdict.PENDING


@SLOW
@given(policies_, facts_, instants)
def test_what_is_wanted_is_a_scan_that_would_be_used(
    one: Policy, known: Facts, now: datetime
) -> None:
    for wanted in wanted_baselines(one, known):
        asked = Cause("asked", wanted.check, now, now)
        data = completed(data=wanted.data_digest).data
        answer = replace(
            completed(check=wanted.check, subject=wanted.subject, cause=asked),
            rules_digest=wanted.rules_digest,
            data=data,
        )
        more = Baseline(wanted.check, wanted.subject, (answer,), now, (asked,))
        known = replace(known, baselines=(*known.baselines, more))
    assert wanted_baselines(one, known) == ()


@SLOW
@given(policies_, facts_, facts_, instants)
def test_one_id_stands_for_one_decision(
    one: Policy, some: Facts, others: Facts, now: datetime
) -> None:
    first, second = decide(one, some, now), decide(one, others, now)
    if first.id == second.id:
        assert first.verdict is second.verdict
        assert [line.state for line in first.requirements] == [
            line.state for line in second.requirements
        ]


def test_the_facts_of_these_tests_lead_to_every_verdict() -> None:
    seen: set[Verdict] = set()

    @settings(max_examples=150, derandomize=True, database=None)
    @given(policies_, facts_, instants)
    def look(one: Policy, known: Facts, now: datetime) -> None:
        seen.add(decide(one, known, now).verdict)

    look()
    assert seen == set(Verdict)
    assert RULES != DATA
