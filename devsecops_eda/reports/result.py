"""What a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from devsecops_eda.model import Decision, Finding, Outcome, Subject, WaiverListed

LineOf = Callable[[str, int], str | None]
"""Gives a line of the reader's own checkout (path, line from 1), None where there is none."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a report does not show though it is there; ``check`` empty: of any check."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside a scan.

    With a lack the report is incomplete and says so. ``bases`` has, per check, the findings of
    the commit the judged one is compared with; a check that is not in it was not compared.
    ``waivers`` are those that the decision rests on.
    """

    lacks: tuple[Lack, ...] = ()
    bases: Mapping[str, tuple[Finding, ...]] = field(default_factory=lambda: MappingProxyType({}))
    waivers: tuple[WaiverListed, ...] = ()


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

    @property
    def context(self) -> Context:
        """Return what is known beside the scan itself."""
        ...
