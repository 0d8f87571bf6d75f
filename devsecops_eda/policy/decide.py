"""Policy and facts in, a decision out. Pure: the same facts give the same decision, in any order.

Which of the four (enforced rules only): one running is pending; else one failed, or not
applicable where that is not allowed, is deny; else one errored, missing or stale is error; else
votes outstanding are pending; else allow. Deny is what the judged can mend, error is what the
machinery owes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda.model import (
    Decision,
    Requirement,
    RequirementState,
    Step,
    StepKind,
    SubjectKind,
    Verdict,
    branch_name,
)
from devsecops_eda.policy.baseline import commit_facts
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import Judged
from devsecops_eda.policy.kinds import coverage, findings, other_gates, scan, windows
from devsecops_eda.policy.loading.reading import nearest
from devsecops_eda.policy.meaning import decision_id, inputs_digest
from devsecops_eda.policy.mending.way import Ruled, way
from devsecops_eda.policy.model import (
    AnyRule,
    ApprovalsRule,
    CheckRule,
    CoverageRule,
    DecisionRule,
    FindingsRule,
    Policy,
    ScanRule,
    WaiverTerms,
    WindowRule,
)
from devsecops_eda.policy.selecting import applied
from devsecops_eda.policy.summary import message_of, verdict_of
from devsecops_eda.policy.voting import approvals
from devsecops_eda.policy.waiving import waived


@dataclass(frozen=True, slots=True)
class _Unjudged:
    """Why nothing can be judged, and what would mend that."""

    why: str
    mend: str


@dataclass(frozen=True, slots=True)
class _About:
    """What a decision is about beside its subject, and the part of the policy that holds for it."""

    policy: Policy
    digest: str
    target: str | None
    merge_base: str | None


def decide(policy: Policy, facts: Facts, now: datetime) -> Decision:
    """Return what ``policy`` says about ``facts`` at ``now``.

    What cannot be judged at all (an unknown gate, repository or origin, no policy that matches)
    is an error without requirements. ``supersedes`` is left to whoever keeps decisions.
    """
    narrow = applied(policy, facts)
    unjudged = _unjudged(policy, narrow, facts)
    # Where nothing can be judged nobody knows which part of the policy would have been meant.
    about = _about(policy if unjudged or narrow is None else narrow, facts)
    ruled = () if unjudged else _ruled(about, facts, now)
    lines = tuple(one.line for one in ruled)
    verdict = Verdict.ERROR if unjudged else verdict_of(lines)
    inputs = inputs_digest(lines, unjudged.why if unjudged else "")
    # An artifact's text does not say whose it is: one digest may be in two repositories.
    subject = (facts.subject.repo, str(facts.subject))
    key = (facts.gate, *subject, about.target, about.merge_base, facts.environment)
    return Decision(
        id=decision_id(*key, about.digest, inputs),
        gate=facts.gate,
        subject=facts.subject,
        verdict=verdict,
        requirements=lines,
        policy=about.policy.name,
        policy_digest=about.digest,
        inputs_digest=inputs,
        evaluated_at=now,
        message=unjudged.why if unjudged else message_of(facts.gate, verdict, lines),
        target=about.target,
        merge_base=about.merge_base,
        environment=facts.environment,
        blocking_total=sum(len(line.blocking) for line in lines),
        way=(Step(StepKind.OTHER, (), unjudged.mend),)
        if unjudged
        else way(about.policy.waivers, facts, ruled, now),
    )


def _about(policy: Policy, facts: Facts) -> _About:
    commit = commit_facts(facts)
    return _About(
        policy,
        policy.digest,
        branch_name(facts.target) if facts.target else None,
        commit.merge_base if commit else None,
    )


def _unjudged(policy: Policy, narrow: Policy | None, facts: Facts) -> _Unjudged | None:
    subject, gates = facts.subject, policy.gate_names
    if facts.gate not in gates:
        why = f"there is no gate {facts.gate!r}; {nearest(facts.gate, gates)}"
        return _Unjudged(why, f"ask one of the gates {', '.join(gates)}")
    if subject.kind is SubjectKind.ARTIFACT and not facts.origins:
        return _Unjudged(
            "the artifact is of unknown origin: nobody entitled said what it was built from",
            "let a build identity publish artifact.published with the commit it was built from",
        )
    if subject.kind is not SubjectKind.TREE and not facts.repository_known:
        why = f"the repository {subject.repo!r} is in no configuration of this gate"
        return _Unjudged(why, "let the operator name the repository in the gate's configuration")
    if narrow is None:
        where = f" in {facts.environment}" if facts.environment else ""
        why = f"no policy matches {subject.repo}{where} at the gate {facts.gate}"
        return _Unjudged(why, "add a policy that matches, or let one match more")
    return None


def _ruled(about: _About, facts: Facts, now: datetime) -> tuple[Ruled, ...]:
    """Return what each rule in force comes to; people are asked about what all the others say."""
    rules = [rule for rule in about.policy.rules_of(facts.gate) if rule.in_force(now)]
    machine = {
        at: _of(rule, _waived(rule, facts, about.policy.waivers, now))
        for at, rule in enumerate(rules)
        if not isinstance(rule, ApprovalsRule)
    }
    seen = tuple(one.line for one in machine.values())
    people = {
        at: _of(
            rule,
            approvals.judge(
                rule,
                facts,
                seen,
                now,
                policy_digest=about.digest,
                target=about.target,
                merge_base=about.merge_base,
            ),
        )
        for at, rule in enumerate(rules)
        if isinstance(rule, ApprovalsRule)
    }
    found = machine | people
    return tuple(found[at] for at in sorted(found))


def _waived(
    rule: ScanRule | FindingsRule | CoverageRule | WindowRule | DecisionRule,
    facts: Facts,
    terms: WaiverTerms | None,
    now: datetime,
) -> Judged:
    """Return what a rule comes to with the waivers in force."""
    judged = _judge(rule, facts, now)
    found = waived(rule, judged, facts, terms, now)
    aged = judged.state is RequirementState.STALE and found.state is RequirementState.WAIVED
    if not aged or not isinstance(rule, CheckRule):
        return found
    # Its age is waived, not what it said: no waiver of a scan covers a finding that is there.
    young = replace(rule, max_age=None)
    known = waived(young, _judge(young, facts, now), facts, terms, now)
    if known.state is RequirementState.SATISFIED or known.harmless:
        return found
    if known.state is not RequirementState.WAIVED:
        return known
    both = tuple(sorted({*found.waivers, *known.waivers}))
    return replace(found, evidence=(*found.evidence, *both), waivers=both)


def _judge(
    rule: ScanRule | FindingsRule | CoverageRule | WindowRule | DecisionRule,
    facts: Facts,
    now: datetime,
) -> Judged:
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


def _of(rule: AnyRule, judged: Judged) -> Ruled:
    good = judged.state is RequirementState.SATISFIED or judged.harmless
    line = Requirement(
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
    return Ruled(rule, judged, line)
