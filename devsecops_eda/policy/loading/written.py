"""Where a character of a text stands in the file that it was read from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from devsecops_eda.policy.loading.document import Place, Scalar

_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_BLANK_ESCAPES = "ntvfrN_LP \t"


def place_of(scalar: Scalar, offset: int) -> Place:
    """Return where the character ``offset`` of the stripped text of ``scalar`` stands.

    For white space it is the next character that is none; after the last one, the place behind it.
    """
    # Folding, indentation and the end of a block change white space only: what is none stands in
    # the file in the same order, however the text is written.
    before = sum(not char.isspace() for char in scalar.text.strip()[:offset])
    places = list(_marks(scalar.written))
    if before < len(places):
        return _place(scalar, places[before])
    return _place(scalar, places[before - 1] + 1 if 0 < before <= len(places) else 0)


def _marks(written: str) -> Iterator[int]:
    """Yield where each character that is no white space stands in ``written``."""
    match written[:1]:
        case "|" | ">":
            header = _BREAK.search(written)
            begins = header.end() if header else len(written)
            yield from _dark(written, begins, len(written))
        case "'":
            # A quote within single quotes stands there twice.
            doubled = {found.start() + 2 for found in re.finditer("''", written[1:-1])}
            yield from (at for at in _dark(written, 1, len(written) - 1) if at not in doubled)
        case '"':
            yield from _escaped(written)
        case _:
            yield from _dark(written, 0, len(written))


def _dark(written: str, begins: int, ends: int) -> Iterator[int]:
    return (at for at in range(begins, ends) if not written[at].isspace())


def _escaped(written: str) -> Iterator[int]:
    at = 1
    while at < len(written) - 1:
        length, blank = 1, written[at].isspace()
        if written[at] == "\\":
            letter = written[at + 1]
            digits = _HEX_DIGITS.get(letter, 0)
            length, blank = 2 + digits, letter in _BLANK_ESCAPES or letter.isspace()
            if digits:
                blank = chr(int(written[at + 2 : at + 2 + digits], 16)).isspace()
        if not blank:
            yield at
        at += length


def _place(scalar: Scalar, at: int) -> Place:
    line, column = scalar.place.line, scalar.place.column + at
    for found in _BREAK.finditer(scalar.written, 0, at):
        line, column = line + 1, at - found.end() + 1
    return Place(scalar.place.file, line, column)
