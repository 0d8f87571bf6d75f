"""A configuration file as key paths and values, each of a key that exists."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.settings.keys import KEYS, NAME, Key
from devsecops_eda.settings.places import MAX_BYTES, lines_of, syntax_error
from devsecops_eda.settings.readers import kind_of

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: Iterable[str]) -> str:
    """Return a key path as TOML writes it: ``repositories."acme/app".url``."""
    return ".".join(
        part if _BARE.fullmatch(part) else '"' + part.replace('"', '\\"') + '"' for part in path
    )


def nearest(word: str, words: Iterable[str]) -> str:
    """Return a sentence part that names what was probably meant, else what there is."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"


@dataclass(frozen=True)
class Document:
    """The values of one file; ``file`` is None where there is no file at all."""

    file: Path | None
    text: str
    values: Mapping[tuple[str, ...], object]
    names: Mapping[str, tuple[str, ...]]

    @cached_property
    def _lines(self) -> Mapping[tuple[str, ...], int]:
        return lines_of(self.text)

    def place(self, path: tuple[str, ...]) -> str:
        """Return ``file:line`` of the key at ``path``."""
        line = self._lines.get(path)
        return f"{self.file}:{line}" if line else str(self.file)

    def refusal(self, path: tuple[str, ...], message: str) -> InvalidSettingsError:
        """Return the error that says what is wrong with the key at ``path``."""
        return InvalidSettingsError(f"{self.place(path)}: {dotted(path)}: {message}")


def read_document(text: str, *, file: Path | None) -> Document:
    """Return the values in ``text``, of keys that exist only.

    Raises:
        InvalidSettingsError: no TOML, over MAX_BYTES, or a key nobody knows.
    """
    if len(text.encode()) > MAX_BYTES:
        raise InvalidSettingsError(f"{file}: is over {MAX_BYTES} bytes")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where, what = syntax_error(error, text)
        raise InvalidSettingsError(f"{file}:{where}: {what}") from error
    except RecursionError as error:
        raise InvalidSettingsError(f"{file}: is nested too deep") from error
    values: dict[tuple[str, ...], object] = {}
    names: dict[str, tuple[str, ...]] = {}
    document = Document(file, text, values, names)
    _walk(table, (), document, values, names)
    return document


def _walk(
    table: Mapping[str, object],
    prefix: tuple[str, ...],
    document: Document,
    values: dict[tuple[str, ...], object],
    names: dict[str, tuple[str, ...]],
) -> None:
    below = [key for key in KEYS if _begins(key.path, prefix)]
    known = {key.path[len(prefix)] for key in below}
    named = NAME in known
    if named:
        names[dotted(prefix)] = tuple(table)
    for word, value in table.items():
        path = (*prefix, word)
        if not named and word not in known:
            raise document.refusal(path, f"there is no such key; {nearest(word, known)}")
        if key_at(path) is not None:
            values[path] = value
        elif isinstance(value, dict):
            _walk(value, path, document, values, names)
        else:
            raise document.refusal(path, f"must be a table, not {kind_of(value)}")


def key_at(path: tuple[str, ...]) -> Key | None:
    """Return the key that ``path`` is one of, None where there is none."""
    return next((k for k in KEYS if len(k.path) == len(path) and _begins(k.path, path)), None)


def _begins(key: tuple[str, ...], prefix: tuple[str, ...]) -> bool:
    return len(key) >= len(prefix) and all(
        want in (NAME, have) for want, have in zip(key, prefix, strict=False)
    )
