"""The shortest way to an allow: what to do about everything that is in the way of one now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from devsecops_eda.model import Mode, Requirement, RequirementState, Step, StepKind, branch_name
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import Judged, count, when
from devsecops_eda.policy.kinds import windows
from devsecops_eda.policy.kinds.counting import exceeded
from devsecops_eda.policy.mending.asking import Asking
from devsecops_eda.policy.mending.repairing import Demand, fewest, repairs_for
from devsecops_eda.policy.model import (
    AnyRule,
    CheckRule,
    CoverageRule,
    FindingsRule,
    WaiverTerms,
    WindowRule,
)
from devsecops_eda.policy.summary import OWED, in_the_way
from devsecops_eda.policy.voting.polls import latest_round

MAX_STEPS = 20
"""As many steps a way has; the others are counted in one more."""

MAX_OPENINGS = 1000
"""So many openings of windows are looked at to find an instant at which all are open."""

_ORDER = (StepKind.FIX, StepKind.OTHER, StepKind.RESCAN, StepKind.WAIT, StepKind.VOTE)


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule, what it came to, and the line that says so."""

    rule: AnyRule
    judged: Judged
    line: Requirement


def way(
    terms: WaiverTerms | None, facts: Facts, ruled: Sequence[Ruled], now: datetime
) -> tuple[Step, ...]:
    """Return steps after which everything enforced would be satisfied, waived or harmless.

    None of them can be left out. What nobody can know yet, like what a scan that is owed will
    find, is taken to go well, and what waiting lets grow old is not looked at. At most 20 steps,
    and one that says how many more there are.
    """
    ids = {line.id for line in in_the_way([one.line for one in ruled])}
    blocked = [one for one in ruled if one.line.id in ids]
    asking = Asking(terms, facts)
    repairs = list(_repairs(blocked, asking))
    steps = [*_rescans(blocked, asking), *_waits(blocked), *_openings(ruled, now)]
    done = {name for step in (*repairs, *steps) for name in step.requirements}
    steps += _others([one for one in blocked if one.line.id not in done], facts)
    return _bounded([*repairs, *sorted(steps, key=lambda step: _ORDER.index(step.kind))])


def _bounded(steps: Sequence[Step]) -> tuple[Step, ...]:
    if len(steps) <= MAX_STEPS:
        return tuple(steps)
    more = steps[MAX_STEPS:]
    names = dict.fromkeys(name for step in more for name in step.requirements)
    rest = Step(StepKind.OTHER, tuple(names), f"and {count(len(more), 'more step')}")
    return (*steps[:MAX_STEPS], rest)


def _repairs(blocked: Sequence[Ruled], asking: Asking) -> Iterator[Step]:
    """Yield the steps that leave no more findings than the limits of all rules allow.

    The worst come first. Those too many to be told say only what they mend.
    """
    demands: list[Demand] = []
    about: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for one in blocked:
        rule, blocking = one.rule, one.judged.blocking
        if not isinstance(rule, FindingsRule) or one.judged.state is not RequirementState.FAILED:
            continue
        for finding in blocking:
            about[finding.fingerprint][one.line.id] = None
        for severity, limit in exceeded(rule, blocking):
            counted = tuple(finding for finding in blocking if finding.severity >= severity)
            demands.append(Demand(len(counted) - limit, counted))
    wanted = (finding for demand in demands for finding in demand.findings)
    repairs = repairs_for(wanted, waivable=asking.may_waive)
    for at, repair in enumerate(fewest(repairs, demands)):
        found = dict.fromkeys(name for one in repair.findings for name in about[one.fingerprint])
        ids = tuple(found)
        yield asking.repair(repair, ids) if at < MAX_STEPS else Step(repair.kind, ids, "")


def _rescans(blocked: Sequence[Ruled], asking: Asking) -> Iterator[Step]:
    """Yield one step for each check that owes an answer."""
    owed: defaultdict[str, list[Ruled]] = defaultdict(list)
    for one in blocked:
        if one.judged.state in OWED and one.judged.owed_by:
            owed[one.judged.owed_by].append(one)
    for check, lines in owed.items():
        yield asking.rescan(
            check,
            tuple(one.line.id for one in lines),
            dict.fromkeys(_solution(one) for one in lines),
            # What another check owes does not come by a waiver of this requirement.
            [
                one.line.id
                for one in lines
                if isinstance(one.rule, CheckRule) and one.rule.check == check
            ],
        )


def _is_about(rule: AnyRule, check: str) -> bool:
    # What another check owes is not made up for by a waiver of this requirement.
    return isinstance(rule, CheckRule) and rule.check == check


def _waits(blocked: Sequence[Ruled]) -> Iterator[Step]:
    """Yield one step for each check, or rule, that is waited for."""
    waited: defaultdict[str, list[Ruled]] = defaultdict(list)
    for one in blocked:
        if one.judged.state is RequirementState.RUNNING and not one.judged.votes:
            waited[one.judged.owed_by or f"rule {one.rule.id}"].append(one)
    for lines in waited.values():
        due = max((one.judged.due for one in lines if one.judged.due), default=None)
        until = f", at most until {when(due)}" if due else ""
        ids = tuple(one.line.id for one in lines)
        text = f"wait{until}: {lines[0].judged.text}"
        yield Step(StepKind.WAIT, ids, text, _iso(due) if due else "")


def _openings(ruled: Sequence[Ruled], now: datetime) -> Iterator[Step]:
    """Yield the step to wait until all windows are open, where one is closed."""
    rules = [
        one.rule
        for one in ruled
        if isinstance(one.rule, WindowRule) and one.line.mode is Mode.ENFORCE
    ]
    closed = tuple(rule.id for rule in rules if not windows.is_open(rule, now))
    opens = _all_open(rules, now)
    if closed and opens is not None:
        yield Step(StepKind.WAIT, closed, f"wait until {when(opens)}", _iso(opens))


def _all_open(rules: Sequence[WindowRule], now: datetime) -> datetime | None:
    instant = now
    for _ in range(MAX_OPENINGS):
        closed = next((rule for rule in rules if not windows.is_open(rule, instant)), None)
        if closed is None:
            return instant
        opens = windows.opens_at(closed, instant)
        if opens is None:
            return None
        instant = opens
    return None


def _others(blocked: Sequence[Ruled], facts: Facts) -> list[Step]:
    """Return the steps about lines that are no case of the above; what mends two is one step."""
    found: dict[Step, tuple[str, ...]] = {}
    for one in blocked:
        step = _step(one, facts)
        if step.kind is StepKind.VOTE:
            found[step] = step.requirements
        else:
            alike = replace(step, requirements=())
            found[alike] = (*found.get(alike, ()), *step.requirements)
    return [replace(step, requirements=names) for step, names in found.items()]


def _step(one: Ruled, facts: Facts) -> Step:
    ids, state = (one.line.id,), one.judged.state
    if one.judged.votes:
        return Step(StepKind.VOTE, ids, _solution(one), _round(one, facts))
    removed = state is RequirementState.NOT_APPLICABLE
    kind = StepKind.FIX if isinstance(one.rule, CoverageRule) or removed else StepKind.OTHER
    return Step(kind, ids, _solution(one))


def _round(one: Ruled, facts: Facts) -> str:
    """Return the id of the round that votes are wanted in, empty where none is open."""
    target = branch_name(facts.target) if facts.target else None
    latest = latest_round(one.rule.id, facts, target)
    return latest.approval if latest is not None and one.judged.due is not None else ""


def _solution(one: Ruled) -> str:
    return one.line.solution or one.judged.text


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
