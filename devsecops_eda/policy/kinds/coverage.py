"""The rule kind ``coverage``: the check looked at every file it should have looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from devsecops_eda.model import Coverage, Gap, RequirementState
from devsecops_eda.policy.effective import Answered
from devsecops_eda.policy.facts import COMMIT_CHECK, Facts
from devsecops_eda.policy.judged import Judged, count, listed, plain
from devsecops_eda.policy.kinds.looking import answered, commit_evidence, look
from devsecops_eda.policy.model import CoverageRule, Scope


def judge(rule: CoverageRule, facts: Facts, now: datetime) -> Judged:
    """Return failed when a file in the rule's scope was not looked at."""
    head = look(rule, facts, now)
    if isinstance(head, Judged):
        return head
    coverage = head.outcome.coverage
    evidence: tuple[str, ...] = (head.outcome.meaning_digest(),)
    if coverage.complete:
        text = f"{rule.check} looked at all of {count(coverage.eligible, 'file')}"
        since = head.cause.time
        return Judged(RequirementState.SATISFIED, text, evidence=evidence, since=since)
    missed: Sequence[Gap] = coverage.gaps
    which = "file"
    if rule.of is Scope.CHANGED_FILES:
        commit = answered(COMMIT_CHECK, facts, within=rule.within, now=now)
        if isinstance(commit, Judged):
            return commit
        evidence += commit_evidence(facts)
        changed = _changed(commit, facts)
        if changed is not None:
            which = "changed file"
            # A gap without a path may be any file.
            missed = [gap for gap in missed if not gap.path or gap.path in changed]
    told = _told(rule.check, coverage, missed, which, evidence)
    return replace(told, since=head.cause.time)


def _changed(answer: Answered, facts: Facts) -> frozenset[str] | None:
    """Return the paths that were changed and are still there, None where that is not known."""
    commit = answer.outcome.commit
    # A gap of the check `commit` is a list that was cut off.
    if commit is None or commit.merge_base is None or answer.outcome.coverage.gaps:
        return None
    if commit.merge_base == facts.subject.revision and not commit.changed_files:
        # Against itself nothing changed; that says nothing about what the push brought.
        return None
    return frozenset(file.path for file in commit.changed_files if file.status != "D")


def _told(
    check: str, coverage: Coverage, missed: Sequence[Gap], which: str, evidence: tuple[str, ...]
) -> Judged:
    uncounted = coverage.eligible - coverage.scanned - len({gap.path for gap in coverage.gaps})
    if not missed and uncounted <= 0:
        text = f"{check} looked at every {which}"
        return Judged(RequirementState.SATISFIED, text, evidence=evidence)
    named = [f"{plain(gap.path) or 'some file'} ({plain(gap.reason)})" for gap in missed]
    if uncounted > 0:
        named.append(f"{count(uncounted, 'file')} that {check} does not name")
    number = len(missed) + max(uncounted, 0)
    verb = "was" if number == 1 else "were"
    return Judged(
        RequirementState.FAILED,
        f"{count(number, which)} {verb} not looked at by {check}: {listed(named)}",
        f"change what keeps {check} from looking at: {listed([plain(gap.path) for gap in missed])}"
        if missed
        else f"see what {check} says about the files it skipped",
        evidence,
    )
