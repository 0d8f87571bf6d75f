"""From nodes to values: each reader takes what it was asked for, or says what stands there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy.durations import parse_duration
from devsecops_eda.policy.loading import document
from devsecops_eda.policy.loading.document import Mapping, Node, Scalar
from devsecops_eda.policy.loading.written import place_of

MAX_NUMBER = 9_999_999
MAX_TEXT_CHARS = 500
MAX_PATTERN_CHARS = 200

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,6}")
_PATTERN = re.compile(r"(?:[A-Za-z0-9_.~+/*?-]|\[!?[A-Za-z0-9_.~+/-]+\])+")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)

# What some version of YAML takes for something else than text when it stands without quotes.
_OTHERWISE = (
    (re.compile(r"(?:|~|null)", re.IGNORECASE), "nothing"),
    (re.compile(r"(?:true|false|yes|no|on|off|y|n)", re.IGNORECASE), "true or false"),
    (re.compile(r"\d{4}-\d\d?-\d\d?(?:[Tt\s].*)?", re.ASCII), "a date"),
    (re.compile(r"[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?", re.ASCII), "a number to the base 60"),
    (
        re.compile(
            r"[-+]?(?:0x[\da-f_]+|0o[0-7_]+|0b[01_]+|[\d_]*\.?[\d_]+(?:e[-+]?\d+)?\.?)"
            r"|[-+]?\.(?:inf|nan)",
            re.IGNORECASE | re.ASCII,
        ),
        "a number",
    ),
)

Word = TypeVar("Word", bound=StrEnum)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a sentence part that names what was probably meant, else what there is."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are: {', '.join(words)}" if words else "there are none"


@dataclass(frozen=True, slots=True)
class At:
    """A node and the key path that leads to it."""

    node: Node
    path: str

    def refusal(self, detail: str) -> InvalidPolicyError:
        """Return the error that says what is wrong with it."""
        return self.node.place.refusal(detail, path=self.path)

    def unknown(self, word: str, noun: str, known: Iterable[str]) -> InvalidPolicyError:
        """Return the error for a word that nobody knows."""
        return self.refusal(f"there is no {noun} {word!r}; {nearest(word, known)}")

    def text(self) -> str:
        """Return it as text, its white space folded."""
        folded = " ".join(self._quoted_or_clear().split())
        if not folded:
            raise self.refusal("must not be empty")
        if len(folded) > MAX_TEXT_CHARS:
            raise self.refusal(f"has {len(folded)} characters, at most {MAX_TEXT_CHARS}")
        return folded

    def name(self) -> str:
        """Return it as a name: letters, digits and ``_.-``, at most 64."""
        text = self._quoted_or_clear()
        if _NAME.fullmatch(text) is None:
            raise self.refusal(
                f"{text[:80]!r} is no name: at most 64 letters, digits and _ . -,"
                " a letter or digit first"
            )
        return text

    def word(self, words: type[Word], noun: str) -> Word:
        """Return it as one of the ``words``."""
        scalar = self._scalar(f"one of {', '.join(words)}")
        if scalar.text not in set(words):
            raise self.unknown(scalar.text, noun, words)
        return words(scalar.text)

    def number(self) -> int:
        """Return it as a whole number, not negative, written in plain decimal."""
        scalar = self._scalar("a whole number")
        if not scalar.plain:
            raise self.refusal("must be a whole number, not text in quotes")
        if _NUMBER.fullmatch(scalar.text) is None:
            raise self.refusal(
                f"must be a whole number from 0 to {MAX_NUMBER} in plain decimal,"
                f" not {what_is(scalar)}"
            )
        return int(scalar.text)

    def flag(self) -> bool:
        """Return it as true or false; YAML 1.1's other words for them are refused."""
        scalar = self._scalar("true or false")
        if not scalar.plain or scalar.text not in ("true", "false"):
            raise self.refusal(f"must be true or false, not {what_is(scalar)}")
        return scalar.text == "true"

    def duration(self) -> timedelta:
        """Return it as a span of time, longer than none."""
        scalar = self._scalar("a span of time")
        try:
            return parse_duration(scalar.text)
        except ValueError:
            raise self.refusal(
                f"must be a span of time as 90s, 15m, 24h, 7d or 1h30m, not {what_is(scalar)}"
            ) from None

    def instant(self) -> datetime:
        """Return it as an instant: RFC 3339 with its offset, in quotes."""
        sentence = 'must be an instant in quotes, as "2027-01-31T18:00:00Z"'
        return datetime.fromisoformat(self._in_quotes(_INSTANT, sentence))

    def day(self) -> date:
        """Return it as a day of the calendar, in quotes."""
        sentence = 'must be a day in quotes, as "2026-12-24"'
        return date.fromisoformat(self._in_quotes(_DAY, sentence))

    def clock(self) -> int:
        """Return it as minutes since midnight, from "00:00" to "24:00", in quotes."""
        sentence = 'must be a time of day in quotes, as "09:00"'
        hours, _, minutes = self._in_quotes(_CLOCK, sentence).partition(":")
        return int(hours) * 60 + int(minutes)

    def pattern(self) -> str:
        """Return it as a pattern of names: ``*``, ``?`` and ``[...]`` stand for others."""
        text = self._quoted_or_clear()
        if _PATTERN.fullmatch(text) is None or len(text) > MAX_PATTERN_CHARS:
            raise self.refusal(
                f"{text[:80]!r} is no pattern: at most {MAX_PATTERN_CHARS} letters, digits and"
                " _ . ~ + / -, with * for any text, ? for one character, [ab] and [!ab]"
            )
        return text

    def expression(self) -> str:
        """Return it as it stands, without the white space around it; not empty."""
        text = self._quoted_or_clear().strip()
        if not text:
            raise self.refusal("must not be empty")
        return text

    def refusal_at(self, offset: int, detail: str) -> InvalidPolicyError:
        """Return the error about the character ``offset`` of the ``expression`` it is."""
        place = place_of(self._scalar("text"), offset)
        return place.refusal(detail, path=self.path)

    def is_list(self) -> bool:
        """Return whether it is a list, for what may be one or a single value."""
        return isinstance(self.node, document.Sequence)

    def items(self, noun: str) -> tuple[At, ...]:
        """Return the items of the list it is; an empty one is refused."""
        if not isinstance(self.node, document.Sequence):
            raise self.refusal(f"must be a list of {noun}, not {what_is(self.node)}")
        if not self.node.items:
            raise self.refusal(f"must name at least one of the {noun}")
        return tuple(At(one, f"{self.path}[{at}]") for at, one in enumerate(self.node.items))

    def entries(self, noun: str) -> dict[str, At]:
        """Return the values of the mapping it is by their keys; an empty one is refused."""
        if not isinstance(self.node, Mapping):
            raise self.refusal(f"must be {noun} with their values, not {what_is(self.node)}")
        if not self.node.entries:
            raise self.refusal(f"must name at least one of the {noun}")
        return {key.text: self._below(key.text, value) for key, value in self.node.entries}

    def fields(self, known: Collection[str], *, required: Sequence[str] = ()) -> dict[str, At]:
        """Return what stands in the mapping it is, of known keys, all required ones."""
        if not isinstance(self.node, Mapping):
            raise self.refusal(f"must be a mapping, not {what_is(self.node)}")
        for key, _ in self.node.entries:
            if key.text not in known:
                raise At(key, self._join(key.text)).refusal(
                    f"there is no such key; {nearest(key.text, known)}"
                )
        found = {key.text: self._below(key.text, value) for key, value in self.node.entries}
        for key_text in required:
            if key_text not in found:
                raise self.refusal(f"the key {key_text!r} is missing")
        return found

    def key_words(self) -> tuple[At, ...]:
        """Return the keys of the mapping it is, as nodes of their own."""
        if not isinstance(self.node, Mapping):
            raise self.refusal(f"must be a mapping, not {what_is(self.node)}")
        return tuple(At(key, self._join(key.text)) for key, _ in self.node.entries)

    def _below(self, key: str, value: Node) -> At:
        return At(value, self._join(key))

    def _join(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _scalar(self, wanted: str) -> Scalar:
        if not isinstance(self.node, Scalar):
            raise self.refusal(f"must be {wanted}, not {what_is(self.node)}")
        return self.node

    def _in_quotes(self, shape: re.Pattern[str], sentence: str) -> str:
        """Return text of ``shape`` in quotes; what is no day of the calendar is refused too."""
        scalar = self._scalar(sentence.removeprefix("must be "))
        # Without quotes some readers of YAML see a number or a date of their own.
        if scalar.plain:
            raise self.refusal(f"{sentence}, not {what_is(scalar)}")
        try:
            if shape.fullmatch(scalar.text) is None:
                raise ValueError
            if shape is not _CLOCK:
                datetime.fromisoformat(scalar.text)
        except ValueError:
            raise self.refusal(f"{sentence}, not {scalar.text[:80]!r}") from None
        return scalar.text

    def _quoted_or_clear(self) -> str:
        scalar = self._scalar("text")
        other = _otherwise(scalar)
        if other:
            raise self.refusal(
                f"{scalar.text[:80]!r} without quotes is {other} to some readers of YAML:"
                " put text in quotes"
            )
        return scalar.text


def what_is(node: Node) -> str:
    """Return what a reader of YAML would call ``node``, to be told to its author."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, document.Sequence):
        return "a list"
    shown = repr(node.text[:80])
    other = _otherwise(node)
    if other == "nothing":
        return "nothing"
    return f"{other} ({shown})" if other else f"the text {shown}"


def _otherwise(scalar: Scalar) -> str | None:
    if not scalar.plain:
        return None
    return next((what for shape, what in _OTHERWISE if shape.fullmatch(scalar.text)), None)
