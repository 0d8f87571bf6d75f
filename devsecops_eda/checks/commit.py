"""The built-in check ``commit``: what git says about the judged commit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from devsecops_eda.checks import Check
from devsecops_eda.model import CommitFacts, Coverage, Gap, Signature, Tool

MAX_COMMITTERS = 1000
"""As many different committers an outcome lists."""

MAX_CHANGED_FILES = 5000
"""As many changed files an outcome lists; more are a gap in its coverage."""

MAX_NAME_CHARS = 256
"""So long a name or an address out of git may be; the rest is cut."""


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What an outcome of this check holds beside subject and cause."""

    tool: Tool
    coverage: Coverage
    facts: CommitFacts


class Commit(Check):
    """Tells author, committers, parents, merge base, changed files and tree digest."""

    name = "commit"

    def report(self, facts: CommitFacts, *, version: str) -> CommitReport:
        """Shape what the workspace gathered; ``version`` is git's own word.

        Names are free text by whoever made the commit: cut, and without control characters.
        More than MAX_CHANGED_FILES changed files, or MAX_COMMITTERS committers, are a gap.
        """
        gaps = []
        if len(facts.changed_files) > MAX_CHANGED_FILES:
            gaps.append(Gap("", "too_many_changed_files"))
        committers = _unique(map(_plain, facts.committers))
        if len(committers) > MAX_COMMITTERS:
            gaps.append(Gap("", "too_many_committers"))
        shaped = replace(
            facts,
            author=_plain(facts.author),
            committers=committers[:MAX_COMMITTERS],
            changed_files=facts.changed_files[:MAX_CHANGED_FILES],
        )
        # What it looks at is one thing: the commit.
        return CommitReport(Tool("git", version), Coverage(1, 1, tuple(gaps)), shaped)


def _plain(signature: Signature) -> Signature:
    return Signature(_text(signature.name), _text(signature.email))


def _text(free: str) -> str:
    # Category C: control, format (also those that turn the direction of writing), surrogates.
    kept = "".join(
        character for character in free if not unicodedata.category(character).startswith("C")
    )
    return kept.strip()[:MAX_NAME_CHARS]


def _unique(signatures: Iterable[Signature]) -> tuple[Signature, ...]:
    return tuple(dict.fromkeys(signatures))
