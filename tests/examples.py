"""The examples in `events/`, as the installed package has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from devsecops_eda.codec import decode
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import Event, EventType


@dataclass(frozen=True, slots=True)
class Example:
    """One file; an invalid one says what the door must answer."""

    type: str
    name: str
    body: bytes
    reason: RefusalReason | None = None
    path: str = ""

    def __str__(self) -> str:
        return f"{self.type}/{self.name}"


def folder(*parts: str) -> Traversable:
    """A folder of `devsecops_eda.events`."""
    return resources.files("devsecops_eda.events").joinpath(*parts)


@cache
def good() -> tuple[Example, ...]:
    """All golden examples."""
    return tuple(
        Example(type_.value, file.name, file.read_bytes())
        for type_ in EventType
        for file in sorted(folder(type_.value, "golden").iterdir(), key=str)
    )


@cache
def bad() -> tuple[Example, ...]:
    """All invalid examples with what is expected of them."""
    return tuple(
        Example(
            type_.value,
            name,
            folder(type_.value, "invalid", name).read_bytes(),
            RefusalReason(expected["reason"]),
            expected["path"],
        )
        for type_ in EventType
        for name, expected in json.loads(
            folder(type_.value, "invalid", "expected.json").read_bytes()
        ).items()
    )


def golden(type_: str, name: str) -> Event:
    """The event in one golden example."""
    return decode(folder(type_, "golden", f"{name}.json").read_bytes())
