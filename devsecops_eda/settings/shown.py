"""Every setting as a line for a person: key, value, where it came from; secrets masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import durationpy

from devsecops_eda.redaction import MASK, masked
from devsecops_eda.settings.document import dotted, key_at
from devsecops_eda.settings.parse import FIELDS, Loaded
from devsecops_eda.settings.values import Settings
from devsecops_eda.topology import Identities

Shown = str | int | list[str] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; ``value`` is None where nothing is set."""

    key: str
    value: Shown
    origin: str


def rows(loaded: Loaded) -> tuple[Row, ...]:
    """Return every setting that holds, in the table's order, without any secret."""
    values = _values(loaded.settings)
    # The password is in the URL once it is read; its row says only where it came from.
    password = ("broker", "password")
    values[password] = MASK if password in loaded.origins else None
    for path in loaded.origins:
        if path[-1] == "enabled":
            values[path] = path[1] in loaded.settings.checks
    return tuple(
        Row(dotted(path), _shown(path, value), loaded.origin(path))
        for path, value in sorted(values.items())
    )


def _values(settings: Settings) -> dict[tuple[str, ...], Any]:
    """Return what holds, by the path of its key."""
    tables: dict[tuple[str, ...], Any] = {
        (): settings,
        ("broker",): settings.broker,
        ("gate",): settings.gate,
    }
    tables |= {("repositories", name): each for name, each in settings.repositories.items()}
    tables |= {("checks", name): each for name, each in settings.checks.items()}
    tables |= {("people", person.name): person for person in settings.people.persons}
    keys = {field: key for key, field in FIELDS.items()}
    values: dict[tuple[str, ...], Any] = {
        ("evidence", "url"): settings.evidence_url,
        ("worker", "metrics"): settings.worker_metrics,
        ("log", "format"): settings.log_format.value,
    }
    for prefix, table in tables.items():
        for field in table.__dataclass_fields__:
            path = (*prefix, keys.get(field, field))
            if key_at(path) is not None:
                values[path] = getattr(table, field)
    for name, check in settings.checks.items():
        values["checks", name, "user"] = check.user or Identities().worker(name)
    for group, members in settings.people.groups.items():
        values["groups", group] = tuple(sorted(members))
    return values


def _span(seconds: float) -> str:
    # No months and years: of these nobody knows how long they are.
    days, rest = divmod(seconds, 24 * 3600)
    left = str(durationpy.to_str(timedelta(seconds=rest))) if rest or not days else ""
    return f"{days:.0f}d{left}" if days else left


def _shown(path: tuple[str, ...], value: Any) -> Shown:
    match value:
        case float():
            return _span(value)
        case bool():
            return "true" if value else "false"
        case int() if path[-1] == "memory":
            return f"{value // 1024**2}MiB" if value % 1024**2 == 0 else f"{value}B"
        case int() | None:
            return value
        case "":
            return None
        case tuple():
            return [str(item) for item in value]
        case Path():
            return str(value)
    key = key_at(path)
    return masked(str(value)) if key and (key.secret or path[-1] == "url") else str(value)
