"""Lock files of Poetry, uv, PDM, Pipenv and PEP 751: each lists exact versions."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from devsecops_eda.checks.pins import Pin, Reading, exact_version, pin, shown, specifiers_of

_HEADER = re.compile(r"[ \t]*\[\[[ \t]*packages?[ \t]*\]\][ \t]*(?:#.*)?\r?")
_ELSEWHERE = frozenset({"archive", "directory", "file", "git", "path", "svn", "url", "vcs"})
_ITSELF = frozenset({"editable", "virtual"})

_Item = Pin | str


def read_lock(name: str, content: bytes) -> Reading:
    """Return what the lock file called ``name`` pins; what it cannot say is a gap; pure."""
    try:
        text = content.decode("utf-8-sig")
        items = list(LOCKS[_kind(name)](text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Reading(gaps=("not readable as a lock file",))
    return Reading(
        pins=tuple(item for item in items if isinstance(item, Pin)),
        gaps=tuple(item for item in items if isinstance(item, str)),
    )


def is_lock(name: str) -> bool:
    """Return whether a file of that name is a lock file we read."""
    return _kind(name) in LOCKS


def _kind(name: str) -> str:
    return "pylock.toml" if re.fullmatch(r"pylock\.[^.]+\.toml", name) else name


def _toml_packages(text: str, key: str) -> Iterator[tuple[Mapping[str, Any], int]]:
    document = tomllib.loads(text)
    packages = document.get(key, [])
    lines = [n for n, line in enumerate(text.split("\n"), 1) if _HEADER.fullmatch(line)]
    if len(lines) != len(packages):
        lines = [0] * len(packages)
    return iter(list(zip(packages, lines, strict=True)))


def _poetry(text: str) -> Iterator[_Item]:
    for package, line in _toml_packages(text, "package"):
        source = package.get("source", {}).get("type", "legacy")
        if source in _ELSEWHERE:
            yield f"from {shown(source)}, no released version: {shown(str(package['name']))}"
        else:
            yield _pinned(package["name"], package["version"], line)


def _uv(text: str) -> Iterator[_Item]:
    for package, line in _toml_packages(text, "package"):
        source = package.get("source", {})
        if _ITSELF.intersection(source):
            continue
        elsewhere = sorted(_ELSEWHERE.intersection(source))
        if elsewhere:
            yield f"from {elsewhere[0]}, no released version: {shown(str(package['name']))}"
        else:
            yield _pinned(package["name"], package.get("version"), line)


def _pdm(text: str) -> Iterator[_Item]:
    for package, line in _toml_packages(text, "package"):
        elsewhere = sorted(_ELSEWHERE.intersection(package))
        if elsewhere:
            yield f"from {elsewhere[0]}, no released version: {shown(str(package['name']))}"
        else:
            yield _pinned(package["name"], package["version"], line)


def _pylock(text: str) -> Iterator[_Item]:
    for package, line in _toml_packages(text, "packages"):
        if package.get("directory", {}).get("path") == ".":
            continue
        elsewhere = sorted(_ELSEWHERE.intersection(package))
        if elsewhere or "version" not in package:
            where = f"from {elsewhere[0]}, " if elsewhere else ""
            yield f"{where}no released version: {shown(str(package['name']))}"
        else:
            yield _pinned(package["name"], package["version"], line)


def _pipenv(text: str) -> Iterator[_Item]:
    document = json.loads(text)
    lines = {
        found[1]: number
        for number, line in reversed(list(enumerate(text.split("\n"), 1)))
        if (found := re.match(r'[ \t]*"([^"]+)"[ \t]*:[ \t]*\{', line))
    }
    for group, packages in document.items():
        if group == "_meta":
            continue
        for name, package in packages.items():
            specifiers = specifiers_of(package.get("version", ""))
            version = exact_version(specifiers) if specifiers is not None else None
            if _ELSEWHERE.intersection(package) or version is None:
                yield f"no released version: {shown(name)}"
            else:
                yield _pinned(name, version, lines.get(name, 0))


def _pinned(name: object, version: object, line: int) -> _Item:
    return pin(name, version, line) or f"no version of PEP 440: {shown(f'{name} {version}')}"


LOCKS: Mapping[str, Callable[[str], Iterator[_Item]]] = {
    "Pipfile.lock": _pipenv,
    "pdm.lock": _pdm,
    "poetry.lock": _poetry,
    "pylock.toml": _pylock,
    "uv.lock": _uv,
}
