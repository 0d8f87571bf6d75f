"""Which line of a TOML file a key stands on; tomllib does not say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

MAX_BYTES = 1024**2
_MAX_LINES_OF_A_VALUE = 500
_SYNTAX = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of .*)\)"
)


def syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, str]:
    """Return where (``line:column``) and what is wrong in ``text``."""
    match = _SYNTAX.fullmatch(str(error))
    if match is None:
        return "1:1", str(error)
    if match["line"] is None:
        lines = text.splitlines() or [""]
        end = f"{len(lines)}:{len(lines[-1]) + 1}"
        return end, f"{match['what']} at the end of the file"
    return f"{match['line']}:{match['column']}", match["what"]


def lines_of(text: str) -> Mapping[tuple[str, ...], int]:
    """Return the line (from 1) of every key and table in ``text``, which must be valid TOML.

    The parser itself says where a statement ends: lines are gathered until it takes them.
    """
    lines: dict[tuple[str, ...], int] = {}
    header, chunk, start = "", "", 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not chunk:
            start = number
        chunk += line
        if number - start > _MAX_LINES_OF_A_VALUE:
            return lines
        try:
            found = tomllib.loads(header + chunk)
        except tomllib.TOMLDecodeError:
            continue
        if chunk.lstrip().startswith("["):
            header = chunk
        for path in _paths(found):
            lines.setdefault(path, start)
        chunk = ""
    return lines


def _paths(table: Mapping[str, object]) -> list[tuple[str, ...]]:
    """Return the paths of all tables and keys in ``table``, outer before inner."""
    found: list[tuple[str, ...]] = []
    for key, value in table.items():
        found.append((key,))
        if isinstance(value, dict):
            found.extend((key, *inner) for inner in _paths(value))
    return found
