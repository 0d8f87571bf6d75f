"""JSON as the door takes it: bounded, strict, and one exception for whatever is wrong.

The order matters: each step is safe only because of the ones before it. The size bounds the scan
over the bytes, the scan bounds the parser (a nesting of 1 100 is a RecursionError in ``json``),
and only what was parsed can be looked at for text that breaks databases and log files.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable

from devsecops_eda.errors import InvalidEventError, RefusalReason

MAX_DEPTH = 16
MAX_ITEMS = 4096
MAX_INTEGER = 2**53
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

MAX_DETAIL_CHARS = 300
MAX_PATH_CHARS = 200
_MAX_NUMBER_CHARS = 40

# Possessive, and the closing quote is optional: no byte is ever looked at twice, also where a
# string full of \" is never closed. With a plain `*` that body would take quadratic time.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))

_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    type(None): "null",
}


def refusal(reason: RefusalReason, detail: str, *, path: str = "") -> InvalidEventError:
    """Return the refusal with its sentence bounded to ``MAX_DETAIL_CHARS`` characters."""
    if len(detail) > MAX_DETAIL_CHARS:
        detail = detail[: MAX_DETAIL_CHARS - 1] + "…"
    return InvalidEventError(reason, detail, path=path)


def shown(value: object, limit: int = 60) -> str:
    """Return foreign text as printable ASCII in quotes, at most about ``limit`` characters."""
    text = value if isinstance(value, str) else str(type(value).__name__)
    return ascii(text[:limit]) + ("…" if len(text) > limit else "")


def kind_of(value: object) -> str:
    """Return what JSON calls ``value``, with its article."""
    return _KINDS.get(type(value), "a number")


def pointer(parts: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901), printable and at most ``MAX_PATH_CHARS`` characters."""
    escaped = (str(part)[:MAX_PATH_CHARS].replace("~", "~0").replace("/", "~1") for part in parts)
    path = "".join("/" + ascii(part)[1:-1] for part in escaped)
    return path if len(path) <= MAX_PATH_CHARS else path[: MAX_PATH_CHARS - 1] + "…"


def parse(body: bytes, *, max_bytes: int, max_items: int = MAX_ITEMS) -> object:
    """Return what the JSON text in ``body`` says, in time linear in its length.

    Raises:
        InvalidEventError: it is over a bound, no strict UTF-8, no JSON of one meaning, or holds
            text that not every store can keep.
    """
    if len(body) > max_bytes:
        raise refusal(
            RefusalReason.TOO_LARGE,
            f"the message has {len(body)} bytes, at most {max_bytes} are taken;"
            " keep the data elsewhere and send dataref and datadigest",
        )
    text = _decoded(body)
    check_shape(body, max_items=max_items)
    value = _loaded(text)
    # Raw surrogates and NUL are no UTF-8 or no JSON; only an escape can bring them in.
    if "\\u" in text:
        check_text(value)
    return value


def canonical(value: object) -> bytes:
    """Return ``value`` as JSON with sorted keys and no spaces: same value, same bytes.

    Raises:
        InvalidEventError: a text in it is no Unicode (``bad_text``).
    """
    check_text(value)
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def check_shape(body: bytes, *, max_items: int = MAX_ITEMS) -> None:
    """Let ``body`` pass if it nests at most ``MAX_DEPTH`` deep and has ``max_items`` items.

    An item is a comma or an opening bracket outside of strings.

    Raises:
        InvalidEventError: it does not (``too_deep``, ``too_many_items``).
    """
    bare = _STRING.sub(b"", body)
    depth = 0
    # Whatever has more brackets than these is refused below for their number, or is no JSON.
    for byte in bare.translate(None, _NO_BRACKET)[: 2 * max_items]:
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise refusal(
                    RefusalReason.TOO_DEEP,
                    f"the JSON nests deeper than {MAX_DEPTH} levels; no event needs that",
                )
        else:
            depth -= 1
    items = sum(bare.count(mark) for mark in (b",", b"[", b"{"))
    if items > max_items:
        raise refusal(
            RefusalReason.TOO_MANY_ITEMS,
            f"the JSON has {items} items, at most {max_items} are taken;"
            " keep the data elsewhere and send dataref and datadigest",
        )


def check_text(value: object) -> None:
    """Let ``value`` pass if every text in it can be written to any file, log and database.

    Raises:
        InvalidEventError: one holds a lone surrogate or NUL (``bad_text``).
    """
    todo: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, dict):
            todo.extend(((*path, "(a key)"), key) for key in item)
            todo.extend(((*path, key), child) for key, child in item.items())
        elif isinstance(item, list | tuple):
            todo.extend(((*path, index), child) for index, child in enumerate(item))
        elif isinstance(item, str) and ("\0" in item or not _is_unicode(item)):
            raise refusal(
                RefusalReason.BAD_TEXT,
                "the text holds a lone surrogate or NUL, which no database keeps; leave it out",
                path=pointer(path),
            )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _decoded(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        raise refusal(
            RefusalReason.NOT_UTF8,
            "the message begins with a byte order mark; send UTF-8 without one",
        )
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(
            RefusalReason.NOT_UTF8, f"byte {error.start} is no UTF-8; send UTF-8"
        ) from error


def _loaded(text: str) -> object:
    if not text.strip():
        raise refusal(RefusalReason.NOT_JSON, "the message is empty; send one JSON object")
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refusal(RefusalReason.NOT_JSON, f"{where}: {error.msg}") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        # The last one wins in Python, the first one elsewhere: such a text has two meanings.
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise refusal(
            RefusalReason.DUPLICATE_KEY, f"the key {shown(twice)} stands twice in one object"
        )
    return made


def _constant(word: str) -> object:
    raise refusal(RefusalReason.BAD_NUMBER, f"{word} is no JSON number; use null or leave it out")


def _integer(digits: str) -> int:
    # The length first: int() of 5 000 digits is a ValueError of its own kind.
    if len(digits) > _MAX_NUMBER_CHARS or abs(int(digits)) > MAX_INTEGER:
        raise refusal(
            RefusalReason.BAD_NUMBER,
            f"the integer {shown(digits, 20)} is beyond 2^53, which not every reader keeps exactly",
        )
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits) if len(digits) <= _MAX_NUMBER_CHARS else math.inf
    if not math.isfinite(value):
        raise refusal(
            RefusalReason.BAD_NUMBER,
            f"the number {shown(digits, 20)} is too large or too long to be kept",
        )
    return value
