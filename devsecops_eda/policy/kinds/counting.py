"""Which findings count against a rule: by its predicate, by whether there is a fix, by leeway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from devsecops_eda.model import Finding, Severity
from devsecops_eda.policy.effective import findings_of
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import plain
from devsecops_eda.policy.model import FindingsRule


@dataclass(frozen=True, slots=True)
class Sieve:
    """What lets the findings through that count; ``matching`` None: the predicate is empty."""

    rule: FindingsRule
    matching: frozenset[Finding] | None

    def concerns(self, finding: Finding) -> bool:
        """Return whether the rule is about such a finding, at whatever time."""
        if self.matching is not None and finding not in self.matching:
            return False
        wanted = self.rule.fix_available
        return wanted is None or wanted is has_fix(finding)

    def counts_from(self, finding: Finding, now: datetime) -> datetime | None:
        """Return when the leeway of a finding is over, None where it has none."""
        published = finding.package.published if finding.package else None
        span = dict(self.rule.leeway).get(finding.severity)
        # A date in the future is no date: whoever writes it could write any.
        if span is None or published is None or published > now:
            return None
        return published + span

    def counted(self, findings: Iterable[Finding], now: datetime) -> tuple[Finding, ...]:
        """Return those of ``findings`` that count at ``now``."""
        return tuple(
            finding
            for finding in findings
            if self.concerns(finding)
            and ((over := self.counts_from(finding, now)) is None or now >= over)
        )

    def spared(self, findings: Iterable[Finding], now: datetime) -> tuple[datetime, ...]:
        """Return when the leeways end that keep some of ``findings`` from counting, sorted."""
        ends = (self.counts_from(one, now) for one in findings if self.concerns(one))
        return tuple(sorted(end for end in ends if end is not None and now < end))


def sieve_of(rule: FindingsRule, facts: Facts) -> Sieve | str:
    """Return what lets those findings through that count, or why that is not known."""
    findings = findings_of(rule.check, facts)
    if not rule.where or not findings:
        return Sieve(rule, None)
    told = [one for one in facts.matches if (one.where, one.check) == (rule.where, rule.check)]
    errors = sorted(plain(one.error) for one in told if one.matching is None)
    if errors:
        return errors[0] or "nobody says why"
    answers = {one.matching for one in told if one.matching is not None}
    if not answers:
        return "nobody evaluated it"
    matching = answers.pop()
    if answers or len(matching) != len(findings):
        return "it was evaluated on other findings"
    pairs = zip(findings, matching, strict=True)
    return Sieve(rule, frozenset(finding for finding, matches in pairs if matches))


def exceeded(rule: FindingsRule, findings: Iterable[Finding]) -> tuple[tuple[Severity, int], ...]:
    """Return the limits that ``findings`` exceed.

    The limit of a severity counts that severity and every higher one; unknown is the highest.
    """
    severities = [finding.severity for finding in findings]
    return tuple(
        (severity, limit)
        for severity, limit in rule.at_most
        if sum(one >= severity for one in severities) > limit
    )


def leeway_instants(rule: FindingsRule, facts: Facts, now: datetime) -> Iterator[datetime]:
    """Yield when a finding may begin or cease to count; none is left out that is after ``now``."""
    spans = dict(rule.leeway)
    if not spans:
        return
    for finding in findings_of(rule.check, facts):
        published = finding.package.published if finding.package else None
        if published is None or finding.severity not in spans:
            continue
        yield published if published > now else published + spans[finding.severity]


def has_fix(finding: Finding) -> bool:
    """Return whether a fix is known: a version without it, or the scanner's own proposal."""
    package = finding.package
    return bool(finding.fix) or (package is not None and bool(package.fixed_versions))
