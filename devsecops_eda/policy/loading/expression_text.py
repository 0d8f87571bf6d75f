"""The text of a predicate as tokens: bounded and looked at before any parser sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from devsecops_eda.policy.loading.expression_names import MACROS, NAMES

MAX_EXPRESSION_CHARS = 2048
"""A longer predicate is refused unread."""

MAX_LITERAL_CHARS = 512
"""So long one literal may be, with its quotes."""

MAX_BRACKETS = 24
"""So deep brackets may stand in each other; the parser itself gives up at 32."""


class ExpressionError(ValueError):
    """A predicate is wrong: ``detail`` says how, ``offset`` is the character it is about."""

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.offset = offset


class Part(StrEnum):
    """What a token is."""

    TEXT = "text"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Token:
    """One token and the offset of its first character."""

    part: Part
    text: str
    at: int


NO_TIME = "a predicate knows no time; the rule's leeway counts from an advisory's publication"
NO_PAST = "a predicate sees one finding as it is; what is new is said by the rule's new_only"
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "has": "has() is not needed: every field is there, what is absent is empty,"
        " and f.has_package says whether the finding is about a package",
        "dyn": "dyn() would hide a wrong type until the finding comes",
        "timestamp": NO_TIME,
        "duration": NO_TIME,
        "google": "a predicate knows no messages of protocol buffers",
        "now": NO_TIME,
        "is_new": NO_PAST,
        "and": "CEL writes && for and",
        "or": "CEL writes || for or",
        "not": "CEL writes ! for not",
        "True": "CEL writes true in small letters",
        "False": "CEL writes false in small letters",
    }
)
"""Words that never stand in a predicate, and what to write instead."""

_RAW = r"""(?:[bB]?[rR]|[rR][bB])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\r\n]*"|'[^'\r\n]*')"""
_COOKED = (
    r"""[bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^\\"\r\n])*"|'(?:\\.|[^\\'\r\n])*')"""
)
_TOKEN = re.compile(
    rf"(?P<blank>\s+|//[^\n]*)|(?P<text>{_RAW}|{_COOKED})"
    r"|(?P<number>0x[0-9a-fA-F]+[uU]?|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[uU]?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[\s\S])"
)
_OPENING, _CLOSING = "([{", ")]}"


def tokens_of(text: str) -> tuple[Token, ...]:
    """Return the tokens of ``text``, bounded in every way a parser could be made to suffer by.

    Raises:
        ExpressionError: over MAX_EXPRESSION_CHARS, MAX_LITERAL_CHARS or MAX_BRACKETS, nothing in
            it, not printable, a list gone through inside another, or one of the words REFUSED.
    """
    if len(text) > MAX_EXPRESSION_CHARS:
        detail = f"a predicate has at most {MAX_EXPRESSION_CHARS} characters, this has {len(text)}"
        raise ExpressionError(detail, MAX_EXPRESSION_CHARS)
    for at, char in enumerate(text):
        if not char.isprintable() and char not in " \t\r\n":
            raise ExpressionError(f"the character U+{ord(char):04X} has no place here", at)
    tokens = tuple(_split(text))
    if not tokens:
        raise ExpressionError("there is nothing in it", 0)
    for token in tokens:
        _check_token(token, len(text))
    _check_words(tokens)
    _check_nesting(tokens)
    return tokens


def names_in(text: str) -> tuple[str, ...]:
    """Return those of NAMES that the predicate ``text`` may read, in the order of NAMES."""
    chains = {chain for chain, _ in chains_of(tokens_of(text))}
    return tuple(
        name
        for name in NAMES
        if any(chain == name or chain.startswith(f"{name}.") for chain in chains)
    )


def chains_of(tokens: Sequence[Token]) -> Iterator[tuple[str, Token]]:
    """Yield words joined by dots, as ``f.package.name``, each with its last word."""
    words: list[str] = []
    last: Token | None = None
    dotted = False
    for token in tokens:
        if token.part is Part.WORD:
            if last is not None and not dotted:
                yield ".".join(words), last
                words = []
            words.append(token.text)
            last, dotted = token, False
        elif token.text == "." and last is not None:
            dotted = True
        elif last is not None:
            yield ".".join(words), last
            words, last, dotted = [], None, False
    if last is not None:
        yield ".".join(words), last


def _split(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        if found.lastgroup not in (None, "blank"):
            yield Token(Part(found.lastgroup), found.group(), found.start())


def _check_token(token: Token, length: int) -> None:
    if token.part in (Part.TEXT, Part.NUMBER) and len(token.text) > MAX_LITERAL_CHARS:
        raise ExpressionError(f"a literal has at most {MAX_LITERAL_CHARS} characters", token.at)
    if token.part is Part.SIGN:
        match token.text:
            case '"' | "'":
                raise ExpressionError("this quote is never closed", token.at)
            case "`":
                raise ExpressionError("names are written without quotes", token.at)
            case ";":
                raise ExpressionError("a predicate is one expression, without a ;", token.at)


def _check_words(tokens: Sequence[Token]) -> None:
    for at, token in enumerate(tokens):
        if token.part is Part.WORD and token.text in REFUSED:
            raise ExpressionError(REFUSED[token.text], token.at)
        beside = {_text(tokens, at - 1), _text(tokens, at + 1)}
        if token.text == "=" and not beside & {"=", "!", "<", ">"}:
            raise ExpressionError("CEL writes == to compare", token.at)


def _check_nesting(tokens: Sequence[Token]) -> None:
    # Each list inside a list multiplies the work: three of them and a page of text takes minutes.
    opened: list[bool] = []
    for at, token in enumerate(tokens):
        if token.part is not Part.SIGN:
            continue
        if token.text in _OPENING:
            goes_through = _text(tokens, at - 1) in MACROS and _text(tokens, at - 2) == "."
            if goes_through and any(opened):
                word = tokens[at - 1]
                detail = f"{word.text} goes through a list inside another that does"
                raise ExpressionError(f"{detail}: one at a time", word.at)
            opened.append(goes_through)
            if len(opened) > MAX_BRACKETS:
                raise ExpressionError(f"more than {MAX_BRACKETS} brackets are open", token.at)
        elif token.text in _CLOSING and opened:
            opened.pop()


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""
