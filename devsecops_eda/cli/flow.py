"""`devsecops-eda flow`: one flow, event by event, as it stands in the gate's ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.flow_steps import Step, steps_of
from devsecops_eda.codec.times import format_time
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.reports import plain

BAR = 24
"""How wide the picture of a flow is."""


def _flow_id(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError as error:
        message = f"{value!r} is no correlation id: a UUID, as `emit` and `ci` print it"
        raise click.BadParameter(message, ctx, param) from error


@click.command()
@click.argument("flow_id", metavar="CORRELATION_ID", callback=_flow_id)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def flow(app: App, flow_id: str, form: str) -> None:
    """Show every event of a flow, and how long after its cause it came; on the gate's host.

    Exit status: 0 it is there, 2 the ledger holds nothing of it.
    """
    steps = _steps(app, flow_id)
    if not steps:
        raise ConfigurationError(
            f"the ledger holds nothing of flow {flow_id}: it was never recorded, is forgotten by"
            " now, or another gate's"
        )
    click.echo(_json(flow_id, steps) if form == "json" else _text(flow_id, steps))


def _steps(app: App, flow_id: str) -> tuple[Step, ...]:
    from devsecops_eda.ledger import open_ledger

    ledger = open_ledger(app.settings.gate.database, existing=True)
    try:
        with ledger.reading() as records:
            return steps_of(records.watching.heard(flow_id), records.watching.said(flow_id))
    finally:
        ledger.close()


def _text(flow_id: str, steps: Sequence[Step]) -> str:
    start, whole_s = steps[0].at, _seconds(steps[0].at, steps[-1].at)
    about = next((step.event.subject for step in steps if step.event), "")
    lines = [
        f"flow {flow_id}: {plain(about)}",
        f"{len(steps)} events in {whole_s:.3f} s from {format_time(start)}, by the gate's clock",
        "",
        f"{'at':>9} {'after cause':>12} {'on the way':>11}  {'':{BAR + 2}}  event",
    ]
    for step in steps:
        after = "" if step.after_cause_s is None else f"{step.after_cause_s:.3f}"
        way = "" if step.on_the_way_s is None else f"{step.on_the_way_s:.3f}"
        at_s = _seconds(start, step.at)
        bar = _bar(at_s - (step.after_cause_s or 0.0), at_s, whole_s)
        lines.append(f"{at_s:9.3f} {after:>12} {way:>11}  {bar}  {_event(step)}")
    return "\n".join(lines)


def _event(step: Step) -> str:
    branch = "  " * (step.depth - 1) + "+ " if step.depth else ""
    text = f"{branch}{step.type} {plain(step.detail)}".rstrip()
    if not step.said:
        again = f", told again until {format_time(step.seen_at)}" if step.seen_at else ""
        return f"{text}  (by {plain(step.user or '')}{again})"
    if step.sent_at is None:
        return f"{text}  (not sent yet)"
    return f"{text}  (sent after {_seconds(step.at, step.sent_at):.3f} s)"


def _bar(from_s: float, to_s: float, whole_s: float) -> str:
    """Return where a step lies in the whole flow, from its cause to itself.

    What was recorded before its cause, as one that came back from the dead letters, has no way.
    """
    scale = (BAR - 1) / whole_s if whole_s > 0 else 0.0
    first, last = (round(min(max(one, 0.0), whole_s) * scale) for one in (min(from_s, to_s), to_s))
    return "|" + " " * first + "=" * (last - first) + "#" + " " * (BAR - 1 - last) + "|"


def _json(flow_id: str, steps: Sequence[Step]) -> str:
    events = [_row(step, steps[0].at) for step in steps]
    return json.dumps({"version": 1, "flow": flow_id, "events": events}, indent=2)


def _row(step: Step, start: datetime) -> dict[str, Any]:
    event = step.event
    return {
        "type": step.type,
        "id": step.id,
        "said_by": "gate" if step.said else step.user,
        "source": step.source,
        "subject": event.subject if event else None,
        "detail": step.detail,
        "cause": event.causationid if event else None,
        "time": format_time(event.time) if event else None,
        "recorded_at": format_time(step.at),
        "since_start_s": _seconds(start, step.at),
        "after_cause_s": step.after_cause_s,
        "on_the_way_s": step.on_the_way_s,
        "told_again_at": format_time(step.seen_at) if step.seen_at else None,
        "sent_at": format_time(step.sent_at) if step.sent_at else None,
        "traceparent": event.traceparent if event else None,
    }


def _seconds(one: datetime, other: datetime) -> float:
    return (other - one).total_seconds()
