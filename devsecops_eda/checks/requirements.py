"""Requirement files, read as pip reads them (pip documentation, "Requirements File Format").

Nothing is fetched, executed or expanded: what pip would fetch from elsewhere is a gap.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from devsecops_eda.checks.pins import Pin, exact_version, pin, shown

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_PER_REQUIREMENT = re.compile(r"\s+--?(?:hash|global-option|config-settings?|C)\b.*$", re.DOTALL)
_OPTION = re.compile(r"(--[A-Za-z][\w-]*|-[A-Za-z])[=\s]*(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_BEGINNING = re.compile(r"[^\s=:;<>!~\"'$]+")
_URL = re.compile(r"[A-Za-z][\w+.-]*:")
# They choose where or how, not what; whatever they serve is still named and pinned by its line.
_HARMLESS_OPTIONS = frozenset(
    {"--require-hashes", "--no-binary", "--only-binary", "--prefer-binary", "--pre"}
    | {"--use-feature", "--no-index"}
)
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}


@dataclass(frozen=True, slots=True)
class Include:
    """Another file that a requirement file takes in, as it is written there."""

    name: str
    constraint: bool


@dataclass(slots=True)
class RequirementFile:
    """What one requirement file says, before its includes are followed.

    ``unpinned`` maps a reason to the canonical name of the package: a constraint may pin it.
    """

    pins: list[Pin] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unpinned: dict[str, str] = field(default_factory=dict)
    includes: list[Include] = field(default_factory=list)


def read_requirements(content: bytes) -> RequirementFile:
    """Return what a requirement file says; pure."""
    read = RequirementFile()
    text = _decoded(content)
    if text is None:
        read.gaps.append("not text in an encoding pip reads")
        return read
    for number, line in _logical_lines(text):
        if _VARIABLE.search(line):
            read.gaps.append(f"an environment variable decides: {_what(_bare(line))}")
        elif line.startswith("-"):
            _option(line, read)
        else:
            _requirement(line, number, read)
    return read


def _decoded(content: bytes) -> str | None:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            try:
                return content[len(bom) :].decode(encoding)
            except UnicodeDecodeError:
                return None
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, joined line without comment), empty ones left out."""
    # pip uses str.splitlines: there a form feed ends a line, here we must not read less than it.
    held: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first if held else number
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            held.append(line[:-1])
            continue
        # A comment ends a continuation, as in pip.
        held.append(" " + line if comment else line)
        joined = _COMMENT.sub("", "".join(held)).strip()
        held = []
        if joined:
            yield first, joined
    rest = _COMMENT.sub("", "".join(held)).strip()
    if rest:
        yield first, rest


def _option(line: str, read: RequirementFile) -> None:
    found = _OPTION.match(line)
    word, value = (found[1], found[2].strip().strip("\"'")) if found else ("-", "")
    if word in _INCLUDES:
        read.includes.append(Include(value, _INCLUDES[word]))
    elif word in ("-e", "--editable"):
        read.gaps.append(f"editable, no released version: {_what(value)}")
    elif word not in _HARMLESS_OPTIONS:
        # Not its value: an index URL often holds a password.
        read.gaps.append(f"the option {shown(word)} changes where packages come from")


def _requirement(line: str, number: int, read: RequirementFile) -> None:
    bare = _bare(line)
    try:
        requirement = Requirement(bare)
    except InvalidRequirement:
        read.gaps.append(f"no released version: {_what(bare)}")
        return
    if requirement.url is not None:
        read.gaps.append(f"from a URL, no released version: {shown(requirement.name)}")
        return
    version = exact_version(requirement.specifier)
    pinned = pin(requirement.name, version, number)
    if pinned:
        read.pins.append(pinned)
    else:
        wanted = f"{requirement.name}{requirement.specifier}"
        read.unpinned[f"unpinned: {shown(wanted)}"] = canonicalize_name(requirement.name)


def _bare(line: str) -> str:
    return _PER_REQUIREMENT.sub("", line).strip()


def _what(text: str) -> str:
    """Name a requirement that is none, without what may be secret in a URL."""
    egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", text)
    if egg:
        return shown(egg[1])
    named = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*@", text)
    if named:
        return shown(named[1])
    if _URL.match(text) or "://" in text or "@" in text:
        return "a URL"
    # Whatever it is: behind a = may stand a password (`DB_PASSWORD=…` in a file so called).
    begun = _BEGINNING.match(text)
    return shown(begun[0]) if begun else "no name"
