"""`devsecops-eda waiver`: time-boxed exceptions, asked for by one person and granted by another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import click

from devsecops_eda.cli import asking
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.listings import at, waiver_line, waiver_text
from devsecops_eda.cli.spans import instant_or_span, span_of
from devsecops_eda.cli.telling import connected
from devsecops_eda.model import (
    Event,
    Identity,
    Listed,
    ListingMade,
    ListingRequested,
    Subject,
    WaiverListed,
    WaiverReason,
    WaiverScope,
    WaiverState,
)

_format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_HOLDS = frozenset({WaiverState.ACTIVE, WaiverState.PLANNED})


@click.group()
def waiver() -> None:
    """Ask for, grant, revoke and list time-boxed exceptions."""


@waiver.command()
@click.option("--repo", required=True, help="Key of the repository.")
@click.option("--finding", metavar="FINGERPRINT", help="The finding, as a report names it.")
@click.option("--advisory", help="Id or alias of an advisory; with --package.")
@click.option("--package", help="The package the advisory is about.")
@click.option("--requirement", help="Id of a rule whose scan is missing; with --sha or --artifact.")
@click.option("--sha", help="The commit a requirement is waived for.")
@click.option("--artifact", metavar="DIGEST", help="The artifact a requirement is waived for.")
@click.option(
    "--reason", required=True, type=click.Choice([one.value for one in WaiverReason]),
    help="The class of reason.",
)  # fmt: skip
@click.option("--justification", required=True, help="Why this is right, for the record.")
@click.option(
    "--expires", required=True, callback=instant_or_span, metavar="TIME",
    help="When it ends: a span from now (14d) or an instant (2027-01-31T00:00:00Z).",
)  # fmt: skip
@click.option(
    "--starts", callback=instant_or_span, metavar="TIME", help="When it begins; else at the grant."
)
@click.option("--environment", help="Only for this environment.")
@click.option("--ticket", default="", help="Where it is followed up.")
@pass_app
def request(
    app: App,
    repo: str,
    finding: str | None,
    advisory: str | None,
    package: str | None,
    requirement: str | None,
    sha: str | None,
    artifact: str | None,
    reason: str,
    justification: str,
    expires: datetime | timedelta,
    starts: datetime | timedelta | None,
    environment: str | None,
    ticket: str,
) -> None:
    """Ask for a waiver of one finding, of one advisory in a package, or of one missing scan.

    Somebody else has to grant it. Prints the waiver's id.
    """
    from devsecops_eda.client import waiver_requested

    now = asking.now()
    ends = _instant(expires, now)
    if ends <= now:
        raise click.BadParameter(f"{at(ends)} is over already", param_hint="--expires")
    event = waiver_requested(
        repo,
        scope=_scope(repo, finding, advisory, package, requirement, sha, artifact),
        reason=WaiverReason(reason),
        justification=justification,
        expires_at=ends,
        starts_at=_instant(starts, now) if starts is not None else None,
        environment=environment,
        ticket=ticket,
        now=now,
    )
    with connected(app) as client:
        id_ = Identity(client.user, event.source, event.id).derived("waiver")
        one = asking.told(client, event, _about(id_, repo), _known(event), look=_look(id_))
    click.echo(waiver_text(one, asking.now()), nl=False)
    if one.state is WaiverState.REQUESTED:
        click.echo(f"to grant it, somebody else says: devsecops-eda waiver grant {id_}", err=True)


@waiver.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@click.option("--comment", default="", help="Why, for the record.")
@pass_app
def grant(app: App, id_: str, repo: str | None, comment: str) -> int:
    """Grant the waiver ID as it was asked for.

    Exit status: 0 it holds, 1 it does not: the message says why; 2 there is none; 3 no answer.
    """
    from devsecops_eda.client import waiver_granted

    with connected(app) as client:
        shown = asking.one_listed(client, Listed.WAIVERS, id_, repo=repo).waivers[0]
        event = waiver_granted(id_, repo=shown.request.repo, comment=comment, now=asking.now())
        one = asking.told(client, event, _about(id_, repo), _known(event), look=_look(id_))
    click.echo(waiver_text(one, asking.now()), nl=False)
    return ExitCode.ALLOW if one.state in _HOLDS else ExitCode.DENY


@waiver.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@click.option("--reason", default="", help="Why, for the record.")
@pass_app
def revoke(app: App, id_: str, repo: str | None, reason: str) -> int:
    """End the waiver ID, for good: whoever asked for it, or whoever may grant one.

    Exit status: 0 it is revoked, 1 it is not: the message says why; 2 there is none; 3 no answer.
    """
    from devsecops_eda.client import waiver_revoked

    with connected(app) as client:
        shown = asking.one_listed(client, Listed.WAIVERS, id_, repo=repo).waivers[0]
        event = waiver_revoked(id_, repo=shown.request.repo, reason=reason, now=asking.now())
        one = asking.told(client, event, _about(id_, repo), _known(event), look=_look(id_))
    click.echo(waiver_text(one, asking.now()), nl=False)
    return ExitCode.ALLOW if one.state is WaiverState.REVOKED else ExitCode.DENY


@waiver.command("list")
@click.option("--repo", help="Only this repository.")
@click.option("--expiring", callback=span_of, metavar="TIME", help="Only what ends within (14d).")
@click.option("--every", is_flag=True, help="Also what was revoked, and what ended ungranted.")
@_format_option
@pass_app
def list_(app: App, repo: str | None, expiring: timedelta | None, every: bool, form: str) -> None:
    """List waivers, those that end first first."""
    seconds = int(expiring.total_seconds()) if expiring is not None else None
    request = ListingRequested(of=Listed.WAIVERS, repo=repo, every=every, expiring_s=seconds)
    with connected(app) as client:
        made = asking.listed(client, request)
    if form == "json":
        click.echo(asking.written(made), nl=False)
        return
    for one in sorted(made.waivers, key=lambda each: (each.request.expires_at, each.waiver)):
        click.echo(waiver_line(one, asking.now()))
    if made.more:
        click.echo(f"and {made.more} more; --repo narrows the list")
    if not made.waivers:
        click.echo("no waivers" if expiring is None else "no waiver ends so soon")


@waiver.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@_format_option
@pass_app
def show(app: App, id_: str, repo: str | None, form: str) -> None:
    """Print one waiver: what it covers, who asked, who granted, and how it stands."""

    def text(made: ListingMade) -> str:
        return waiver_text(made.waivers[0], asking.now())

    asking.show_one(app, Listed.WAIVERS, id_, repo=repo, form=form, text=text)


def _scope(
    repo: str,
    finding: str | None,
    advisory: str | None,
    package: str | None,
    requirement: str | None,
    sha: str | None,
    artifact: str | None,
) -> WaiverScope:
    try:
        subject = None
        if sha is not None:
            subject = Subject.commit(repo, sha)
        elif artifact is not None:
            subject = Subject.artifact(artifact, repo)
        return WaiverScope(
            fingerprint=finding or "",
            advisory=advisory or "",
            package=package or "",
            requirement=requirement or "",
            subject=subject,
        )
    except ValueError as error:
        raise click.UsageError(
            f"{error}: give --finding, or --advisory and --package, or --requirement and --sha"
            " (or --artifact)"
        ) from error


def _about(id_: str, repo: str | None) -> ListingRequested:
    return ListingRequested(of=Listed.WAIVERS, repo=repo, about=id_, every=True)


def _look(id_: str) -> str:
    return f"devsecops-eda waiver show {id_}"


def _known(event: Event) -> Callable[[ListingMade], WaiverListed | None]:
    def found(made: ListingMade) -> WaiverListed | None:
        return next((one for one in made.waivers if event.id in one.events), None)

    return found


def _instant(given: datetime | timedelta, now: datetime) -> datetime:
    return now + given if isinstance(given, timedelta) else given
