"""What a rule comes to, before it becomes a line of the decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from devsecops_eda.model import Finding, RequirementState

MAX_NAMED = 3
"""As many findings or files a sentence names; the others are counted."""

MAX_WORDS_CHARS = 300
"""So long a foreign text may be inside a sentence of ours."""


@dataclass(frozen=True, slots=True)
class Judged:
    """State and sentence.

    ``evidence`` are the meaning digests of the outcomes it rests on, and the ids of votes, waivers
    and decisions. ``since`` is when it came to stand like this. ``votes`` says that it waits for
    people; ``waivers`` are the ids of those in force that it needs. ``owed_by`` is the check whose
    answer is owed, empty where none is.
    """

    state: RequirementState
    text: str
    solution: str = ""
    evidence: tuple[str, ...] = ()
    blocking: tuple[Finding, ...] = ()
    due: datetime | None = None
    harmless: bool = False
    since: datetime | None = None
    votes: bool = False
    waivers: tuple[str, ...] = ()
    owed_by: str = ""


def plain(text: str) -> str:
    """Return foreign text fit for a sentence: printable, in one line, bounded."""
    # File names and scanner messages come from the repository: no escape sequence, no new line.
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= MAX_WORDS_CHARS else shown[: MAX_WORDS_CHARS - 1] + "…"


def listed(words: Sequence[str]) -> str:
    """Return the first few of ``words`` and how many more there are."""
    named = ", ".join(words[:MAX_NAMED])
    more = len(words) - MAX_NAMED
    return f"{named} and {more} more" if more > 0 else named


def count(number: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def when(instant: datetime) -> str:
    """Return ``2026-03-02 09:00:00 UTC``."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
