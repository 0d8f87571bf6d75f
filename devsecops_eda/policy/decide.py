"""Policy and facts in, a decision out. Pure: the same facts give the same decision, in any order.

Which of the four (enforced rules only): one running is pending; else one failed, or not
applicable where that is not allowed, is deny; else one errored, missing or stale is error; else
votes outstanding are pending; else allow. Deny is what the judged can mend, error is what the
machinery owes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import uuid5

from devsecops_eda.model import (
    NAMESPACE,
    Decision,
    Mode,
    OutcomeStatus,
    Requirement,
    RequirementState,
    SubjectKind,
    Verdict,
    branch_name,
)
from devsecops_eda.policy import coverage, findings, scan
from devsecops_eda.policy.baseline import base_to_compare, commit_facts, digests, usable
from devsecops_eda.policy.effective import effective
from devsecops_eda.policy.facts import COMMIT_CHECK, BaselineWanted, Facts
from devsecops_eda.policy.judged import Judged, count
from devsecops_eda.policy.model import AnyRule, CoverageRule, FindingsRule, Policy, ScanRule
from devsecops_eda.policy.reading import nearest

_OWED = frozenset({RequirementState.ERRORED, RequirementState.MISSING, RequirementState.STALE})


def decide(policy: Policy, facts: Facts, now: datetime) -> Decision:
    """Return what ``policy`` says about ``facts`` at ``now``.

    What cannot be judged at all (an unknown gate, repository or origin) is an error without
    requirements. ``supersedes`` is left to whoever keeps decisions.
    """
    unjudged = _unjudged(policy, facts)
    lines = () if unjudged else tuple(_lines(policy, facts, now))
    verdict = Verdict.ERROR if unjudged else _verdict(lines)
    inputs = _inputs_digest(lines, unjudged)
    commit = commit_facts(facts)
    target = branch_name(facts.target) if facts.target else None
    merge_base = commit.merge_base if commit else None
    key = [
        *(facts.gate, str(facts.subject), target, merge_base),
        *(facts.environment, policy.digest, inputs),
    ]
    return Decision(
        id=str(uuid5(NAMESPACE, "decision/" + _canonical(key))),
        gate=facts.gate,
        subject=facts.subject,
        verdict=verdict,
        requirements=lines,
        policy=policy.name,
        policy_digest=policy.digest,
        inputs_digest=inputs,
        evaluated_at=now,
        message=unjudged or _message(facts.gate, verdict, lines),
        target=target,
        merge_base=merge_base,
        environment=facts.environment,
        blocking_total=sum(len(line.blocking) for line in lines),
    )


def wanted_baselines(policy: Policy, facts: Facts) -> tuple[BaselineWanted, ...]:
    """Return the scans of other commits that are needed to judge, and not there yet; sorted.

    They are named until they are there: who asks for them remembers what was asked.
    """
    commit = effective(COMMIT_CHECK, facts)
    if commit is None or commit.outcome.status is not OutcomeStatus.COMPLETED:
        return ()
    wanted = {
        (one.check, str(one.subject)): one
        for rule in policy.rules_of(facts.gate)
        if (one := _wanted(rule, facts)) is not None
    }
    return tuple(wanted[key] for key in sorted(wanted))


def next_deadline(policy: Policy, facts: Facts, now: datetime) -> datetime | None:
    """Return when time alone could change what ``decide`` says next, None if it never can.

    It may name an instant at which nothing changes, but never leaves one out.
    """
    instants = (
        instant for rule in policy.rules_of(facts.gate) for instant in _instants(rule, facts)
    )
    return min((instant for instant in instants if instant > now), default=None)


def _unjudged(policy: Policy, facts: Facts) -> str:
    if facts.gate not in policy.gate_names:
        return f"there is no gate {facts.gate!r}; {nearest(facts.gate, policy.gate_names)}"
    match facts.subject.kind:
        case SubjectKind.COMMIT if not facts.repository_known:
            return f"the repository {facts.subject.repo!r} is in no configuration of this gate"
        case SubjectKind.ARTIFACT:
            return "the artifact is of unknown origin: nobody entitled said what it was built from"
        case _:
            return ""


def _lines(policy: Policy, facts: Facts, now: datetime) -> Iterator[Requirement]:
    for rule in policy.rules_of(facts.gate):
        if rule.in_force(now):
            yield _line(rule, _judge(rule, facts, now))


def _judge(rule: AnyRule, facts: Facts, now: datetime) -> Judged:
    match rule:
        case ScanRule():
            return scan.judge(rule, facts, now)
        case FindingsRule():
            return findings.judge(rule, facts, now)
        case CoverageRule():
            return coverage.judge(rule, facts, now)


def _line(rule: AnyRule, judged: Judged) -> Requirement:
    good = judged.state is RequirementState.SATISFIED or judged.harmless
    return Requirement(
        id=rule.id,
        kind=rule.kind,
        state=judged.state,
        message=f"{rule.message}: {judged.text}" if rule.message else judged.text,
        solution="" if good else rule.solution or judged.solution,
        mode=rule.mode,
        due=judged.due,
        evidence=tuple(dict.fromkeys(judged.evidence)),
        blocking=judged.blocking,
        harmless=judged.harmless,
    )


def _verdict(lines: Sequence[Requirement]) -> Verdict:
    enforced = [line for line in lines if line.mode is Mode.ENFORCE]
    running = [line for line in enforced if line.state is RequirementState.RUNNING]
    if any(not line.votes for line in running):
        return Verdict.PENDING
    if any(_is_denied(line) for line in enforced):
        return Verdict.DENY
    if any(line.state in _OWED for line in enforced):
        return Verdict.ERROR
    return Verdict.PENDING if running else Verdict.ALLOW


def _is_denied(line: Requirement) -> bool:
    if line.state is RequirementState.NOT_APPLICABLE:
        return not line.harmless
    return line.state is RequirementState.FAILED


def _message(gate: str, verdict: Verdict, lines: Sequence[Requirement]) -> str:
    enforced = [line for line in lines if line.mode is Mode.ENFORCE]
    if not enforced:
        return f"allow: the gate {gate} has no enforced rule in force"
    requirements = count(len(enforced), "requirement")
    if verdict is Verdict.ALLOW:
        return f"allow: all of {requirements} satisfied, waived or not applicable"
    by_state: dict[RequirementState, list[str]] = {}
    for line in enforced:
        if line.state is RequirementState.NOT_APPLICABLE and line.harmless:
            continue
        if line.state not in (RequirementState.SATISFIED, RequirementState.WAIVED):
            by_state.setdefault(line.state, []).append(line.id)
    told = "; ".join(f"{state.value}: {', '.join(ids)}" for state, ids in by_state.items())
    return f"{verdict.value}: of {requirements} {told}"[:4096]


def _inputs_digest(lines: Sequence[Requirement], unjudged: str) -> str:
    # What was judged on, and how it stands where time has a say; no times, no order.
    meaning = sorted(
        [
            line.id,
            line.state.value,
            line.harmless,
            sorted(line.evidence),
            sorted(finding.fingerprint for finding in line.blocking),
        ]
        for line in lines
    )
    return "sha256:" + hashlib.sha256(_canonical([meaning, unjudged]).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _wanted(rule: AnyRule, facts: Facts) -> BaselineWanted | None:
    head = effective(rule.check, facts)
    if head is None or head.outcome.status is not OutcomeStatus.COMPLETED:
        return None
    if head.outcome.applicable:
        if not (isinstance(rule, FindingsRule) and findings.needs_base(rule, head.outcome)):
            return None
    elif rule.if_nothing is not None or rule.check == COMMIT_CHECK:
        return None
    subject = base_to_compare(rule.check, facts, applicable=head.outcome.applicable)
    if subject is None or usable(rule.check, subject, head.outcome, facts) is not None:
        return None
    rules, data = digests(head.outcome)
    return BaselineWanted(rule.check, subject, rules, data)


def _instants(rule: AnyRule, facts: Facts) -> Iterator[datetime]:
    yield from (instant for instant in (rule.begins, rule.ends) if instant is not None)
    yield from (cause.recorded_at + rule.within for cause in facts.causes)
    for baseline in facts.baselines:
        if baseline.requested_at is not None:
            yield baseline.requested_at + rule.within
    if rule.max_age is not None:
        yield from (cause.time + rule.max_age for cause in facts.causes)
