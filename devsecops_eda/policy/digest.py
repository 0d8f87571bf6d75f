"""The digest of what a policy means: every field of every value in it, and no layout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum


def digest_of(meaning: object) -> str:
    """Return ``sha256:<hex>`` of values: equal digests mean equal values.

    Takes dataclasses, tuples, lists, sets, enums, text, numbers, truth, instants, days and spans.

    Raises:
        TypeError: a value of another kind, whose text might leave something out.
    """
    text = json.dumps(_plain(meaning), separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case tuple() | list():
            return [_plain(one) for one in value]
        case frozenset():
            return sorted((_plain(one) for one in value), key=json.dumps)
    if is_dataclass(value) and not isinstance(value, type):
        # The kind of a rule is no field, and two kinds may have the same fields.
        kind = getattr(value, "kind", type(value).__name__)
        return [kind, [[one.name, _plain(getattr(value, one.name))] for one in fields(value)]]
    raise TypeError(f"no digest covers a {type(value).__name__}")
