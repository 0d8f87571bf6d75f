"""What a report is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devsecops_eda.model import Decision, Outcome, Subject

LineOf = Callable[[str, int], str | None]
"""Gives a line of the reader's own checkout (path, line from 1), None where there is none."""


class Result(Protocol):
    """A finished scan: what was judged, what the checks said (effective, all findings), why.

    ``notes`` are sentences the reader has to know, such as a weaker sandbox.
    """

    @property
    def subject(self) -> Subject:
        """Return what was judged."""
        ...

    @property
    def decision(self) -> Decision:
        """Return what the gate said."""
        ...

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Return one outcome per check."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the reader has to know beside."""
        ...
