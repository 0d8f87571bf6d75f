"""`devsecops-eda approvals`: what waits for people, and voting on it."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from devsecops_eda.cli import asking
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.listings import approval_line, approval_text
from devsecops_eda.cli.telling import connected
from devsecops_eda.model import (
    ApprovalListed,
    Ballot,
    CountedVote,
    Listed,
    ListingMade,
    ListingRequested,
)
from devsecops_eda.reports import plain, sentence


def _digest(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and re.fullmatch("sha256:[0-9a-f]{64}", value) is None:
        raise click.BadParameter(f"{value!r} is no view: `show` prints sha256:…", ctx, param)
    return value


_format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_yes_option = click.option("--yes", is_flag=True, help="Do not ask before the vote is told.")
_comment_option = click.option("--comment", default="", help="Why, for the record.")
_view_option = click.option(
    "--view",
    metavar="DIGEST",
    callback=_digest,
    help="The view you saw, as `show` printed it; else the newest.",
)


@click.group()
def approvals() -> None:
    """See what waits for people, and vote on exactly that revision."""


@approvals.command("list")
@click.option("--repo", help="Only this repository.")
@click.option("--mine", is_flag=True, help="Only where I may vote (by [people]).")
@click.option("--every", is_flag=True, help="Also what is closed or void.")
@_format_option
@pass_app
def list_(app: App, repo: str | None, mine: bool, every: bool, form: str) -> None:
    """List what waits for people; what waits for you stands first.

    Who you are is read from [people] in the configuration and the user in the broker's URL.
    """
    with connected(app) as client:
        me = app.settings.people.of_user(client.user)
        request = ListingRequested(of=Listed.APPROVALS, repo=repo, every=every)
        made = asking.listed(client, request)
    rounds = sorted(made.approvals, key=lambda one: (me not in one.request.eligible, one.opened_at))
    if mine:
        rounds = [one for one in rounds if me is not None and me in one.request.eligible]
    if form == "json":
        click.echo(asking.written(made), nl=False)
        return
    for one in rounds:
        mark = "*" if me in one.request.eligible else " "
        click.echo(f"{mark} {approval_line(one, asking.now())}")
    if made.more:
        click.echo(f"and {made.more} more; --repo narrows the list")
    if not rounds:
        click.echo("nothing waits for you" if mine else "nothing waits for people")


@approvals.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@_format_option
@pass_app
def show(app: App, id_: str, repo: str | None, form: str) -> None:
    """Print what is asked, of whom, who is excluded and why, and what has been voted."""

    def text(made: ListingMade) -> str:
        return approval_text(made.approvals[0], asking.now())

    asking.show_one(app, Listed.APPROVALS, id_, repo=repo, form=form, text=text)


@approvals.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@_comment_option
@_view_option
@_yes_option
@pass_app
def approve(app: App, /, id_: str, **said: Any) -> int:
    """Vote for it: for exactly the subject that `show` prints.

    Exit status: 0 the vote counts, 1 it does not, 2 there is no such approval, 3 no answer.
    """
    return _vote(app, id_, Ballot.APPROVE, **said)


@approvals.command()
@click.argument("id_", metavar="ID")
@asking.repo_option
@_comment_option
@_view_option
@_yes_option
@pass_app
def reject(app: App, /, id_: str, **said: Any) -> int:
    """Veto it: one veto by somebody eligible denies.

    Exit status: as `approve`.
    """
    return _vote(app, id_, Ballot.REJECT, **said)


def _vote(
    app: App,
    id_: str,
    vote: Ballot,
    *,
    repo: str | None,
    comment: str,
    view: str | None,
    yes: bool,
) -> int:
    from devsecops_eda.client import approval_voted

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here whether this vote is meant: say --yes")
    with connected(app) as client:
        shown = asking.one_listed(client, Listed.APPROVALS, id_, repo=repo).approvals[0]
        request = shown.request
        about = f"{plain(str(request.subject))}"
        if request.environment:
            about += f" to {plain(request.environment)}"
        if not yes:
            click.echo(approval_text(shown, asking.now()), nl=False)
            click.confirm(f"{vote.value} {about}?", abort=True)
        event = approval_voted(
            request.approval,
            subject=request.subject,
            vote=vote,
            view=view or request.view,
            comment=comment,
            now=asking.now(),
        )

        def found(made: ListingMade) -> tuple[ApprovalListed, CountedVote] | None:
            for one in made.approvals:
                for cast in one.votes:
                    if cast.event == event.id:
                        return one, cast
            return None

        wanted = ListingRequested(of=Listed.APPROVALS, repo=repo, about=id_, every=True)
        look = f"devsecops-eda approvals show {id_}"
        listed, cast = asking.told(client, event, wanted, found, look=look)
    if not cast.counted:
        click.echo(f"{vote.value} {about}: it does not count: {sentence(cast.reason)}")
        return ExitCode.DENY
    counted = sum(one.counted and one.vote is Ballot.APPROVE for one in listed.votes)
    stands = listed.closing.value if listed.closing else f"{counted} of {request.n} votes"
    click.echo(f"{vote.value} {about}: it counts; {stands}")
    return ExitCode.ALLOW
