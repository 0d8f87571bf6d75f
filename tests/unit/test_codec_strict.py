"""JSON of one meaning, in bounds, in linear time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsecops_eda.codec import format_time, parse_time
from devsecops_eda.codec.strict import (
    _STRING,
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_ITEMS,
    canonical,
    check_shape,
    parse,
    pointer,
)
from devsecops_eda.errors import InvalidEventError, RefusalReason
from tests import strategies

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | strategies.texts()
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(strategies.texts(), inner, max_size=4)
    ),
    max_leaves=12,
)


def reason_of(body: bytes) -> RefusalReason:
    with pytest.raises(InvalidEventError) as caught:
        parse(body, max_bytes=1_000_000)
    return caught.value.reason


@given(value=values)
def test_what_is_in_bounds_is_read_as_it_was_written(value: object) -> None:
    assert parse(canonical(value), max_bytes=1_000_000) == value
    assert parse(json.dumps(value, indent=1).encode(), max_bytes=1_000_000) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_sixteen_levels_pass_and_seventeen_do_not(opening: str, closing: str) -> None:
    def nested(depth: int) -> bytes:
        return (opening * depth + "0" + closing * depth).encode()

    parse(nested(MAX_DEPTH), max_bytes=1000)
    assert reason_of(nested(MAX_DEPTH + 1)) is RefusalReason.TOO_DEEP


def test_the_last_item_passes_and_one_more_does_not() -> None:
    # The opening bracket counts, and each comma.
    full = b"[" + b"0," * (MAX_ITEMS - 1) + b"0]"
    parse(full, max_bytes=1_000_000)
    assert reason_of(full[:-1] + b",0]") is RefusalReason.TOO_MANY_ITEMS
    empty = b"[" + b"{}," * (MAX_ITEMS // 2) + b"{}]"
    assert reason_of(empty) is RefusalReason.TOO_MANY_ITEMS


def test_the_last_byte_passes_and_one_more_does_not() -> None:
    parse(b'"' + b"x" * 98 + b'"', max_bytes=100)
    with pytest.raises(InvalidEventError):
        parse(b'"' + b"x" * 99 + b'"', max_bytes=100)


@pytest.mark.parametrize("text", ["[" * 99, ",{" * 9999, '\\"[{,', "\\\\", '"', "}]"])
def test_brackets_and_commas_inside_of_text_are_text(text: str) -> None:
    body = json.dumps({"a": text, text: [text]}).encode()
    assert parse(body, max_bytes=1_000_000) == {"a": text, text: [text]}


@given(body=st.binary(max_size=200) | st.text('"\\[]{},a', max_size=60).map(str.encode))
def test_each_byte_is_either_in_a_text_or_outside(body: bytes) -> None:
    """The scan agrees with a reader that goes from byte to byte."""
    outside, inside, escaped = bytearray(), False, False
    for byte in body:
        if not inside:
            inside = byte == 0x22
            if not inside:
                outside.append(byte)
        elif escaped:
            escaped = False
        elif byte == 0x5C:
            escaped = True
        elif byte == 0x22:
            inside = False
    if escaped:
        outside.append(0x5C)  # a text cut off behind its backslash; no JSON either way
    assert _STRING.sub(b"", body) == bytes(outside)


@pytest.mark.parametrize(
    "body",
    [b'"' * 131_071, b'\\"' * 65_535, b'"' + b'\\"' * 65_535, b"[]" * 65_536, b"\\" * 131_072],
    ids=["quotes", "escaped quotes", "text never closed", "brackets", "backslashes"],
)
def test_no_body_at_the_limit_is_slow_to_scan(body: bytes) -> None:
    """Not a timed test: with a scan of quadratic time this would outlast the test's own limit."""
    for _ in range(20):
        with pytest.raises(InvalidEventError):
            parse(body, max_bytes=131_072)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a":1,"a":1}', RefusalReason.DUPLICATE_KEY),
        (b'[{"x":{"a":1,"b":2,"a":3}}]', RefusalReason.DUPLICATE_KEY),
        (b'{"a":1,"\\u0061":1}', RefusalReason.DUPLICATE_KEY),
        (b"NaN", RefusalReason.BAD_NUMBER),
        (b"-1e999", RefusalReason.BAD_NUMBER),
        (b"9007199254740993", RefusalReason.BAD_NUMBER),
        (b"-9007199254740993", RefusalReason.BAD_NUMBER),
        (b"1" * 5000, RefusalReason.BAD_NUMBER),
        (b"0." + b"1" * 5000, RefusalReason.BAD_NUMBER),
        (b'"\\ud800\\u0020"', RefusalReason.BAD_TEXT),
        (b'{"\\u0000":1}', RefusalReason.BAD_TEXT),
        (b"01", RefusalReason.NOT_JSON),
        (b"[1,]", RefusalReason.NOT_JSON),
        (b"'a'", RefusalReason.NOT_JSON),
        (b"\xc0\x80", RefusalReason.NOT_UTF8),
        (b'"\xed\xa0\x80"', RefusalReason.NOT_UTF8),
    ],
)
def test_json_of_more_than_one_meaning_is_refused(body: bytes, reason: RefusalReason) -> None:
    assert reason_of(body) is reason


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse(b'"\\ud83d\\ude00"', max_bytes=100) == "\U0001f600"


def test_the_path_of_bad_text_leads_to_it() -> None:
    with pytest.raises(InvalidEventError) as caught:
        parse(b'{"a/b":[0,{"~":"\\u0000"}]}', max_bytes=100)
    assert caught.value.path == "/a~1b/1/~0"


def test_a_path_is_printable_and_bounded() -> None:
    assert pointer(["a\x1b\n", "é" * 900]).isprintable()
    assert len(pointer(["x" * 5000] * 9)) <= 200


def test_more_items_pass_where_more_are_allowed() -> None:
    check_shape(b"[" + b"0," * 9000 + b"0]", max_items=10_000)


@given(time=strategies.times)
@settings(max_examples=200)
def test_a_time_is_read_as_it_was_written(time: datetime) -> None:
    assert parse_time(format_time(time)) == time
    assert format_time(time).endswith("Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02",
        "2026-03-02T09:30:00",
        "2026-03-02T09:30Z",
        "2026-03-02 09:30:00Z",
        "2026-03-02T09:30:00Z\n",
        "2026-02-30T09:30:00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T09:30:60Z",
        "2026-03-02T09:30:00+24:00",
        "2026-W10-1T09:30:00Z",
        "20260302T093000Z",
        "\u0662026-03-02T09:30:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "",
    ],
)
def test_what_is_no_instant_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_a_time_keeps_its_microseconds_and_loses_what_is_finer() -> None:
    expected = datetime(2026, 3, 2, 8, 30, 0, 123456, tzinfo=UTC)
    assert parse_time("2026-03-02T09:30:00.123456789+01:00") == expected
