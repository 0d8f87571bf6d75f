"""What a CI job is about: each fact with the place it was taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fact:
    """One word about the job, and where it stands."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of the job by itself; options win over all of it.

    ``slug`` is the repository as the CI system names it (``acme/app``), ``url`` where it is.
    ``request`` names this run of the pipeline, the same when it runs again; ``requester`` is who
    set it off. ``unknown`` says per fact why it must not be guessed.
    """

    system: str
    sha: Fact | None = None
    branch: Fact | None = None
    target: Fact | None = None
    slug: Fact | None = None
    url: Fact | None = None
    requester: Fact | None = None
    request: Fact | None = None
    notes: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Fact]:
        """Return the facts there are, by their names."""
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: fact for name, fact in named if isinstance(fact, Fact)}


class Git(Protocol):
    """The checkout the job runs in, asked only for what is not known otherwise."""

    def head(self) -> str | None:
        """Return the commit that is checked out."""
        ...

    def branch(self) -> str | None:
        """Return the branch that is checked out, None for a bare commit."""
        ...

    def upstream(self) -> str | None:
        """Return the branch of the remote that the local one follows, without the remote."""
        ...

    def default_branch(self) -> str | None:
        """Return the remote's default branch as of the last clone or fetch."""
        ...

    def origin(self) -> str | None:
        """Return the URL of the remote ``origin``."""
        ...

    def parents(self, sha: str) -> int | None:
        """Return how many parents a commit has, None where it is not here."""
        ...


def fact(environ: Mapping[str, str], *names: str) -> Fact | None:
    """Return the first of these variables that is there and not empty."""
    return next((Fact(environ[name], name) for name in names if environ.get(name)), None)
