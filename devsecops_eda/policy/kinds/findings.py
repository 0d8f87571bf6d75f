"""The rule kind ``findings``: at most so many of a severity and above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from devsecops_eda.model import Finding, RequirementState, Severity
from devsecops_eda.policy.baseline import Base, new_findings
from devsecops_eda.policy.effective import Answered, findings_of
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import MAX_NAMED, Judged, count, listed, plain, when
from devsecops_eda.policy.kinds.counting import Sieve, exceeded, sieve_of
from devsecops_eda.policy.kinds.looking import compared, evidence_of, look
from devsecops_eda.policy.merging import worst_first
from devsecops_eda.policy.model import FindingsRule


def judge(rule: FindingsRule, facts: Facts, now: datetime) -> Judged:
    """Return failed when more findings count than a limit allows, these being in the way."""
    head = look(rule, facts, now)
    if isinstance(head, Judged):
        return head
    sieve = sieve_of(rule, facts)
    if isinstance(sieve, str):
        return _unknown(rule, head, sieve)
    found, base = head.outcome.findings, None
    if rule.new_only and exceeded(rule, sieve.counted(found, now)):
        # Few enough even if all of them were new would need no base.
        compared_with = compared(rule, head, facts, now)
        if isinstance(compared_with, Judged):
            return compared_with
        base = compared_with
        found = new_findings(head.outcome, base.outcome, facts)
    return _told(sieve, head, base, found, now=now, evidence=evidence_of(head, base, facts))


def needs_base(rule: FindingsRule, facts: Facts) -> bool:
    """Return whether a base has to be known, now or ever, to judge the outcome in force.

    It is a completed one with something to look at.
    """
    if not rule.new_only:
        return False
    sieve = sieve_of(rule, facts)
    if isinstance(sieve, str):
        return False
    # Whatever has leeway today counts one day: then its base has to be there.
    findings = findings_of(rule.check, facts)
    return bool(exceeded(rule, [one for one in findings if sieve.concerns(one)]))


def sentences(rule: FindingsRule, findings: Sequence[Finding]) -> str:
    """Return how ``findings`` exceed the limits of ``rule``."""
    return "; ".join(
        f"{_number(sum(one.severity >= severity for one in findings), severity, rule)}"
        f", at most {limit} allowed"
        for severity, limit in exceeded(rule, findings)
    )


def mend(findings: Sequence[Finding]) -> str:
    """Return what would mend the worst of ``findings``."""
    hints = list(dict.fromkeys(hint(finding) for finding in findings))
    return listed(hints) if len(hints) > MAX_NAMED else ", ".join(hints)


def hint(finding: Finding) -> str:
    """Return what would mend one finding."""
    package = finding.package
    if package is None:
        place = f"{plain(finding.path)}:{finding.line}" if finding.line else plain(finding.path)
        return f"fix {plain(finding.rule)} at {place}"
    name = f"{plain(package.name)} {plain(package.version)}"
    if package.fixed_versions:
        return f"upgrade {name} to {plain(' or '.join(package.fixed_versions[:MAX_NAMED]))}"
    return f"replace {name}: no fixed version is known"


def _told(
    sieve: Sieve,
    head: Answered,
    base: Base | None,
    found: Sequence[Finding],
    *,
    now: datetime,
    evidence: tuple[str, ...],
) -> Judged:
    rule, counted = sieve.rule, sieve.counted(found, now)
    over = exceeded(rule, counted)
    more = _spared(sieve, found, now) + (f" ({base.text})" if base else "")
    if not over:
        low, limit = rule.at_most[0]
        many = sum(finding.severity >= low for finding in counted)
        text = f"{_number(many, low, rule)}, at most {limit} allowed{more}"
        since = head.cause.time
        return Judged(RequirementState.SATISFIED, text, evidence=evidence, since=since)
    blocking = worst_first(one for one in counted if one.severity >= over[0][0])
    return Judged(
        RequirementState.FAILED,
        sentences(rule, counted) + more,
        mend(blocking),
        evidence,
        blocking,
        since=_since(sieve, head, blocking, now),
    )


def _unknown(rule: FindingsRule, head: Answered, why: str) -> Judged:
    return Judged(
        RequirementState.ERRORED,
        f"which findings of {rule.check} count is not known: {why}",
        "mend the predicate `where` of the rule, or what evaluates it",
        evidence=(head.outcome.meaning_digest(),),
        since=head.cause.time,
    )


def _since(sieve: Sieve, head: Answered, blocking: Sequence[Finding], now: datetime) -> datetime:
    """Return when the first limit came to be exceeded: by the scan, or when a leeway was over."""
    scanned = head.cause.time
    first = []
    for severity, limit in exceeded(sieve.rule, blocking):
        ends = (sieve.counts_from(one, now) for one in blocking if one.severity >= severity)
        first.append(sorted(max(scanned, end or scanned) for end in ends)[limit])
    return min(first)


def _spared(sieve: Sieve, found: Sequence[Finding], now: datetime) -> str:
    low, _ = sieve.rule.at_most[0]
    ends = sieve.spared([one for one in found if one.severity >= low], now)
    return f", {len(ends)} more do not count before {when(ends[0])}" if ends else ""


def _number(many: int, severity: Severity, rule: FindingsRule) -> str:
    which = "new finding" if rule.new_only else "finding"
    above = "" if severity is max(Severity) else " or above"
    return f"{count(many, which)} of severity {severity.word}{above}"
