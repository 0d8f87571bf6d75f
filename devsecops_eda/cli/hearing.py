"""What an event of a flow means for who waits for its decision, in one line."""

from __future__ import annotations

from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalRequested,
    Decision,
    Event,
    Outcome,
    OverrideState,
    OverrideTold,
    RequirementState,
    Verdict,
)
from devsecops_eda.reports import plain, sentence


def line_of(event: Event, *, gate: str, subject: str | None) -> str | None:
    """Return the line, None where there is nothing to say; nothing from outside acts in it.

    ``subject`` is what is judged, None where that is not known.
    """
    match event.data:
        case Outcome() as outcome:
            # What the gate compares with is scanned in the same flow.
            other = subject is not None and event.subject != subject
            return _outcome(outcome, base=event.subject if other else None)
        case Decision(verdict=Verdict.PENDING) as decision if decision.gate == gate:
            return f"  {plain(gate)}: pending{_waits_for(decision)}"
        case ApprovalRequested() as asked if asked.gate == gate:
            groups = ", ".join(plain(seat.group) for seat in asked.groups)
            return (
                f"  {plain(asked.rule)}: {asked.n} of {groups} are asked to vote until"
                f" {asked.deadline:%Y-%m-%d %H:%M} UTC (approval {plain(asked.approval)})"
            )
        case ApprovalClosed() as closed if closed.gate == gate:
            return f"  {plain(closed.rule)}: {closed.closing.value}"
        case OverrideTold() as told:
            return f"  {override_line(told)}"
    return None


def override_line(told: OverrideTold) -> str:
    """Return how an override stands, who is behind it and why."""
    until = ""
    if told.state is OverrideState.ACTIVE:
        until = f" until {told.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    incident = f" ({plain(told.incident)})" if told.incident else ""
    said = sentence(told.message if told.state is OverrideState.REFUSED else told.reason)
    return f"override {told.state.value}{until}, by {plain(told.actor)}{incident}: {said}"


def _waits_for(decision: Decision) -> str:
    running = [
        plain(line.id) + (" (votes)" if line.votes else "")
        for line in decision.requirements
        if line.state is RequirementState.RUNNING
    ]
    return f": waits for {', '.join(running)}" if running else ""


def _outcome(outcome: Outcome, *, base: str | None) -> str:
    name = f"  {plain(outcome.check)}"
    if base is not None:
        name += f" on {plain(base.rpartition('@')[2][:12])}, to compare with"
    if outcome.failure is not None:
        failure = outcome.failure
        return f"{name}: no verdict: {failure.reason.value}: {sentence(failure.detail)}"
    if not outcome.applicable:
        return f"{name}: nothing to look at"
    counts = ", ".join(f"{count} {word}" for word, count in outcome.counts().items() if count)
    return f"{name}: {counts or 'no findings'}"
