"""`devsecops-eda rescan`: asking one check to look at a commit again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click
from click.core import ParameterSource

from devsecops_eda.cli.about import subject_options
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.emitted import event_of
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.telling import OUTPUT_VERSION, Conversation, connected, seconds_of
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import EventType, ScanRequested


@click.command()
@subject_options(required=False)
@click.option("--check", help="The check that is to look again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--wait",
    "wait_s",
    callback=seconds_of,
    metavar="TIME",
    help="Wait so long for the new decision (90s, 15m, 1h).",
)
@click.option(
    "--protected",
    is_flag=True,
    help="On the gate's host: the newest recorded commit of each protected branch.",
)
@click.option(
    "--all-checks", is_flag=True, help="With --protected: every configured check that scans."
)
@pass_app
def rescan(
    app: App,
    /,
    *,
    protected: bool,
    all_checks: bool,
    check: str | None,
    **given: Any,
) -> int:
    """Ask for a commit to be scanned again: new rules, new advisories, a repaired scanner.

    Name the same --branch and --target as the push did: a decision is about them too. With --wait,
    the decision returned is one that knows of the new scan. With --protected the ledger says which
    commits; --repo narrows that to one repository. Asking twice on one day is asking once then.
    It is an operator's word: the user of a CI job may not say it.

    Exit status: as `emit --wait`.
    """
    if (check is None) == (not all_checks):
        raise click.UsageError("give either --check or --all-checks")
    if protected:
        ctx = click.get_current_context()
        for name in ("sha", "branch", "target", "wait_s"):
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError("--protected goes without --sha, --branch, --target, --wait")
        checks = _scanners(app) if check is None else (check,)
        return _protected(app, given["repo"], checks, reason=given["reason"], form=given["form"])
    for name in ("repo", "sha"):
        if given[name] is None:
            raise click.UsageError(f"Missing option '--{name}'.")
    if check is None:
        raise click.UsageError("--all-checks goes with --protected")
    return _one(app, check, **given)


def _one(app: App, check: str, *, gate: str, form: str, wait_s: float | None, **given: Any) -> int:
    event = event_of(EventType.SCAN_REQUESTED, {**given, "check": check}, None)
    about = Conversation(
        form=form,
        flow=event.correlationid,
        repo=given["repo"],
        gate=gate,
        event_id=event.id,
        subject=event.subject,
    )
    about.begin(event.subject)
    _note_unknown(app, check)
    with connected(app) as client, about.interruptible():
        if wait_s is None:
            client.publish(event)
            return about.told("published")
        return about.end(client.rescan(event, gate=gate, timeout_s=wait_s, on_event=about.hear))


def _protected(app: App, repo: str | None, checks: Sequence[str], *, reason: str, form: str) -> int:
    from devsecops_eda.cli.protected import newest, rescans
    from devsecops_eda.ledger import open_ledger

    settings = app.settings
    repositories = settings.repositories
    if repo is not None:
        if repo not in repositories:
            raise ConfigurationError(f"the repository {repo!r} is not configured")
        repositories = {repo: repositories[repo]}
    for check in checks:
        _note_unknown(app, check)
    with closing(open_ledger(settings.gate.database, existing=True)) as ledger:
        pushes = newest(ledger, repositories)
    asked = []
    with connected(app) as client:
        for event in rescans(pushes, checks, reason=reason, now=datetime.now(UTC)):
            client.publish(event)
            asked.append(event)
            if form == "text":
                check = event.data.check if isinstance(event.data, ScanRequested) else ""
                click.echo(f"asked {check} to look at {event.subject} again")
    if form == "json":
        rows = [{"id": one.id, "flow": one.correlationid, "subject": one.subject} for one in asked]
        click.echo(json.dumps({"version": OUTPUT_VERSION, "requests": rows}, indent=2))
    elif not asked:
        click.echo("no push to a protected branch is recorded", err=True)
    return ExitCode.ALLOW


def _scanners(app: App) -> tuple[str, ...]:
    """Return the checks that scan: what `commit` says of a commit does not change."""
    from devsecops_eda.checks import Scanner
    from devsecops_eda.scanning import the_check

    return tuple(name for name in app.settings.checks if isinstance(the_check(name), Scanner))


def _note_unknown(app: App, check: str) -> None:
    if check not in app.settings.checks:
        known = ", ".join(app.settings.checks)
        click.echo(f"note: no check {check!r} is configured here; there are: {known}", err=True)
