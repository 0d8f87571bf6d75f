"""The rule kind ``scan``: the check completed."""

from __future__ import annotations

from datetime import datetime

from devsecops_eda.model import Outcome, RequirementState
from devsecops_eda.policy.facts import COMMIT_CHECK, Facts
from devsecops_eda.policy.judged import Judged, count, plain
from devsecops_eda.policy.kinds.looking import look
from devsecops_eda.policy.model import ScanRule


def judge(rule: ScanRule, facts: Facts, now: datetime) -> Judged:
    """Return satisfied when the check completed and its scan is young enough.

    What it found is the business of other rules.
    """
    found = look(rule, facts, now)
    if isinstance(found, Judged):
        return found
    outcome = found.outcome
    return Judged(
        RequirementState.SATISFIED,
        _told(rule.check, outcome),
        evidence=(outcome.meaning_digest(),),
        since=found.cause.time,
    )


def _told(check: str, outcome: Outcome) -> str:
    if check == COMMIT_CHECK and outcome.commit is not None:
        changed = count(len(outcome.commit.changed_files), "changed file")
        return f"by {plain(outcome.commit.author.name) or 'nobody named'}, {changed}"
    coverage = outcome.coverage
    files = count(coverage.eligible, "file")
    return (
        f"{check} looked at {coverage.scanned} of {files}"
        f" and found {count(len(outcome.findings), 'thing')}"
    )
