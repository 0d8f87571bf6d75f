"""The rule kind ``findings``: at most so many of a severity and above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from devsecops_eda.model import Finding, Outcome, RequirementState, Severity
from devsecops_eda.policy.baseline import Base, new_findings
from devsecops_eda.policy.effective import Answered
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import MAX_NAMED, Judged, count, listed, plain
from devsecops_eda.policy.looking import compared, evidence_of, look
from devsecops_eda.policy.merging import worst_first
from devsecops_eda.policy.model import FindingsRule


def judge(rule: FindingsRule, facts: Facts, now: datetime) -> Judged:
    """Return failed when more findings count than a limit allows, these being in the way."""
    head = look(rule, facts, now)
    if isinstance(head, Judged):
        return head
    if not rule.new_only or not exceeded(rule, head.outcome.findings):
        # Few enough even if all of them were new: no base is needed to see that.
        return _told(rule, head, None, head.outcome.findings, facts)
    base = compared(rule, head, facts, now)
    if isinstance(base, Judged):
        return base
    return _told(rule, head, base, new_findings(head.outcome, base.outcome, facts), facts)


def exceeded(rule: FindingsRule, findings: Sequence[Finding]) -> tuple[tuple[Severity, int], ...]:
    """Return the limits that ``findings`` exceed.

    The limit of a severity counts that severity and every higher one; unknown is the highest.
    """
    return tuple(
        (severity, limit)
        for severity, limit in rule.at_most
        if sum(finding.severity >= severity for finding in findings) > limit
    )


def needs_base(rule: FindingsRule, outcome: Outcome) -> bool:
    """Return whether a base has to be known to judge a completed, applicable ``outcome``."""
    return rule.new_only and bool(exceeded(rule, outcome.findings))


def _told(
    rule: FindingsRule,
    head: Answered,
    base: Base | None,
    counted: Sequence[Finding],
    facts: Facts,
) -> Judged:
    over = exceeded(rule, counted)
    evidence = evidence_of(head, base, facts)
    compared_with = f" ({base.text})" if base else ""
    if not over:
        low, limit = rule.at_most[0]
        many = sum(finding.severity >= low for finding in counted)
        text = f"{_number(many, low, new=rule.new_only)}, at most {limit} allowed{compared_with}"
        return Judged(RequirementState.SATISFIED, text, evidence=evidence)
    lowest = over[0][0]
    blocking = worst_first(one for one in counted if one.severity >= lowest)
    sentences = [
        f"{_number(sum(one.severity >= severity for one in counted), severity, new=rule.new_only)}"
        f", at most {limit} allowed"
        for severity, limit in over
    ]
    return Judged(
        RequirementState.FAILED,
        "; ".join(sentences) + compared_with,
        _mend(blocking),
        evidence,
        blocking,
    )


def _number(many: int, severity: Severity, *, new: bool) -> str:
    which = "new finding" if new else "finding"
    above = "" if severity is max(Severity) else " or above"
    return f"{count(many, which)} of severity {severity.word}{above}"


def _mend(findings: Sequence[Finding]) -> str:
    """Return what would mend the worst of ``findings``."""
    hints = list(dict.fromkeys(_hint(finding) for finding in findings))
    return listed(hints) if len(hints) > MAX_NAMED else ", ".join(hints)


def _hint(finding: Finding) -> str:
    package = finding.package
    if package is None:
        place = f"{plain(finding.path)}:{finding.line}" if finding.line else plain(finding.path)
        return f"fix {plain(finding.rule)} at {place}"
    name = f"{plain(package.name)} {plain(package.version)}"
    if package.fixed_versions:
        return f"upgrade {name} to {plain(' or '.join(package.fixed_versions[:MAX_NAMED]))}"
    return f"replace {name}: no fixed version is known"
