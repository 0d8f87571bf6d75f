"""The lines of a decision folded into one of the four, and into the sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence

from devsecops_eda.model import Mode, Requirement, RequirementState, Verdict
from devsecops_eda.policy.judged import count

MAX_MESSAGE_CHARS = 4096

OWED = frozenset({RequirementState.ERRORED, RequirementState.MISSING, RequirementState.STALE})
"""The states in which the machinery owes an answer."""


def verdict_of(lines: Sequence[Requirement]) -> Verdict:
    """Return which of the four the enforced ``lines`` come to."""
    enforced = [line for line in lines if line.mode is Mode.ENFORCE]
    running = [line for line in enforced if line.state is RequirementState.RUNNING]
    if any(not line.votes for line in running):
        return Verdict.PENDING
    if any(_is_denied(line) for line in enforced):
        return Verdict.DENY
    if any(line.state in OWED for line in enforced):
        return Verdict.ERROR
    return Verdict.PENDING if running else Verdict.ALLOW


def in_the_way(lines: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Return the enforced ``lines`` that keep a decision from being an allow."""
    return tuple(
        line
        for line in lines
        if line.mode is Mode.ENFORCE
        and line.state not in (RequirementState.SATISFIED, RequirementState.WAIVED)
        and not (line.state is RequirementState.NOT_APPLICABLE and line.harmless)
    )


def message_of(gate: str, verdict: Verdict, lines: Sequence[Requirement]) -> str:
    """Return the decision in one sentence, at most 4096 characters long."""
    enforced = [line for line in lines if line.mode is Mode.ENFORCE]
    if not enforced:
        return f"allow: the gate {gate} has no enforced rule in force"
    requirements = count(len(enforced), "requirement")
    if verdict is Verdict.ALLOW:
        waived = [line.id for line in enforced if line.state is RequirementState.WAIVED]
        if not waived:
            return f"allow: all of {requirements} satisfied or not applicable"
        told = f"allow: of {requirements} waived: {', '.join(waived)}; the others are satisfied"
        return f"{told} or not applicable"[:MAX_MESSAGE_CHARS]
    by_state: dict[RequirementState, list[str]] = {}
    for line in in_the_way(lines):
        by_state.setdefault(line.state, []).append(line.id)
    told = "; ".join(f"{state.value}: {', '.join(ids)}" for state, ids in by_state.items())
    return f"{verdict.value}: of {requirements} {told}"[:MAX_MESSAGE_CHARS]


def _is_denied(line: Requirement) -> bool:
    if line.state is RequirementState.NOT_APPLICABLE:
        return not line.harmless
    return line.state is RequirementState.FAILED
