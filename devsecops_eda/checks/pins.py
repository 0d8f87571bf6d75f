"""What a manifest says: exact versions, and requirements nobody can judge."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

MAX_WORDS = 120


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One package in one exact version; ``line`` counts from 1, 0 means the whole file."""

    name: str
    version: str
    line: int = 0

    @property
    def text(self) -> str:
        """Return the pin as a requirement line."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one manifest. ``gaps`` are reasons, each with the package it is about."""

    pins: tuple[Pin, ...] = ()
    gaps: tuple[str, ...] = ()


def pin(name: object, version: object, line: int = 0) -> Pin | None:
    """Return the pin, name and version in normal form; None when either is no such thing."""
    if not isinstance(name, str) or not isinstance(version, str) or not version.isascii():
        return None
    canonical = canonicalize_name(name)
    if not is_normalized_name(canonical):
        return None
    try:
        return Pin(canonical, str(Version(version)), line)
    except InvalidVersion:
        return None


def exact_version(specifiers: SpecifierSet) -> str | None:
    """Return the version that ``specifiers`` allow alone (``==`` or ``===``), else None."""
    for one in specifiers:
        if one.operator in ("==", "===") and not one.version.endswith(".*"):
            try:
                return str(Version(one.version))
            except InvalidVersion:
                return None
    return None


def specifiers_of(text: str) -> SpecifierSet | None:
    """Return version specifiers, None when ``text`` is none."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def shown(text: str) -> str:
    """Return hostile text as it may stand in a reason: one line, printable, short."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"
