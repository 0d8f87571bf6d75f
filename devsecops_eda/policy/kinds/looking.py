"""What every rule about a check asks first: is there an outcome, is it one, is it young enough?

Nothing is satisfied on nothing: a rule that rests on a check requires that the check answered.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from devsecops_eda.model import Outcome, RequirementState, SubjectKind
from devsecops_eda.policy.baseline import Base, BaseKind, base_of
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.effective import Answered, causes_of, effective, standing
from devsecops_eda.policy.facts import COMMIT_CHECK, Facts
from devsecops_eda.policy.judged import Judged, plain
from devsecops_eda.policy.model import CheckRule, IfNothing


def look(rule: CheckRule, facts: Facts, now: datetime) -> Answered | Judged:
    """Return a completed outcome with something to look at, else what the rule comes to."""
    found = answered(rule.check, facts, within=rule.within, now=now)
    if isinstance(found, Judged):
        return found
    outcome = found.outcome
    if rule.max_age is not None and now >= found.cause.time + rule.max_age:
        return Judged(
            RequirementState.STALE,
            f"the scan of {rule.check} is older than {show_duration(rule.max_age)}",
            f"scan again: rescan with the check {rule.check}",
            evidence=(outcome.meaning_digest(),),
            since=found.cause.time + rule.max_age,
            owed_by=rule.check,
        )
    return found if outcome.applicable else _nothing(rule, found, facts, now)


def answered(check: str, facts: Facts, *, within: timedelta, now: datetime) -> Answered | Judged:
    """Return the completed answer of ``check`` in force, else why there is none."""
    stands = standing(check, facts, within=within, now=now)
    if stands.state is RequirementState.RUNNING:
        text = f"{check} has not answered yet"
        return Judged(
            RequirementState.RUNNING, text, due=stands.due, since=stands.since, owed_by=check
        )
    if stands.answer is None:
        text = f"{check} did not answer within {show_duration(within)}"
        if not causes_of(check, facts.causes):
            text = f"nothing asked {check} to look at this"
        return Judged(
            RequirementState.MISSING,
            text,
            f"see that a worker for {check} runs, then rescan",
            since=stands.since,
            owed_by=check,
        )
    outcome = stands.answer.outcome
    evidence = (outcome.meaning_digest(),)
    if outcome.failure is not None:
        failure = outcome.failure
        return Judged(
            RequirementState.ERRORED,
            f"{check} has no verdict: {failure.reason.value}: {plain(failure.detail)}",
            f"mend what {check} says it lacks, then rescan",
            evidence=evidence,
            since=stands.since,
            owed_by=check,
        )
    if check == COMMIT_CHECK and outcome.commit is None and _owes_history(outcome, facts):
        return Judged(
            RequirementState.ERRORED,
            f"{check} completed and says nothing",
            f"see what the worker for {check} logs, then rescan",
            evidence=evidence,
            since=stands.since,
            owed_by=check,
        )
    return stands.answer


def compared(rule: CheckRule, head: Answered, facts: Facts, now: datetime) -> Base | Judged:
    """Return the base that ``head`` is compared with, else why it cannot be known yet or at all."""
    known = answered(COMMIT_CHECK, facts, within=rule.within, now=now)
    if isinstance(known, Judged):
        return known
    base = base_of(rule.check, head, facts, within=rule.within, now=now)
    if base.kind is BaseKind.RUNNING:
        return Judged(
            RequirementState.RUNNING,
            base.text,
            due=base.due,
            since=head.cause.time,
            owed_by=rule.check,
        )
    return base


def evidence_of(head: Answered, base: Base | None, facts: Facts) -> tuple[str, ...]:
    """Return the meaning digests of the head's outcome, the base's, and what git says."""
    found = [head.outcome.meaning_digest()]
    if base is not None:
        if base.outcome is not None:
            found.append(base.outcome.meaning_digest())
        found += commit_evidence(facts)
    return tuple(found)


def commit_evidence(facts: Facts) -> tuple[str, ...]:
    """Return the meaning digest of what git says about the judged subject."""
    found = effective(COMMIT_CHECK, facts)
    return (found.outcome.meaning_digest(),) if found else ()


def _owes_history(outcome: Outcome, facts: Facts) -> bool:
    # A plain folder has no history, a commit always has.
    return facts.subject.kind is SubjectKind.COMMIT or outcome.applicable


def _nothing(rule: CheckRule, head: Answered, facts: Facts, now: datetime) -> Judged:
    text = f"there is nothing for {rule.check} to look at"
    digest = head.outcome.meaning_digest()
    state, since = RequirementState.NOT_APPLICABLE, head.cause.time
    if rule.if_nothing is IfNothing.DENY:
        solution = f"add what {rule.check} looks at, or let the rule say if_nothing: allow"
        text = f"{text}, and the rule wants something"
        return Judged(state, text, solution, evidence=(digest,), since=since)
    if rule.check == COMMIT_CHECK or rule.if_nothing is IfNothing.ALLOW:
        return Judged(state, text, evidence=(digest,), harmless=True, since=since)
    base = compared(rule, head, facts, now)
    if isinstance(base, Judged):
        return base
    evidence = evidence_of(head, base, facts)
    if base.kind is BaseKind.GONE:
        solution = "rescan the base, or let the rule say if_nothing: allow"
        text = f"{text}, and whether there was before is not known: no scan of the base"
        return Judged(
            RequirementState.MISSING,
            text,
            solution,
            evidence=evidence,
            since=since,
            owed_by=rule.check,
        )
    if base.outcome is not None and base.outcome.applicable:
        where = base.outcome.subject.revision[:12]
        solution = "bring back what was removed, or let the rule say if_nothing: allow"
        text = f"{text}, but there was in the base {where}"
        return Judged(state, text, solution, evidence=evidence, since=since)
    text = f"{text}, nor was there before"
    return Judged(state, text, evidence=evidence, harmless=True, since=since)
