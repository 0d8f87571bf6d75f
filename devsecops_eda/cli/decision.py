"""`devsecops-eda decision`: an old decision as it was made, and made once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.output import colours
from devsecops_eda.replaying import Reader
from devsecops_eda.reports import plain, render_decision, render_decision_json, sentence

_format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def decision() -> None:
    """Look at old decisions; on the gate's host, as they stand in its ledger."""


@decision.command()
@click.argument("id_", metavar="ID")
@_format_option
@pass_app
def show(app: App, id_: str, form: str) -> None:
    """Print the decision ID as it was made, whatever holds today.

    Exit status: 0 it is there, 2 there is no such decision, 3 the ledger is away.
    """
    with _reader(app) as reader:
        recorded = reader.recorded(id_)
    if form == "json":
        click.echo(render_decision_json(recorded.decision), nl=False)
        return
    click.echo(render_decision(recorded.decision, colour=colours()), nl=False)
    click.echo(f"  flow {recorded.row.flow}, inputs {recorded.decision.inputs_digest[:19]}")
    for outcome in recorded.facts.outcomes:
        tool = f"{plain(outcome.tool.name)} {plain(outcome.tool.version)}".strip()
        click.echo(f"  outcome of {plain(outcome.check)}: {outcome.status.value}, by {tool}")
    if recorded.row.evaluator:
        click.echo(f"  predicates by {plain(recorded.row.evaluator)}")


@decision.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_format_option
@pass_app
def replay(app: App, ids: tuple[str, ...], form: str) -> int:
    """Make old decisions once more, from what they were made of, and compare bit for bit.

    Exit status: 0 all came out the same, 1 one did not, 2 there is no such decision, 3 one can no
    longer be made, or the ledger is away.
    """
    with _reader(app) as reader:
        replayed = {one: reader.replay(reader.recorded(one)) for one in ids}
    if form == "json":
        document = [
            {"decision": one, "same": done.same, "why": done.why or None}
            for one, done in replayed.items()
        ]
        click.echo(json.dumps({"version": 1, "decisions": document}, indent=2))
    else:
        for one, done in replayed.items():
            told = "the same, bit for bit" if done.same else f"NOT the same: {sentence(done.why)}"
            click.echo(f"{plain(one)}: {told}")
    if all(done.same for done in replayed.values()):
        return ExitCode.ALLOW
    lost = any(done.decision is None for done in replayed.values())
    return ExitCode.COULD_NOT_EVALUATE if lost else ExitCode.DENY


@contextmanager
def _reader(app: App) -> Iterator[Reader]:
    from devsecops_eda.evidence import open_evidence
    from devsecops_eda.ledger import open_ledger

    settings = app.settings
    ledger = open_ledger(settings.gate.database, existing=True)
    try:
        yield Reader(ledger, open_evidence(settings.evidence_url))
    finally:
        ledger.close()
