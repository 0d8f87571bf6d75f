"""One flow as the ledger has it: every event with its cause, and what lay between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.codec.words import words_of
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.ledger import HeardRow, SaidRow
from devsecops_eda.model import Decision, Event, Outcome


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a flow.

    ``at`` is when the gate recorded or made it, by its own clock; ``time`` is the sender's word.
    ``user`` is None for what the gate said; ``sent_at`` is when the broker confirmed that.
    ``event`` is None where another release wrote what stands there.
    """

    type: str
    id: str
    at: datetime
    source: str
    user: str | None = None
    seen_at: datetime | None = None
    sent_at: datetime | None = None
    event: Event | None = None
    depth: int = 0
    after_cause_s: float | None = None

    @property
    def said(self) -> bool:
        """Return whether the gate said it."""
        return self.user is None

    @property
    def on_the_way_s(self) -> float | None:
        """Return from the sender's time to ours; None for our own, and where it is not known."""
        if self.said or self.event is None:
            return None
        return (self.at - self.event.time).total_seconds()

    @property
    def detail(self) -> str:
        """Return in a few words what it says."""
        if self.event is None:
            return "cannot be read by this release"
        data = self.event.data
        if isinstance(data, Outcome):
            return _outcome(data)
        if isinstance(data, Decision):
            return f"{data.gate}: {data.verdict.value}"
        _, scope, klass = words_of(data)
        return " ".join(word for word in (scope, klass) if word and word != "_")


def steps_of(heard: Iterable[HeardRow], said: Iterable[SaidRow]) -> tuple[Step, ...]:
    """Return the steps of a flow in order, each below its cause where that is in the flow."""
    own = [_said(row) for row in said]
    # What the gate asks of others it hears itself as well: one event, told once.
    known = {step.id for step in own}
    steps = own + [_heard(row) for row in heard if row.id not in known]
    steps.sort(key=lambda step: (step.at, step.said, step.type == "decision.made"))
    placed: dict[str, Step] = {}
    for step in steps:
        placed.setdefault(step.id, _placed(step, placed))
    return tuple(_placed(step, placed) for step in steps)


def _placed(step: Step, placed: Mapping[str, Step]) -> Step:
    cause = placed.get(step.event.causationid or "") if step.event is not None else None
    if cause is None or cause.id == step.id:
        return step
    after_s = (step.at - cause.at).total_seconds()
    return replace(step, depth=cause.depth + 1, after_cause_s=after_s)


def _heard(row: HeardRow) -> Step:
    again = row.seen_at if row.seen_at > row.recorded_at else None
    event = _read(row.body)
    return Step(row.type, row.id, row.recorded_at, row.source, row.user, again, None, event)


def _said(row: SaidRow) -> Step:
    event = _read(row.body)
    kind = event.type.value if event else ".".join(row.key.split(".")[:2])
    source = event.source if event else ""
    return Step(kind, row.id, row.created_at, source, sent_at=row.sent_at, event=event)


def _read(body: bytes) -> Event | None:
    try:
        return codec.decode(body)
    except InvalidEventError:
        return None


def _outcome(outcome: Outcome) -> str:
    came = outcome.failure.reason.value if outcome.failure else outcome.status.value
    if outcome.failure is None and not outcome.applicable:
        came = "not applicable"
    parts = [f"{outcome.check}: {came}"]
    if outcome.started_at and outcome.finished_at:
        ran_s = (outcome.finished_at - outcome.started_at).total_seconds()
        parts.append(f"ran {ran_s:.1f} s")
    if outcome.attempts > 1:
        parts.append(f"attempt {outcome.attempts}")
    return ", ".join(parts)
