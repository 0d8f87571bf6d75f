"""What a rule is read against, and the readers that several parts of a policy share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from devsecops_eda.model import Severity
from devsecops_eda.policy.facts import COMMIT_CHECK
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.model import Selector

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is, and what holds where a rule says nothing.

    ``gates`` are those of all documents, ``groups`` the persons of each group, None where nobody
    says who is who. ``policy``, ``within`` and ``selectors`` are said by the document the rule
    stands in.
    """

    gates: Collection[str]
    checks: Collection[str]
    groups: Mapping[str, frozenset[str]] | None
    policy: str
    within: timedelta | None
    selectors: tuple[Selector, ...]

    def span_within(self, at: At, fields: Mapping[str, At], question: str) -> timedelta:
        """Return how long something may take: said by the rule, else at the top."""
        if "within" in fields:
            return fields["within"].duration()
        if self.within is None:
            raise at.refusal(f"{question} within (as 30m) stands neither here nor at the top")
        return self.within

    def needs_commit(self, at: At, what: str) -> None:
        """Refuse ``at`` where nobody says what git says."""
        if COMMIT_CHECK not in self.checks:
            raise at.refusal(f"{what} is said by the check {COMMIT_CHECK}, which is not configured")

    def persons(self, groups: Iterable[str]) -> frozenset[str] | None:
        """Return everybody who is in at least one of ``groups``, None where nobody says who is."""
        if self.groups is None:
            return None
        return frozenset[str]().union(*(self.groups[group] for group in groups))


def unique(
    at: At,
    plural: str,
    read: Callable[[At], str],
    known: Collection[str] | None,
    noun: str,
) -> tuple[str, ...]:
    """Return the words of a list, each of which stands once and is ``known`` (None: any is)."""
    found: list[str] = []
    for item in at.items(plural):
        word = read(item)
        if known is not None and word not in known:
            raise item.unknown(word, noun, known)
        if word in found:
            raise item.refusal(f"{word!r} stands in this list a second time")
        found.append(word)
    return tuple(found)


def read_groups(at: At, frame: Frame) -> tuple[str, ...]:
    """Return the groups of a list, sorted; each is known and somebody is in it."""
    if frame.groups is None:
        return tuple(sorted(unique(at, "groups", At.name, None, "group")))
    if not frame.groups:
        first = at.items("groups")[0]
        raise first.refusal(
            f"there is no group {first.name()!r}; there are none: [groups] in the configuration"
            " says who is in which"
        )
    names = unique(at, "groups", At.name, frame.groups, "group")
    for item, name in zip(at.items("groups"), names, strict=True):
        if not frame.groups[name]:
            raise item.refusal(f"nobody is in the group {name!r}")
    return tuple(sorted(names))


def by_severity(
    at: At, read: Callable[[At], Value], *, also: Collection[str] = ()
) -> dict[str, Value]:
    """Return values by the words of severities, and by the words ``also`` allowed."""
    words = (*(severity.word for severity in Severity), *also)
    entries = at.entries("severities")
    for key in at.key_words():
        word = key.text()
        if word not in words:
            raise key.unknown(word, "severity", words)
    return {word: read(value) for word, value in entries.items()}


def severity_of(word: str) -> Severity:
    """Return the severity that is written ``word``.

    Raises:
        KeyError: there is none.
    """
    return Severity[word.upper()]
