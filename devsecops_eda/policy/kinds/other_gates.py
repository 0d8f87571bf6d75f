"""The rule kind ``decision``: another gate let this, or what it was built from, in.

Allowed on a topic branch is not allowed on main: the decision has to be about the branch that the
rule names, else about a protected one, and that is the one that is judged for where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from devsecops_eda.model import RequirementState, Subject, Verdict, branch_name
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import Facts, OtherDecision
from devsecops_eda.policy.judged import Judged, listed, plain
from devsecops_eda.policy.model import DecisionRule, Of

# Several origins: one that was denied is denied, whatever is said of the others.
_WORST_FIRST = (
    RequirementState.FAILED,
    RequirementState.ERRORED,
    RequirementState.MISSING,
    RequirementState.RUNNING,
    RequirementState.STALE,
    RequirementState.SATISFIED,
)

_SAID = {
    Verdict.ALLOW: (RequirementState.SATISFIED, "allowed"),
    Verdict.DENY: (RequirementState.FAILED, "denied"),
    Verdict.ERROR: (RequirementState.ERRORED, "could not judge"),
}


def judge(rule: DecisionRule, facts: Facts, now: datetime) -> Judged:
    """Return satisfied if the gate's effective decision on all that is meant is an allow."""
    subjects = _meant(rule, facts)
    if not subjects:
        return _unanswered(rule, facts, "nobody said yet what it was built from", now)
    each = [_judge_one(rule, subject, facts, now) for subject in subjects]
    worst = min(each, key=lambda one: _WORST_FIRST.index(one.state))
    if len(each) == 1:
        return worst
    # What an artifact was built from is one thing; who says another has to be shown, not chosen.
    built = f"it is said to be built from {listed([_name(one) for one in subjects])}"
    return Judged(
        worst.state,
        f"{built}; {worst.text}",
        worst.solution,
        evidence=tuple(sorted(name for one in each for name in one.evidence)),
        due=worst.due,
        since=worst.since,
    )


def instants(rule: DecisionRule, facts: Facts, now: datetime) -> Iterator[datetime]:
    """Yield when waiting for the other gate ends, and when its decisions get too old."""
    begun = facts.known_since
    if begun is not None:
        yield begun + rule.within
    if rule.max_age is not None:
        yield from (one.decided_at + rule.max_age for one in facts.decisions)


def effective_decision(rule: DecisionRule, subject: Subject, facts: Facts) -> OtherDecision | None:
    """Return the latest decision on ``subject`` that the rule means, None where there is none."""
    fitting = (one for one in _decisions(rule, subject, facts) if _about_branch(rule, one, facts))
    return max(fitting, key=lambda one: (one.decided_at, one.id), default=None)


def _judge_one(rule: DecisionRule, subject: Subject, facts: Facts, now: datetime) -> Judged:
    found = effective_decision(rule, subject, facts)
    about = f"{_name(subject)} for {_branch(rule, facts)}"
    if found is None:
        elsewhere = _said_elsewhere(rule, subject, facts)
        text = f"the gate {rule.gate} said nothing on {about}{elsewhere}"
        return _unanswered(rule, facts, text, now)
    if found.verdict is Verdict.PENDING:
        text = f"the gate {rule.gate} has not decided yet on {about}"
        return replace(_unanswered(rule, facts, text, now), evidence=(found.id,))
    state, word = _SAID[found.verdict]
    text = f"the gate {rule.gate} {word} {about}"
    if found.verdict is not Verdict.ALLOW:
        solution = f"see why in the decision {found.id} of the gate {rule.gate}"
        return Judged(state, text, solution, (found.id,), since=found.decided_at)
    if rule.max_age is not None and now >= found.decided_at + rule.max_age:
        return Judged(
            RequirementState.STALE,
            f"{text}, which is older than {show_duration(rule.max_age)}",
            f"ask the gate {rule.gate} again",
            (found.id,),
            since=found.decided_at + rule.max_age,
        )
    return Judged(state, text, evidence=(found.id,), since=found.decided_at)


def _unanswered(rule: DecisionRule, facts: Facts, text: str, now: datetime) -> Judged:
    begun = facts.known_since
    due = begun + rule.within if begun is not None else None
    if due is not None and now < due:
        return Judged(RequirementState.RUNNING, text, due=due, since=begun)
    return Judged(
        RequirementState.MISSING,
        f"{text} within {show_duration(rule.within)}",
        f"ask the gate {rule.gate} about it for {_branch(rule, facts)}",
        since=due,
    )


def _meant(rule: DecisionRule, facts: Facts) -> tuple[Subject, ...]:
    match rule.of:
        case Of.SUBJECT:
            return (facts.subject,)
        case Of.BUILT_FROM:
            return tuple(sorted(set(facts.origins), key=str))


def _decisions(rule: DecisionRule, subject: Subject, facts: Facts) -> Sequence[OtherDecision]:
    return [
        one
        for one in facts.decisions
        if (one.gate, one.subject) == (rule.gate, subject)
        and one.environment in (None, facts.environment)
    ]


def _about_branch(rule: DecisionRule, one: OtherDecision, facts: Facts) -> bool:
    if rule.target is None and not one.protected:
        return False
    wanted = rule.target if rule.target is not None else facts.target
    if wanted is None:
        return True
    return one.target is not None and branch_name(one.target) == branch_name(wanted)


def _said_elsewhere(rule: DecisionRule, subject: Subject, facts: Facts) -> str:
    others = {
        branch_name(one.target)
        for one in _decisions(rule, subject, facts)
        if one.target is not None and not _about_branch(rule, one, facts)
    }
    named = listed([plain(one) for one in sorted(others)])
    return f", what it said for {named} does not count here" if others else ""


def _branch(rule: DecisionRule, facts: Facts) -> str:
    if rule.target is not None:
        return branch_name(rule.target)
    protected = "a protected branch"
    return f"{plain(branch_name(facts.target))} as {protected}" if facts.target else protected


def _name(subject: Subject) -> str:
    return plain(str(subject))
