"""What a scanner reported, and what it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How bad a finding is. Unknown ranks highest: what nobody rated is not harmless."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5
    UNKNOWN = 6

    @property
    def word(self) -> str:
        """Return the name used on the wire and in policies."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str | None) -> Severity:
        """Return the severity named by ``word``; absent or unheard of is ``UNKNOWN``."""
        return cls.__members__.get((word or "").upper(), cls.UNKNOWN)


class Confidence(StrEnum):
    """How sure the scanner's rule is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Package:
    """The dependency a finding is about, where it is about one."""

    name: str
    version: str
    ecosystem: str = "PyPI"
    advisory: str = ""
    aliases: tuple[str, ...] = ()
    fixed_versions: tuple[str, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a scanner reported. Never carries source lines or secrets.

    ``path`` is the path in the repository, POSIX form; ``line`` counts from 1, 0 means the
    whole file. ``fingerprint`` survives moved lines; ``fingerprint_nopath`` also a rename.
    """

    rule: str
    path: str
    line: int
    severity: Severity
    message: str
    fingerprint: str
    fingerprint_nopath: str
    confidence: Confidence = Confidence.UNKNOWN
    column: int = 0
    end_line: int = 0
    title: str = ""
    help: str = ""
    cwe: tuple[str, ...] = ()
    fix: str | None = None
    package: Package | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """One file a check should have looked at and could not, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a check looked at: of ``eligible`` files ``scanned`` were read, ``gaps`` were not.

    ``left_out`` counts entries that are no input at all (links, submodules, configuration of
    scanners), they are listed in ``gaps`` only where the check would have wanted them.
    """

    eligible: int
    scanned: int
    gaps: tuple[Gap, ...] = ()
    left_out: int = 0

    @property
    def complete(self) -> bool:
        """Return whether nothing eligible was missed."""
        return not self.gaps and self.scanned >= self.eligible
