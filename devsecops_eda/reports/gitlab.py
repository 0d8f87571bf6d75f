"""A scan as GitLab's Code Quality report: its subset of the Code Climate format.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from devsecops_eda.model import Severity
from devsecops_eda.reports.plain import plain, sentence
from devsecops_eda.reports.result import Result
from devsecops_eda.reports.standing import Standing, standings

SEVERITIES = {
    Severity.UNKNOWN: "blocker",
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}
WHOLE = "."
"""The path of what is about no file."""
_NO_VERDICT = "devsecops-eda/no-verdict"
_INCOMPLETE = "devsecops-eda/incomplete"


def render_gitlab(result: Result) -> str:
    """Return the scan as one JSON array that ends in a line break.

    GitLab compares it with that of the target branch by fingerprint: ours, with a number where
    one stands twice. A check without verdict and a report that is not complete are entries
    themselves, of the highest severity: an empty list would read as a clean result.
    """
    seen: Counter[str] = Counter()
    entries = [_finding(standing, seen) for standing in standings(result)]
    entries += [
        _entry(
            _NO_VERDICT,
            f"{one.check} has no verdict: {one.failure.reason.value}: {one.failure.detail}",
            fingerprint=_once(f"{_NO_VERDICT}/{one.check}", seen),
        )
        for one in sorted(result.outcomes, key=lambda one: one.check)
        if one.failure is not None
    ]
    entries += [
        _entry(
            _INCOMPLETE,
            f"This report is incomplete: {lack.reason}",
            fingerprint=_once(f"{_INCOMPLETE}/{lack.check}", seen),
        )
        for lack in result.context.lacks
    ]
    return json.dumps(entries, indent=2, ensure_ascii=True) + "\n"


def _finding(standing: Standing, seen: Counter[str]) -> dict[str, Any]:
    finding = standing.finding
    said = sentence(finding.message or finding.title or finding.rule, 1000)
    if standing.waiver is not None:
        said = f"{said} [waived: {standing.waiver.waiver}]"
    return _entry(
        finding.rule,
        said,
        fingerprint=_once(finding.fingerprint, seen),
        severity=SEVERITIES[finding.severity],
        path=finding.path,
        line=finding.line,
    )


def _entry(
    check_name: str,
    description: str,
    *,
    fingerprint: str,
    severity: str = SEVERITIES[Severity.UNKNOWN],
    path: str = WHOLE,
    line: int = 0,
) -> dict[str, Any]:
    return {
        "type": "issue",
        "categories": ["Security"],
        "check_name": plain(check_name),
        "description": sentence(description, 1200) or plain(check_name),
        "fingerprint": fingerprint,
        "severity": severity,
        # There is no line 0; what is about a whole file stands at its top.
        "location": {"path": plain(path), "lines": {"begin": max(line, 1)}},
    }


def _once(fingerprint: str, seen: Counter[str]) -> str:
    """Return a fingerprint of this one alone: GitLab shows only the first of two."""
    number = seen[fingerprint]
    seen[fingerprint] += 1
    text = f"{fingerprint}#{number}" if number else fingerprint
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
