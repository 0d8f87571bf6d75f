"""Predicates in CEL, checked before any finding comes: names, types, and that the answer is one.

The checker is that of cel-cpp. The library is loaded when the first predicate is, and seen here
and in the child that evaluates only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from devsecops_eda.policy.judged import plain
from devsecops_eda.policy.loading.expression_names import FUNCTIONS, MACROS, NAMES, VALUES, Kind
from devsecops_eda.policy.loading.expression_text import (
    NO_PAST,
    NO_TIME,
    ExpressionError,
    Part,
    Token,
    chains_of,
    tokens_of,
)
from devsecops_eda.policy.loading.reading import nearest

_ERROR = re.compile(
    r"ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?:\n \||\nERROR:|\s*\[[A-Z_]+\]\Z)", re.S
)
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container '.*'\)")
_OVERLOAD = re.compile(r"found no matching overload for '(.*)' applied to '\((.*)\)'")
_UNEXPECTED = re.compile(
    r"Syntax error: (?:mismatched|extraneous|no viable alternative at) input '(.*?)'"
)
_SELECT = re.compile(r"expression of type '(.*)' cannot be the operand of a select operation")
_RANGE = re.compile(r"expression of type '(.*)' cannot be the range of a comprehension")
_PLAIN_TEXT = re.compile(r"""(["'])([^"'\\]*)\1""")
_EQUAL = ("==", "!=")
_HINTS = {
    "f.published": NO_TIME,
    "f.age": NO_TIME,
    "f.new": NO_PAST,
    "new": NO_PAST,
    "f": "f is a whole finding: name one of its fields, as f.rule",
    "f.package": "f.package is a whole package: name one of its fields, as f.package.name;"
    " f.has_package says whether there is one",
    "subject": "subject is a whole subject: name one of its fields, as subject.repo",
}


def check_expression(text: str) -> None:
    """Return when ``text`` is a predicate that can be evaluated on any finding.

    Takes milliseconds, whatever the text. What depends on values (an index, a division, a regular
    expression that is put together) is not seen here.

    Raises:
        ExpressionError: too long, too deep, no CEL, a name or function there is not, types that
            do not go together, a list gone through inside another, a regular expression that is
            none, or something else than true or false comes of it.
    """
    tokens = tokens_of(text)
    try:
        kind = _environment().compile(text).return_type().name()
    except RuntimeError as error:
        raise _refusal(str(error), text, tokens) from error
    if kind != "BOOL":
        raise ExpressionError(f"comes to {_kind(kind)}, not to true or false", 0)
    _check_patterns(tokens)
    _check_literals(tokens)


@cache
def _environment() -> Any:
    # Here, not above: the library is 14 MB, and most runs load no predicate.
    from cel_expr_python import cel

    kinds = {
        Kind.TEXT: cel.Type.STRING,
        Kind.NUMBER: cel.Type.INT,
        Kind.TRUTH: cel.Type.BOOL,
        Kind.TEXTS: cel.Type.List(cel.Type.STRING),
    }
    # Dotted names instead of a message type: a field that is not there is then seen at once,
    # and nothing has to be built for each finding but the values that are asked for.
    return cel.NewEnv(variables={name: kinds[kind] for name, kind in NAMES.items()})


def _check_patterns(tokens: Sequence[Token]) -> None:
    for at, token in enumerate(tokens[:-2]):
        pattern = tokens[at + 2]
        if token.text == "matches" and tokens[at + 1].text == "(" and pattern.part is Part.TEXT:
            answer = _environment().compile(f'"".matches({pattern.text})').eval(data={})
            # An error of an evaluation is a value here, not an exception.
            if not isinstance(answer.value(), bool):
                said = str(answer.value()).rpartition("invalid regular expression: ")[2]
                raise ExpressionError(f"RE2 takes no such regular expression: {said}", pattern.at)


def _check_literals(tokens: Sequence[Token]) -> None:
    """Refuse a word that a name never holds: such a comparison decides nothing, for good."""
    places = {token.at: at for at, token in enumerate(tokens)}
    for chain, last in chains_of(tokens):
        for literal in _compared(tokens, chain, places[last.at]) if chain in VALUES else ():
            plainly = _PLAIN_TEXT.fullmatch(literal.text)
            word = plainly[2] if plainly else None
            if word is not None and word not in VALUES[chain]:
                meant = nearest(word.lower(), VALUES[chain])
                raise ExpressionError(f"{chain} is never {plain(word)!r}; {meant}", literal.at)


def _compared(tokens: Sequence[Token], chain: str, at: int) -> Iterator[Token]:
    """Yield the literals that the name ending at ``at`` is compared with, as they stand."""
    texts = ["", "", "", "", *(one.text for one in tokens), "", "", "", ""]
    end = at + 4
    first = end - 2 * chain.count(".")
    if "+" not in (texts[first - 1], texts[end + 4]) and texts[end + 1] + texts[end + 2] in _EQUAL:
        yield tokens[at + 3]
    if (
        "+" not in (texts[first - 4], texts[end + 1])
        and texts[first - 2] + texts[first - 1] in _EQUAL
    ):
        yield tokens[first - 3 - 4]
    if texts[end + 1] + texts[end + 2] == "in[":
        for place in range(at + 3, len(tokens)):
            if tokens[place].text == "]":
                return
            if "+" not in (tokens[place - 1].text, texts[place + 5]):
                yield tokens[place]


def _refusal(said: str, text: str, tokens: Sequence[Token]) -> ExpressionError:
    found = _ERROR.search(said)
    if found is None or "recursion" in said:
        deep = "recursion" in said
        return ExpressionError("is nested too deeply" if deep else f"is no CEL: {said}", 0)
    line, column, detail = int(found[1]), int(found[2]), found[3]
    offset = _offset(text, line, column)
    if undeclared := _UNDECLARED.fullmatch(detail):
        return _unknown(undeclared[1], offset, tokens)
    if overload := _OVERLOAD.fullmatch(detail):
        operator = overload[1].replace("_", " ").replace("@", "").strip()
        return ExpressionError(f"{operator} does not go with ({overload[2]})", offset)
    if select := _SELECT.fullmatch(detail):
        return ExpressionError(f"{_kind(select[1])} has no fields", offset)
    if range_ := _RANGE.match(detail):
        return ExpressionError(f"{_kind(range_[1])} is no list to go through", offset)
    if unexpected := _UNEXPECTED.match(detail):
        word = "the end" if unexpected[1] == "<EOF>" else repr(unexpected[1])
        return ExpressionError(f"is no CEL: {word} is not expected here", offset)
    return ExpressionError(f"is no CEL: {detail.removeprefix('Syntax error: ')}", offset)


def _unknown(name: str, offset: int, tokens: Sequence[Token]) -> ExpressionError:
    """Return the error for a name nobody knows, at the word itself and not at its dot."""
    last = name.rpartition(".")[2]
    at = next(
        (place for place, one in enumerate(tokens) if one.at >= offset and one.text == last),
        # Of a call the checker names the bracket.
        max((place for place, one in enumerate(tokens) if one.text == last), default=0),
    )
    called = at + 1 < len(tokens) and tokens[at + 1].text == "("
    if name in _HINTS and not called:
        return ExpressionError(_HINTS[name], tokens[at].at)
    if not called:
        return ExpressionError(
            f"there is no name {plain(name)!r}; {nearest(name, NAMES)}", tokens[at].at
        )
    known = (*FUNCTIONS, *MACROS)
    if last in known:
        return ExpressionError(f"{last} is not called like this", tokens[at].at)
    return ExpressionError(
        f"there is no function {plain(last)!r}; {nearest(last, known)}", tokens[at].at
    )


def _kind(said: str) -> str:
    return {"list(string)": "a list of strings", "LIST<STRING>": "a list of strings"}.get(
        said, f"a value of type {said.lower()}"
    )


def _offset(text: str, line: int, column: int) -> int:
    """Return the offset of a place whose numbers count from 1, 0 for a place that is none."""
    if line < 1 or column < 1:
        return 0
    before = sum(len(one) for one in text.split("\n")[: line - 1]) + line - 1
    return min(before + column - 1, len(text))
