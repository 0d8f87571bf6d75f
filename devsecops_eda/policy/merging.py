"""Several outcomes of one slot become one, whatever the order they came in.

Completed beats failed, applicable beats not applicable; of the completed ones the findings are
put together, the higher severity wins, and a file is a gap only if no run covered it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from devsecops_eda.model import Coverage, Finding, Gap, Outcome, OutcomeStatus


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the one outcome that at least one of a slot comes to."""
    completed = [one for one in outcomes if one.status is OutcomeStatus.COMPLETED]
    applicable = [one for one in completed if one.applicable]
    kept = applicable or completed or list(outcomes)
    # Any of them would do, as long as it is always the same one.
    first = kept[0] if len(kept) == 1 else min(kept, key=repr)
    if not applicable:
        return first
    return replace(first, findings=_findings(applicable), coverage=_coverage(applicable))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return ``findings`` with the worst first, in an order that leaves nothing to chance."""
    ordered = sorted(findings, key=_place)
    if len(set(map(_place, ordered))) < len(ordered):
        # Only what stands at the very same place has to be told apart, which is dear.
        ordered = sorted(sorted(ordered, key=repr), key=_place)
    return tuple(ordered)


def _place(finding: Finding) -> tuple[object, ...]:
    return (
        -finding.severity,
        finding.path,
        finding.line,
        finding.column,
        finding.rule,
        finding.fingerprint,
    )


def _findings(outcomes: Iterable[Outcome]) -> tuple[Finding, ...]:
    # A fingerprint that one run reports twice stands for two findings: a limit counts both.
    most: Counter[str] = Counter()
    alike: Counter[Finding] = Counter()
    for outcome in outcomes:
        most |= Counter(finding.fingerprint for finding in outcome.findings)
        alike |= Counter(outcome.findings)
    kept = []
    for finding in worst_first(alike.elements()):
        if most[finding.fingerprint] > 0:
            most[finding.fingerprint] -= 1
            kept.append(finding)
    return tuple(kept)


def _coverage(outcomes: Sequence[Outcome]) -> Coverage:
    runs = [outcome.coverage for outcome in outcomes]
    by_run = [{gap.path for gap in run.gaps} for run in runs]
    missed = frozenset.intersection(*map(frozenset, by_run))
    reasons: dict[str, str] = {}
    for run in runs:
        for gap in run.gaps:
            if gap.path in missed:
                reasons[gap.path] = min(gap.reason, reasons.get(gap.path, gap.reason))
    eligible = max(run.eligible for run in runs)
    scanned = max(run.scanned for run in runs)
    # What one run missed another one covered, if each of them accounts for all of its files.
    if all(
        run.scanned + len(paths) >= run.eligible for run, paths in zip(runs, by_run, strict=True)
    ):
        scanned = max(scanned, eligible - len(missed))
    return Coverage(
        eligible=eligible,
        scanned=min(scanned, eligible),
        gaps=tuple(Gap(path, reasons[path]) for path in sorted(missed)),
        left_out=max(run.left_out for run in runs),
    )
