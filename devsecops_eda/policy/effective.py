"""Which outcome of a check is in force about a subject, and for how long to wait for another.

* An outcome whose cause is not known is not believed.
* The latest cause counts, by its ``time``, ties by id: a failed rescan beats an older completed
  scan.
* A cause without an outcome leaves the older outcome in force and opens a new ``within``. When
  that is over the old outcome holds no longer: a rescan that stays silent must not keep a clean
  result alive. Asking once more does not bring it back either, it only makes the check running.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from devsecops_eda.model import Finding, Outcome, RequirementState, Subject
from devsecops_eda.policy.facts import Cause, Facts
from devsecops_eda.policy.merging import merged


@dataclass(frozen=True, slots=True)
class Answered:
    """A cause and what the check answered to it."""

    cause: Cause
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Standing:
    """How a check stands: an answer in force, or ``state`` running (until ``due``) or missing.

    ``since`` is when it came to stand so: the answer's cause was told, the first cause without
    an answer recorded, or the last of these waited for long enough. None: nobody ever asked.
    """

    answer: Answered | None
    state: RequirementState | None = None
    due: datetime | None = None
    since: datetime | None = None


def causes_of(check: str, causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return the causes that made ``check`` look, the latest last; no id stands twice."""
    # Told twice is told once, the first time: a repeat must not prolong a deadline.
    first: dict[str, Cause] = {}
    for cause in sorted(causes, key=lambda one: (one.recorded_at, one.time)):
        if cause.check in (None, check):
            first.setdefault(cause.event_id, cause)
    return tuple(sorted(first.values(), key=lambda one: (one.time, one.event_id)))


def answers(
    check: str, subject: Subject, causes: Iterable[Cause], outcomes: Iterable[Outcome]
) -> tuple[Answered, ...]:
    """Return what ``check`` answered about ``subject``, one outcome per cause, the latest last."""
    slots: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.check == check and outcome.subject == subject:
            slots[outcome.cause].append(outcome)
    return tuple(
        Answered(cause, merged(slots[cause.event_id]))
        for cause in causes_of(check, causes)
        if cause.event_id in slots
    )


def effective(check: str, facts: Facts) -> Answered | None:
    """Return the latest answer there is, however long a later cause has gone without one."""
    return next(reversed(answers(check, facts.subject, facts.causes, facts.outcomes)), None)


def findings_of(check: str, facts: Facts) -> tuple[Finding, ...]:
    """Return the findings of the outcome in force, in the order that ``Matches`` align with."""
    answer = effective(check, facts)
    return answer.outcome.findings if answer else ()


def standing(check: str, facts: Facts, *, within: timedelta, now: datetime) -> Standing:
    """Return how ``check`` stands on the judged subject at ``now``."""
    causes = causes_of(check, facts.causes)
    answer = effective(check, facts)
    last = causes.index(answer.cause) if answer else -1
    silent = causes[last + 1 :]
    if answer and (not silent or now < min(one.recorded_at for one in silent) + within):
        return Standing(answer, since=answer.cause.time)
    if not silent:
        # Nobody asked this check yet, but the subject is known: its own scan may be on the way.
        asked = min((one.recorded_at for one in facts.causes), default=None)
        due = asked + within if asked else None
    else:
        asked = min(one.recorded_at for one in silent)
        due = max(one.recorded_at for one in silent) + within
    if due is not None and now < due:
        return Standing(None, RequirementState.RUNNING, due, asked)
    return Standing(None, RequirementState.MISSING, since=due)
