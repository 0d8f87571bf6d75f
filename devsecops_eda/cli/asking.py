"""Asking the gate what is recorded, and telling it a person's word and seeing what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from devsecops_eda.broker import Deadline
from devsecops_eda.cli.context import App
from devsecops_eda.cli.telling import connected
from devsecops_eda.codec.payloads import to_data
from devsecops_eda.errors import DevSecOpsError, NotAuthorisedError, UnavailableError
from devsecops_eda.model import Event, Listed, ListingMade, ListingRequested
from devsecops_eda.waiting import Patience

if TYPE_CHECKING:
    from devsecops_eda.client import Client

T = TypeVar("T")

OUTPUT_VERSION = 1
ANSWER_S = 15.0
"""So long an answer of the gate is waited for."""

repo_option = click.option(
    "--repo", metavar="KEY", help="The repository it is about; who is held to some has to say it."
)
"""The option of what is named by an id: an approver may be held to some repositories."""


class _NotShownError(DevSecOpsError):
    """The gate answered, and does not know of a fact yet."""


def listed(
    client: Client, request: ListingRequested, *, timeout_s: float = ANSWER_S
) -> ListingMade:
    """Return what the gate has recorded.

    Raises:
        UnavailableError: no gate answered in time.
        The errors of `Client.publish`.
    """
    try:
        return client.list(request, timeout_s=timeout_s)
    except NotAuthorisedError as error:
        if request.repo is not None:
            raise
        raise NotAuthorisedError(
            f"{error}; who is held to some repositories has to say which: --repo KEY"
        ) from error


def one_listed(client: Client, of: Listed, id_: str, *, repo: str | None) -> ListingMade:
    """Return the listing of one thing by its id.

    Raises:
        click.UsageError: the gate knows none by that id.
        UnavailableError: no gate answered in time.
    """
    made = listed(client, ListingRequested(of=of, repo=repo, about=id_, every=True))
    if not (made.approvals or made.waivers or made.overrides):
        where = f" in {repo}" if repo else ""
        raise click.UsageError(f"the gate has no {of.value.removesuffix('s')} {id_!r}{where}")
    return made


def show_one(
    app: App,
    of: Listed,
    id_: str,
    *,
    repo: str | None,
    form: str,
    text: Callable[[ListingMade], str],
) -> None:
    """Print the listing of one thing by its id, as JSON or as ``text`` has it.

    Raises:
        The errors of `one_listed` and of connecting.
    """
    with connected(app) as client:
        made = one_listed(client, of, id_, repo=repo)
    click.echo(written(made) if form == "json" else text(made), nl=False)


def told(
    client: Client,
    event: Event,
    request: ListingRequested,
    found: Callable[[ListingMade], T | None],
    *,
    look: str,
    doubt: str = "",
    timeout_s: float = ANSWER_S,
) -> T:
    """Tell ``event`` and return what the gate made of it, as soon as a listing shows it.

    ``look`` is the command that shows it later, ``doubt`` why the gate may have refused it.

    Raises:
        UnavailableError: it was told, and no listing showed it in time.
        The errors of `Client.publish`.
    """
    client.publish(event, timeout_s=timeout_s)
    deadline = Deadline.after(timeout_s)
    what = f"{event.type.value} {event.id}"

    def shown() -> T:
        answer = found(listed(client, request, timeout_s=max(deadline.left_s, 1.0)))
        if answer is None:
            raise _NotShownError(f"the gate shows nothing of {what} yet")
        return answer

    try:
        return Patience(timeout_s).wait_out(shown, what="the gate", errors=_NotShownError)
    except _NotShownError as error:
        raise UnavailableError(
            f"{what} was told, and the gate shows nothing of it{doubt and f' ({doubt})'}: it"
            f" refused it (the dead letters say why), or it has much to do (`{look}` shows it"
            " later)"
        ) from error
    except UnavailableError as error:
        raise UnavailableError(
            f"{what} was told and waits for the gate, do not tell it again; {error}. Later"
            f" `{look}` shows what came of it"
        ) from error


def written(made: ListingMade) -> str:
    """Return a listing as JSON: the data of its event (docs/events.md); it ends in a line break.

    What was asked for stands in it, also where there is none.
    """
    document = {"version": OUTPUT_VERSION, made.of.value: [], **to_data(made)}
    return json.dumps(document, indent=2) + "\n"


def now() -> datetime:
    """Return this instant."""
    return datetime.now(UTC)
