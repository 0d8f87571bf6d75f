"""`devsecops-eda rescan`: asking one check to look at a commit again."""

from __future__ import annotations

import click

from devsecops_eda.cli.about import subject_options
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.emitted import event_of
from devsecops_eda.cli.telling import Conversation, connected, seconds_of
from devsecops_eda.model import EventType


@click.command()
@subject_options(required=True)
@click.option("--check", required=True, help="The check that is to look again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--wait",
    "wait_s",
    callback=seconds_of,
    metavar="TIME",
    help="Wait so long for the new decision (90s, 15m, 1h).",
)
@pass_app
def rescan(
    app: App,
    repo: str,
    sha: str | None,
    branch: str | None,
    target: str | None,
    gate: str,
    form: str,
    check: str,
    reason: str,
    wait_s: float | None,
) -> int:
    """Ask for a commit to be scanned again: new rules, new advisories, a repaired scanner.

    Name the same --branch and --target as the push did: a decision is about them too. With --wait,
    the decision returned is one that knows of the new scan.

    Exit status: as `emit --wait`.
    """
    if sha is None:
        raise click.UsageError("Missing option '--sha'.")
    given = {"repo": repo, "sha": sha, "branch": branch, "target": target}
    event = event_of(EventType.SCAN_REQUESTED, {**given, "check": check, "reason": reason}, None)
    about = Conversation(
        form=form,
        flow=event.correlationid,
        repo=repo,
        gate=gate,
        event_id=event.id,
        subject=event.subject,
    )
    about.begin(event.subject)
    if check not in app.settings.checks:
        known = ", ".join(app.settings.checks)
        click.echo(f"note: no check {check!r} is configured here; there are: {known}", err=True)
    with connected(app) as client, about.interruptible():
        if wait_s is None:
            client.publish(event)
            return about.told("published")
        return about.end(client.rescan(event, gate=gate, timeout_s=wait_s, on_event=about.hear))
