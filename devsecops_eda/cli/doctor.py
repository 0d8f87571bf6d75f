"""`devsecops-eda doctor`: what is wrong with a live installation, and how to mend it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.output import colours
from devsecops_eda.doctor import CHECKS, Examined, Finding, Options, State, examine
from devsecops_eda.reports import plain

OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""
_MARKS = {
    State.OK: ("ok", "green"),
    State.WARN: ("warn", "yellow"),
    State.FAIL: ("FAIL", "red"),
    State.NOT_CHECKED: ("-", "cyan"),
}


@click.command()
@click.option(
    "--skip", multiple=True, type=click.Choice(list(CHECKS)), metavar="CHECK",
    help="Leave a check out. May be repeated.",
)  # fmt: skip
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=1), default=30.0, show_default=True,
    metavar="SECONDS", help="How long the broker is asked.",
)  # fmt: skip
@click.option(
    "--rabbitmqctl", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
    help="To ask the broker's node for its consumer timeout; else from the PATH, on its host.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def doctor(
    app: App, skip: tuple[str, ...], timeout_s: float, rabbitmqctl: Path | None, form: str
) -> int:
    """Look at the broker, the gate's part and this machine; change nothing.

    Run it on each host, as the user of the services, with an operator's user in the broker's URL.
    What AMQP does not tell is asked of the management API (broker.management_url).

    Exit status: 0 all is well or only warned of, 1 something is broken, 3 the broker could not be
    looked at.
    """
    options = Options(skip=skip, timeout_s=timeout_s, rabbitmqctl=rabbitmqctl)
    examined = examine(app.loaded, options, clock=lambda: datetime.now(UTC))
    if form == "json":
        click.echo(json.dumps(_document(examined), indent=2))
    else:
        for text in _lines(examined):
            click.echo(text)
    if examined.count(State.FAIL):
        return ExitCode.DENY
    return ExitCode.ALLOW if examined.looked else ExitCode.COULD_NOT_EVALUATE


def _document(examined: Examined) -> dict[str, object]:
    return {
        "version": OUTPUT_VERSION,
        "looked": examined.looked,
        **{state.value: examined.count(state) for state in State},
        "findings": [
            {
                "check": one.check,
                "state": one.state.value,
                "text": plain(one.text),
                "mend": plain(one.mend) or None,
            }
            for one in examined.findings
        ],
    }


def _lines(examined: Examined) -> list[str]:
    width = max(len(check) for check in CHECKS)
    lines: list[str] = []
    mends: set[str] = set()
    for one in examined.findings:
        lines.append(_line(one, width))
        # What cannot be looked at has one reason, mostly: it is told once how to mend it.
        if one.mend and not (one.state is State.NOT_CHECKED and one.mend in mends):
            mends.add(one.mend)
            lines.append(f"{'':<6}{'':<{width}}  mend: {plain(one.mend)}")
    counts = (
        f"{examined.count(state)} {state.value.replace('_', ' ')}"
        for state in State
        if examined.count(state)
    )
    return [*lines, ", ".join(counts)]


def _line(one: Finding, width: int) -> str:
    mark, colour = _MARKS[one.state]
    shown = click.style(f"{mark:<6}", fg=colour) if colours() else f"{mark:<6}"
    return f"{shown}{one.check:<{width}}  {plain(one.text)}"
