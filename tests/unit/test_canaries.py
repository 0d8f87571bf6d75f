"""The search for canaries finds them: else finding none would say nothing."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rig.canaries import CALL, Canary, Search, call, search_for

ONE, OTHER = Canary("one"), Canary("other")
SEARCH = search_for((ONE, OTHER))
BOTH_HALVES = {"one (1)", "one (2)"}


@pytest.mark.parametrize(
    "written",
    [
        lambda s: s,
        lambda s: quote(s, safe=""),
        lambda s: quote(quote(s, safe=""), safe=""),
        lambda s: json.dumps({"a": s}),
        lambda s: json.dumps(json.dumps(s)),
        lambda s: repr(s),
        lambda s: repr(s.encode()),
        lambda s: s.upper(),
        lambda s: s.lower(),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex(" "),
        lambda s: "\\x" + s.encode().hex().upper(),
        lambda s: base64.b64encode(f"ci:{s}".encode()).decode(),
        lambda s: base64.b64encode(f"\0ci\0{s}".encode()).decode(),
        lambda s: base64.urlsafe_b64encode(json.dumps({"x": s}).encode()).decode(),
        lambda s: json.dumps({"task": [base64.b64encode(f"{{'{s}'".encode()).decode()]}),
    ],
)
def test_a_canary_is_found_however_it_is_written(written: Callable[[str], str]) -> None:
    assert SEARCH.found(f"before {written(ONE.secret)} behind") == BOTH_HALVES
    assert SEARCH.found(f"before {written(ONE.token)} behind") == BOTH_HALVES


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_canary_is_found_in_base64_whatever_stands_around_it(
    before: bytes, behind: bytes
) -> None:
    body = base64.b64encode(before + ONE.secret.encode() + behind)
    assert SEARCH.found(body) == BOTH_HALVES


def test_half_a_canary_is_found_and_so_is_one_that_nobody_knows() -> None:
    assert SEARCH.found(b"x" + ONE.halves[1].encode()) == {"one (2)"}
    assert SEARCH.found(Canary("a third").secret) == {"a piece of one"}
    assert SEARCH.found(b"\xff\x00 nothing") == frozenset()
    assert SEARCH.found("nothing either: ***") == frozenset()


def test_a_canary_is_found_in_a_database_and_its_journal(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (a TEXT, b BLOB)")
    connection.execute("INSERT INTO t VALUES (?, ?)", (ONE.secret, OTHER.secret.encode()))
    written = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert SEARCH.found(written) == {f"{name} ({n})" for name in ("one", "other") for n in (1, 2)}
    connection.close()


def test_what_may_be_seen_is_told_apart() -> None:
    word = call()
    assert Search(CALL, {"call": word}).found(f"see {word}") == {"call"}
    assert SEARCH.found(word) == frozenset()
