"""What was there before: the commit to compare with, and which findings are new against it.

The base is the merge base, unless that is the judged commit itself (a push to the target): then
the newest commit before it on the target branch, as git shows it, of which there is a completed
outcome. Outcomes compare only under the same rules and the same data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from devsecops_eda.model import (
    CommitFacts,
    Finding,
    Outcome,
    OutcomeStatus,
    Subject,
    SubjectKind,
)
from devsecops_eda.policy.effective import Answered, answers, causes_of, effective
from devsecops_eda.policy.facts import COMMIT_CHECK, Baseline, Facts
from devsecops_eda.policy.judged import plain
from devsecops_eda.policy.merging import merged, worst_first

MAX_CANDIDATES = 100
"""So far back on the target branch a base is looked for, in commits."""


class BaseKind(Enum):
    """What there is to compare with."""

    FOUND = auto()
    NO_BASE = auto()
    RUNNING = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Base:
    """The base of one check: ``outcome`` where it was found, else ``text`` says why it was not."""

    kind: BaseKind
    text: str
    outcome: Outcome | None = None
    due: datetime | None = None


def commit_facts(facts: Facts) -> CommitFacts | None:
    """Return what git says about the judged subject, None where the check has no such answer."""
    answer = effective(COMMIT_CHECK, facts)
    return answer.outcome.commit if answer else None


def baseline_candidates(subject: Subject, commit: CommitFacts) -> tuple[Subject, ...]:
    """Return the commits that may be the base of ``subject``, the best first; at most 100.

    Only commits *before* the judged one count: what came after it may hold what it brought in.
    """
    if commit.merge_base is None or subject.repo is None:
        return ()
    judged = subject.revision if subject.kind is SubjectKind.COMMIT else None
    if commit.merge_base != judged:
        return (Subject.commit(subject.repo, commit.merge_base),)
    history = commit.target_history
    before = history[history.index(judged) + 1 :] if judged in history else ()
    shas = before[:MAX_CANDIDATES] or commit.parents[:1]
    return tuple(Subject.commit(subject.repo, sha) for sha in shas)


def base_to_compare(check: str, facts: Facts, *, applicable: bool) -> Subject | None:
    """Return the commit that ``check`` compares with, None where there is no base.

    ``applicable`` is whether the check found something to look at. If so, what a push to the
    target compares with is a commit that was judged itself: one that came in by the same push
    would make what it brought look old, and nobody would ever answer for it.
    """
    commit = commit_facts(facts)
    candidates = baseline_candidates(facts.subject, commit) if commit else ()
    if applicable and commit and commit.merge_base == facts.subject.revision:
        candidates = tuple(one for one in candidates if _recorded(check, one, facts).pushed)
    completed = (
        subject
        for subject in candidates
        if any(
            one.outcome.status is OutcomeStatus.COMPLETED
            for one in _answers(_recorded(check, subject, facts))
        )
    )
    return next(completed, candidates[0] if candidates else None)


def usable(check: str, subject: Subject, head: Outcome, facts: Facts) -> Outcome | None:
    """Return what ``check`` said about ``subject`` under the rules and the data of ``head``."""
    recorded = _recorded(check, subject, facts)
    fitting = (
        merged(same)
        for one in reversed(_answers(recorded))
        if (same := _comparable(one, head, recorded))
    )
    return next(fitting, None)


def base_of(check: str, head: Answered, facts: Facts, *, within: timedelta, now: datetime) -> Base:
    """Return what the outcome ``head`` is compared with. What git says has to be there already."""
    subject = base_to_compare(check, facts, applicable=head.outcome.applicable)
    if subject is None:
        return Base(BaseKind.NO_BASE, _why_no_base(facts))
    name = subject.revision[:12]
    found = usable(check, subject, head.outcome, facts)
    if found is not None:
        return Base(BaseKind.FOUND, f"compared with {name}", found)
    recorded = _recorded(check, subject, facts)
    asked_at = recorded.requested_at or head.cause.recorded_at
    due = asked_at + within
    if now < due and not _answered_since(recorded):
        return Base(BaseKind.RUNNING, f"the base {name} is looked at for comparison", due=due)
    return Base(BaseKind.GONE, f"the base {name} could not be compared with, so all counts as new")


def new_findings(head: Outcome, base: Outcome | None, facts: Facts) -> tuple[Finding, ...]:
    """Return the findings of ``head`` that are not in ``base``, the worst first."""
    if base is None:
        return worst_first(head.findings)
    return new_among(head.findings, base.findings, commit_facts(facts))


def new_among(
    head: Iterable[Finding], base: Sequence[Finding], commit: CommitFacts | None
) -> tuple[Finding, ...]:
    """Return the findings of ``head`` that are not in ``base``, the worst first.

    Each finding of the base makes one of the head old and no more, so that what is added among
    equal ones is new, whichever index it got. After a rename, which ``commit`` tells of, the path
    may differ.
    """
    findings = worst_first(head)
    left = Counter(finding.fingerprint for finding in base)
    unmatched: list[Finding] = []
    # The least bad ones are matched first: where it is not clear which is new, it is the worst.
    for finding in reversed(findings):
        if left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
        else:
            unmatched.append(finding)
    moved, old_paths = _left_by_old_path(base, left), _old_paths(commit)
    return worst_first(one for one in unmatched if not _renamed(one, moved, old_paths))


def _left_by_old_path(findings: Iterable[Finding], left: Counter[str]) -> Counter[tuple[str, str]]:
    rest = Counter(left)
    moved: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        if rest[finding.fingerprint] > 0:
            rest[finding.fingerprint] -= 1
            moved[finding.path, finding.fingerprint_nopath] += 1
    return moved


def _old_paths(commit: CommitFacts | None) -> dict[str, str]:
    return {
        file.path: file.old_path
        for file in (commit.changed_files if commit else ())
        # A copy leaves the old file where it was: what it holds is there twice now.
        if file.status.startswith("R") and file.old_path
    }


def _renamed(finding: Finding, moved: Counter[tuple[str, str]], old_paths: dict[str, str]) -> bool:
    key = (old_paths.get(finding.path, ""), finding.fingerprint_nopath)
    if moved[key] <= 0:
        return False
    moved[key] -= 1
    return True


def _recorded(check: str, subject: Subject, facts: Facts) -> Baseline:
    """Return all that is recorded about one commit and check, as one."""
    mine = [one for one in facts.baselines if (one.check, one.subject) == (check, subject)]
    return Baseline(
        check,
        subject,
        outcomes=tuple(outcome for one in mine for outcome in one.outcomes),
        requested_at=max((one.requested_at for one in mine if one.requested_at), default=None),
        causes=tuple(cause for one in mine for cause in one.causes),
        pushed=any(one.pushed for one in mine),
    )


def _answers(recorded: Baseline) -> tuple[Answered, ...]:
    return answers(recorded.check, recorded.subject, recorded.causes, recorded.outcomes)


def _comparable(answer: Answered, head: Outcome, recorded: Baseline) -> list[Outcome]:
    """Return the completed outcomes of one slot that hold under the digests of ``head``."""
    return [
        outcome
        for outcome in recorded.outcomes
        if (outcome.check, outcome.subject) == (recorded.check, recorded.subject)
        and outcome.cause == answer.cause.event_id
        and outcome.status is OutcomeStatus.COMPLETED
        and _same_inputs(outcome, head, answer, recorded)
    ]


def _same_inputs(outcome: Outcome, head: Outcome, answer: Answered, recorded: Baseline) -> bool:
    if not head.applicable:
        # The question is only whether anything was there; that needs no rules and no data.
        return True
    if not outcome.applicable:
        # It says neither under which rules nor data; asked for now, they are those of today.
        asked_at = recorded.requested_at
        return asked_at is not None and answer.cause.recorded_at >= asked_at
    return digests(outcome) == digests(head)


def digests(outcome: Outcome) -> tuple[str | None, str | None]:
    """Return under which rules and which data an outcome was made."""
    return outcome.rules_digest, outcome.data.digest if outcome.data else None


def _answered_since(recorded: Baseline) -> bool:
    """Return whether everything the gate asked for was answered, only not usefully."""
    asked_at = recorded.requested_at
    if asked_at is None:
        return False
    since = [
        one for one in causes_of(recorded.check, recorded.causes) if one.recorded_at >= asked_at
    ]
    answered = {one.cause.event_id for one in _answers(recorded)}
    return bool(since) and all(one.event_id in answered for one in since)


def _why_no_base(facts: Facts) -> str:
    commit = commit_facts(facts)
    if commit is None:
        return "there is no history to compare with, so all counts as new"
    if not commit.parents and facts.subject.kind is SubjectKind.COMMIT:
        return "it is the first commit, so all counts as new"
    if commit.target is None:
        return "no branch to compare with was named, so all counts as new"
    if commit.merge_base == facts.subject.revision:
        return f"nothing before it on {plain(commit.target)} was judged, so all counts as new"
    return f"there is no merge base with {plain(commit.target)}, so all counts as new"
