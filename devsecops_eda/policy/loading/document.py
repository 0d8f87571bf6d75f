"""A YAML text as nodes that know their place and still say what was written.

YAML loaders turn ``22:00`` into 1320, ``on`` into true and an unquoted date into a date, each
version of YAML another set. Here a scalar stays the text it is until whoever reads it says what
it has to be. Anchors, aliases, tags and a second document are refused: a policy needs none, and
nested aliases are how a small file becomes a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from devsecops_eda.errors import InvalidPolicyError

MAX_POLICY_BYTES = 256 * 1024
"""A larger policy file is refused unread."""

MAX_DEPTH = 12
"""So deep lists and mappings may stand in each other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int

    def refusal(self, detail: str, *, path: str = "") -> InvalidPolicyError:
        """Return the error that says what is wrong here."""
        return InvalidPolicyError(
            detail, file=self.file, line=self.line, column=self.column, path=path
        )


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; ``plain`` says that it stands without quotes, ``written`` is how it stands."""

    text: str
    plain: bool
    place: Place
    written: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order they stand; no key stands twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place


Node = Scalar | Sequence | Mapping


def read_yaml(text: str, *, file: str) -> Node:
    """Return the one document in ``text``.

    Raises:
        InvalidPolicyError: no YAML, nothing in it, over MAX_POLICY_BYTES, deeper than MAX_DEPTH,
            a key twice, or something a policy may not hold.
    """
    start = Place(file, 1, 1)
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MAX_POLICY_BYTES:
        raise InvalidPolicyError(f"has {size} bytes, at most {MAX_POLICY_BYTES}", file=file)
    try:
        return _Composer(text, file).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else start
        raise place.refusal(f"is no YAML: {_problem(error)}") from error
    except YAMLError as error:
        # The reader's own error has no mark, and its text names a character by number only.
        raise start.refusal(f"is no YAML: {str(error).splitlines()[0]}") from error


def _problem(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "it breaks off")
    if "'\\t'" in problem:
        return "a tab cannot indent, use spaces"
    if "expected alphabetic or numeric character" in problem:
        return "text that begins with * or & has to stand in quotes"
    return problem


class _Composer:
    """Builds nodes out of the parser's events; refuses what stands in the way early."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        parser = YAML(typ="safe", pure=True)
        # The text itself is looked at for a byte order mark: the parser would take a second one.
        self._text = text.removeprefix("\ufeff")
        self._events: Iterator[Event] = parser.parse(self._text)

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, StreamStartEvent | StreamEndEvent | DocumentEndEvent):
                continue
            place = self._place(event)
            if not isinstance(event, DocumentStartEvent):
                root = self._node(event, depth=0)
            elif root is not None:
                raise place.refusal("a second document begins here, a policy is one")
            elif event.version or event.tags:
                raise place.refusal("a policy has no % directives, and is read as YAML 1.2")
        if root is None or (isinstance(root, Scalar) and root.plain and not root.text):
            raise Place(self._file, 1, 1).refusal("there is nothing in it")
        return root

    def _node(self, event: Event, *, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise place.refusal(
                "anchors and aliases (& and *) are not allowed: write it out,"
                " and put text that begins with one in quotes"
            )
        if getattr(event, "tag", None):
            raise place.refusal("tags (!) are not allowed")
        if depth > MAX_DEPTH:
            raise place.refusal(f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, SequenceStartEvent):
            return Sequence(tuple(self._until(SequenceEndEvent, depth)), place)
        assert isinstance(event, MappingStartEvent)
        nodes = list(self._until(MappingEndEvent, depth))
        return Mapping(tuple(self._entries(nodes)), place)

    def _until(self, end: type[Event], depth: int) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield self._node(event, depth=depth + 1)

    def _entries(self, nodes: list[Node]) -> Iterator[tuple[Scalar, Node]]:
        first: dict[str, Place] = {}
        for at, (key, value) in enumerate(pairwise(nodes)):
            if at % 2:
                continue
            if not isinstance(key, Scalar):
                raise key.place.refusal("a key has to be a word")
            if key.text in first:
                raise key.place.refusal(
                    f"the key {key.text!r} stands here a second time,"
                    f" first in line {first[key.text].line}"
                )
            first[key.text] = key.place
            yield key, value

    def _scalar(self, event: ScalarEvent, place: Place) -> Scalar:
        if any("\ud800" <= char <= "\udfff" for char in event.value):
            raise place.refusal("is no Unicode text: a lone surrogate")
        written = self._text[event.start_mark.index : event.end_mark.index]
        return Scalar(event.value, event.style is None, place, written)

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)
