"""When time alone could change what is decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.kinds import other_gates, windows
from devsecops_eda.policy.kinds.counting import leeway_instants
from devsecops_eda.policy.model import (
    AnyRule,
    ApprovalsRule,
    CheckRule,
    DecisionRule,
    FindingsRule,
    Policy,
    WindowRule,
)
from devsecops_eda.policy.selecting import applied
from devsecops_eda.policy.voting import approvals
from devsecops_eda.policy.waiving import waiver_instants


def next_deadline(policy: Policy, facts: Facts, now: datetime) -> datetime | None:
    """Return when time alone could change what ``decide`` says next, None if it never can.

    It may name an instant at which nothing changes, but never leaves one out.
    """
    narrow = applied(policy, facts)
    if narrow is None:
        return None
    instants = chain(
        (one for rule in narrow.rules_of(facts.gate) for one in _instants(rule, facts, now)),
        waiver_instants(facts),
    )
    return min((instant for instant in instants if instant > now), default=None)


def _instants(rule: AnyRule, facts: Facts, now: datetime) -> Iterator[datetime]:
    yield from (instant for instant in (rule.begins, rule.ends) if instant is not None)
    match rule:
        case FindingsRule():
            yield from _of_check(rule, facts)
            yield from leeway_instants(rule, facts, now)
        case CheckRule():
            yield from _of_check(rule, facts)
        case WindowRule():
            yield from windows.instants(rule, facts, now)
        case ApprovalsRule():
            yield from approvals.instants(rule, facts, now)
        case DecisionRule():
            yield from other_gates.instants(rule, facts, now)


def _of_check(rule: CheckRule, facts: Facts) -> Iterator[datetime]:
    yield from (cause.recorded_at + rule.within for cause in facts.causes)
    for baseline in facts.baselines:
        if baseline.requested_at is not None:
            yield baseline.requested_at + rule.within
    if rule.max_age is not None:
        yield from (cause.time + rule.max_age for cause in facts.causes)
