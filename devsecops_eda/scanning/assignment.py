"""What one event asks of one check."""

from __future__ import annotations

from dataclasses import dataclass

from devsecops_eda.model import CommitPushed, Event, ScanRequested, Subject, branch_name


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one event asks of one check."""

    check: str
    subject: Subject
    cause: Event
    ref: str | None
    target: str | None
    attempts: int = 1


def assignment(event: Event, check: str, *, attempts: int = 1) -> Assignment:
    """Return what ``event`` asks of ``check``.

    Raises:
        ValueError: the event asks nothing of a check.
    """
    data = event.data
    if isinstance(data, CommitPushed):
        towards = branch_name(data.target or data.ref)
        return Assignment(check, data.subject, event, data.ref, towards, attempts)
    if isinstance(data, ScanRequested):
        target = branch_name(data.target or data.ref or "") or None
        return Assignment(check, data.subject, event, data.ref, target, attempts)
    raise ValueError(f"{event.type.value} asks nothing of a check")
