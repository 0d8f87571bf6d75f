"""The seam every check stands behind.

A scanner's adapter is two pure functions: ``command`` (a plan becomes an argument list) and
``parse`` (bytes become a report). ``select`` says which files of a tree it ought to look at and
``inputs`` which rules and data it looks with; the program around it (``scanning``) does the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from devsecops_eda.model import (
    Confidence,
    DataVersion,
    EventType,
    Gap,
    Package,
    Severity,
)

if TYPE_CHECKING:
    from devsecops_eda.settings.listening import Listen


class Tree(Protocol):
    """A scan tree as an adapter sees it: repository paths and their bytes."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the repository path of every file that was written into the tree, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of the file with that repository path."""
        ...

    def size(self, path: str) -> int:
        """Return the size in bytes of the file with that repository path."""
        ...


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What the operator says about one check (``[checks.<name>]``)."""

    name: str
    rules: tuple[Path, ...] = ()
    database: Path | None = None
    max_age_s: float = 7 * 86400.0
    timeout_s: float = 600.0
    memory_bytes: int = 4 * 1024**3
    output_bytes: int = 64 * 1024**2
    slots: int = 2
    user: str | None = None
    metrics: Listen | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a tree a check looks at.

    ``eligible`` are repository paths the scanner must account for; ``gaps`` are files, or parts
    of files, we know beforehand that it cannot judge. ``generated`` are files that we write for
    the scanner instead of the repository's own (name -> bytes), found under ``Plan.generated``.
    """

    eligible: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()
    generated: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a check looks with: rules and data, by digest, and files to be laid beside the tree.

    ``files`` (name -> bytes) are found under ``Plan.inputs``; ``folders`` (name -> folder) are
    bound read-only and found under ``Plan.folders``.
    """

    rules_digest: str | None = None
    data: DataVersion | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a command line needs; every path is absolute as the scanner sees it.

    ``tree`` is the scan tree, ``names`` maps a repository path to its path inside ``tree`` for
    every eligible file, ``generated`` and ``inputs`` are folders with what ``Selection`` and
    ``Inputs`` named, ``empty`` is an empty folder, ``program`` the scanner's executable.
    """

    program: Path
    tree: Path
    names: Mapping[str, str]
    generated: Path
    inputs: Path
    folders: Mapping[str, Path]
    empty: Path
    settings: CheckSettings


@dataclass(frozen=True, slots=True)
class RawFinding:
    """A finding as the adapter reads it: no fingerprint yet, ``path`` as the scanner named it.

    ``generated`` says that ``path`` is a repository path already (the scanner saw a generated
    file), not a path inside the tree. ``code`` overrides what is hashed in the fingerprint (for
    a dependency: advisory and package), else the matched lines are.
    """

    rule: str
    path: str
    line: int
    severity: Severity
    message: str
    confidence: Confidence = Confidence.UNKNOWN
    column: int = 0
    end_line: int = 0
    title: str = ""
    help: str = ""
    cwe: tuple[str, ...] = ()
    fix: str | None = None
    package: Package | None = None
    generated: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What the scanner's output says: findings, its own account of files, its version.

    ``scanned`` are the paths (as the scanner named them) it says it looked at; None when it
    keeps no such account. ``gaps`` carry the scanner's own names too.
    """

    version: str
    findings: tuple[RawFinding, ...]
    scanned: frozenset[str] | None = None
    gaps: tuple[Gap, ...] = ()


class Check(ABC):
    """Something that answers an event with one outcome. ``name`` is its word everywhere."""

    name: ClassVar[str]
    wants: ClassVar[tuple[EventType, ...]] = (EventType.COMMIT_PUSHED, EventType.SCAN_REQUESTED)


class Scanner(Check):
    """A check that runs a program over a tree. ``tool`` names program and environment."""

    tool: ClassVar[str]

    @abstractmethod
    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        """Say which files this scanner ought to look at, and which it cannot.

        Raises:
            ConfigurationError: a rule folder is unreadable or wrong.
        """

    @abstractmethod
    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        """Gather rules and data.

        Raises:
            CheckError: the data is missing or too old (``no_data``, ``stale_data``).
            ConfigurationError: a rule folder is unreadable or wrong.
        """

    @abstractmethod
    def command(self, plan: Plan) -> Sequence[str]:
        """Return the argument list; the program gets an empty working directory and environment."""

    @abstractmethod
    def parse(self, output: bytes, plan: Plan) -> Report:
        """Read the program's standard output.

        Raises:
            CheckError: the output is not what this scanner prints (``bad_output``).
        """
