"""Policy and facts in, a decision out. Pure: the same facts give the same decision, in any order.

Which of the four (enforced rules only): one running is pending; else one failed, or not
applicable where that is not allowed, is deny; else one errored, missing or stale is error; else
votes outstanding are pending; else allow. Deny is what the judged can mend, error is what the
machinery owes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from devsecops_eda.model import (
    Decision,
    Requirement,
    RequirementState,
    SubjectKind,
    Verdict,
    branch_name,
)
from devsecops_eda.policy import coverage, findings, other_gates, scan, windows
from devsecops_eda.policy.baseline import commit_facts
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import Judged
from devsecops_eda.policy.meaning import decision_id, inputs_digest
from devsecops_eda.policy.model import (
    AnyRule,
    CoverageRule,
    DecisionRule,
    FindingsRule,
    Policy,
    ScanRule,
    WindowRule,
)
from devsecops_eda.policy.narrow import applied
from devsecops_eda.policy.reading import nearest
from devsecops_eda.policy.summary import message_of, verdict_of
from devsecops_eda.policy.waiving import waived


def decide(policy: Policy, facts: Facts, now: datetime) -> Decision:
    """Return what ``policy`` says about ``facts`` at ``now``.

    What cannot be judged at all (an unknown gate, repository or origin) is an error without
    requirements. ``supersedes`` is left to whoever keeps decisions.
    """
    narrow = applied(policy, facts)
    unjudged = _unjudged(policy, facts) or _unmatched(narrow, facts)
    lines: tuple[Requirement, ...] = ()
    if narrow is None or unjudged:
        # Which part of the policy would have been meant is not known.
        narrow = policy
    else:
        lines = tuple(_lines(narrow, facts, now))
    verdict = Verdict.ERROR if unjudged else verdict_of(lines)
    inputs = inputs_digest(lines, unjudged)
    commit = commit_facts(facts)
    target = branch_name(facts.target) if facts.target else None
    merge_base = commit.merge_base if commit else None
    key = (facts.gate, str(facts.subject), target, merge_base, facts.environment, narrow.digest)
    return Decision(
        id=decision_id(*key, inputs),
        gate=facts.gate,
        subject=facts.subject,
        verdict=verdict,
        requirements=lines,
        policy=narrow.name,
        policy_digest=narrow.digest,
        inputs_digest=inputs,
        evaluated_at=now,
        message=unjudged or message_of(facts.gate, verdict, lines),
        target=target,
        merge_base=merge_base,
        environment=facts.environment,
        blocking_total=sum(len(line.blocking) for line in lines),
    )


def _unjudged(policy: Policy, facts: Facts) -> str:
    if facts.gate not in policy.gate_names:
        return f"there is no gate {facts.gate!r}; {nearest(facts.gate, policy.gate_names)}"
    subject = facts.subject
    if subject.kind is SubjectKind.ARTIFACT and not facts.origins:
        return "the artifact is of unknown origin: nobody entitled said what it was built from"
    if subject.kind is not SubjectKind.TREE and not facts.repository_known:
        return f"the repository {subject.repo!r} is in no configuration of this gate"
    return ""


def _unmatched(narrow: Policy | None, facts: Facts) -> str:
    if narrow is not None:
        return ""
    about = str(facts.subject.repo)
    if facts.environment is not None:
        about = f"{about} in {facts.environment}"
    return f"no policy matches {about} at the gate {facts.gate}"


def _lines(policy: Policy, facts: Facts, now: datetime) -> Iterator[Requirement]:
    for rule in policy.rules_of(facts.gate):
        if rule.in_force(now):
            judged = _judge(rule, facts, now)
            yield _line(rule, waived(rule, judged, facts, policy.waivers, now))


def _judge(rule: AnyRule, facts: Facts, now: datetime) -> Judged:
    match rule:
        case ScanRule():
            return scan.judge(rule, facts, now)
        case FindingsRule():
            return findings.judge(rule, facts, now)
        case CoverageRule():
            return coverage.judge(rule, facts, now)
        case WindowRule():
            return windows.judge(rule, facts, now)
        case DecisionRule():
            return other_gates.judge(rule, facts, now)
        case _:
            return Judged(RequirementState.ERRORED, f"nobody can judge the kind {rule.kind} yet")


def _line(rule: AnyRule, judged: Judged) -> Requirement:
    good = judged.state is RequirementState.SATISFIED or judged.harmless
    return Requirement(
        id=rule.id,
        kind=rule.kind,
        state=judged.state,
        message=f"{rule.message}: {judged.text}" if rule.message else judged.text,
        solution="" if good else rule.solution or judged.solution,
        mode=rule.mode,
        since=judged.since,
        due=judged.due,
        evidence=tuple(dict.fromkeys(judged.evidence)),
        blocking=judged.blocking,
        harmless=judged.harmless,
        votes=judged.votes,
        waivers=judged.waivers,
        policy=rule.policy,
    )
