"""Values of the model as the text that one column of the ledger keeps."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from cattrs import Converter

from devsecops_eda.codec import format_time, parse_time
from devsecops_eda.model import Severity

_T = TypeVar("_T")


def to_bytes(value: object) -> bytes:
    """Return ``value`` (a dataclass of the model or the policy, or a tuple) as JSON."""
    text = json.dumps(_converter().unstructure(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def from_bytes(kind: type[_T], data: bytes) -> _T:
    """Return the value of this ``kind`` that ``to_bytes`` wrote."""
    return _converter().structure(json.loads(data), kind)


def words_to_text(words: Collection[str]) -> str:
    """Return a set of words as text, the same set as the same text."""
    return json.dumps(sorted(words), ensure_ascii=False)


def words_from_text(text: str) -> frozenset[str]:
    """Return the set of words that ``words_to_text`` wrote."""
    return frozenset(json.loads(text))


@cache
def _converter() -> Converter:
    made = Converter(
        omit_if_default=True,
        detailed_validation=False,
        unstruct_collection_overrides={tuple: list, frozenset: _ordered},
    )
    made.register_unstructure_hook(Severity, lambda severity: severity.word)
    made.register_structure_hook(Severity, lambda word, _: Severity.of(word))
    made.register_unstructure_hook(datetime, format_time)
    made.register_structure_hook(datetime, lambda text, _: parse_time(text))
    return made


def _ordered(words: Any) -> list[Any]:
    return sorted(words)
