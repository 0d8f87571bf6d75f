"""The options that say what is judged, and the ones of whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import click

from devsecops_eda.model import DEFAULT_GATE

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_BRANCH = "main"
"""Without a branch we say the one that is protected: leaving it out makes nothing easier."""


def subject_options(*, required: bool) -> Callable[[Command], Command]:
    """Add the options that name what is judged."""
    return _all(
        click.option("--repo", required=required, help="Key of the repository."),
        click.option("--sha", help="Full sha of the commit."),
        click.option("--branch", help=f"Branch it was pushed to.  [default: {DEFAULT_BRANCH}]"),
        click.option("--target", metavar="REF", help="Branch it is to be merged into."),
        click.option("--gate", default=DEFAULT_GATE, show_default=True, help="Who decides."),
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text"),
    )


accept_override = click.option(
    "--accept-override",
    is_flag=True,
    help="Exit with 0 while an override of the decision is in force.",
)
"""The option that goes by an override."""


def uuid_of(given: str, what: str = "flow") -> str:
    """Return the id of a flow, or of ``what``, in its one spelling.

    Raises:
        UsageError: it is none.
    """
    try:
        return str(UUID(given))
    except ValueError as error:
        raise click.UsageError(f"{given!r} is no {what}: it looks like a UUID") from error


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
