"""`devsecops-eda override`: breaking the glass over one decision, and looking at it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import click

from devsecops_eda.cli import asking
from devsecops_eda.cli.about import uuid_of
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.listings import at, override_line
from devsecops_eda.cli.spans import instant_or_span
from devsecops_eda.cli.telling import connected
from devsecops_eda.model import (
    Identity,
    Listed,
    ListingMade,
    ListingRequested,
    OverrideListed,
    OverrideState,
)
from devsecops_eda.reports import sentence

_format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)

_LOOK = "devsecops-eda override list --every"


@click.group()
def override() -> None:
    """Break the glass over one decision; it stays what it is, and is reviewed afterwards."""


@override.command()
@click.argument("decision", metavar="DECISION")
@click.option("--repo", required=True, help="Key of the repository the decision is about.")
@click.option("--reason", required=True, help="Why it cannot wait, for the record.")
@click.option("--incident", default="", help="The incident it is for.")
@click.option(
    "--expires", default="1h", show_default=True, callback=instant_or_span, metavar="TIME",
    help="When it ends: a span from now or an instant.",
)  # fmt: skip
@pass_app
def request(
    app: App,
    decision: str,
    repo: str,
    reason: str,
    incident: str,
    expires: datetime | timedelta,
) -> int:
    """Override the decision with this id, for a short while. Everybody is told.

    A job takes it with --accept-override. Exit status: 0 it is active, 1 it was refused: the
    message says why; 3 no answer.
    """
    from devsecops_eda.client import override_requested

    decision = uuid_of(decision, "decision")
    now = asking.now()
    event = override_requested(
        decision,
        repo=repo,
        reason=reason,
        incident=incident,
        expires_at=now + expires if isinstance(expires, timedelta) else expires,
        now=now,
    )
    with connected(app) as client:
        id_ = Identity(client.user, event.source, event.id).derived("override")
        doubt = f"is there a decision {decision} about {repo}?"
        about = _about(id_, repo)
        one = asking.told(client, event, about, _of(id_), look=_LOOK, doubt=doubt)
    click.echo(override_line(one, asking.now()))
    if one.told.state is not OverrideState.ACTIVE:
        click.echo(f"refused: {sentence(one.told.message)}")
        return ExitCode.DENY
    if one.told.review_due:
        click.echo(f"somebody else has to review it by {at(one.told.review_due)}", err=True)
    return ExitCode.ALLOW


@override.command("list")
@click.option("--repo", help="Only this repository.")
@click.option("--every", is_flag=True, help="Also what is over and reviewed, and what was refused.")
@_format_option
@pass_app
def list_(app: App, repo: str | None, every: bool, form: str) -> None:
    """List overrides: those in force, and those whose review is owed."""
    with connected(app) as client:
        request_ = ListingRequested(of=Listed.OVERRIDES, repo=repo, every=every)
        made = asking.listed(client, request_)
    if form == "json":
        click.echo(asking.written(made), nl=False)
        return
    for one in sorted(made.overrides, key=lambda each: each.requested_at):
        click.echo(override_line(one, asking.now()))
    if made.more:
        click.echo(f"and {made.more} more; --repo narrows the list")
    if not made.overrides:
        click.echo("no overrides")


@override.command()
@click.argument("id_", metavar="ID")
@click.option("--justified/--unjustified", required=True, help="What you found.")
@asking.repo_option
@click.option("--comment", default="", help="Why, for the record.")
@pass_app
def review(app: App, id_: str, repo: str | None, justified: bool, comment: str) -> int:
    """Look at an override afterwards: somebody else than who declared it.

    Exit status: 0 it is recorded, 1 it does not count, 2 there is none, 3 no answer.
    """
    from devsecops_eda.client import override_reviewed

    with connected(app) as client:
        shown = asking.one_listed(client, Listed.OVERRIDES, id_, repo=repo).overrides[0]
        event = override_reviewed(
            id_, repo=shown.told.repo, justified=justified, comment=comment, now=asking.now()
        )

        def found(made: ListingMade) -> OverrideListed | None:
            return next((one for one in made.overrides if event.id in one.events), None)

        one = asking.told(client, event, _about(id_, repo), found, look=_LOOK)
    click.echo(override_line(one, asking.now()))
    if one.review != event.id:
        click.echo(f"it does not count: {sentence(one.message)}")
        return ExitCode.DENY
    return ExitCode.ALLOW


def _about(id_: str, repo: str | None) -> ListingRequested:
    return ListingRequested(of=Listed.OVERRIDES, repo=repo, about=id_, every=True)


def _of(id_: str) -> Callable[[ListingMade], OverrideListed | None]:
    def found(made: ListingMade) -> OverrideListed | None:
        return next((one for one in made.overrides if one.told.override == id_), None)

    return found
