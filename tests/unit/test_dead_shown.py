"""A dead letter is readable and bounded, and shows no secret whatever it holds."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import data

from devsecops_eda.broker import tables
from devsecops_eda.cli import dead_lines
from devsecops_eda.codec import encode
from devsecops_eda.deadletters import Dead, Done, Fate, letter_of, shown_body, shown_headers
from devsecops_eda.deadletters.showing import MAX_HEX_BYTES, MAX_TEXT_CHARS
from tests.letters import PUSH, borrowed, buried, by_broker

SECRET = "hunter2-correct-horse"


def of(body: bytes) -> str:
    shown = shown_body(body, size=len(body))
    assert len(shown.text) <= 4 * MAX_TEXT_CHARS
    return shown.text


HIDING: tuple[Callable[[str], str], ...] = (
    lambda s: json.dumps({"password": s}),
    lambda s: json.dumps({"repo": "a/b", "env": {"DB_PASSWORD": s, "n": 1}}, indent=2),
    lambda s: json.dumps({"api_key": [s, {"x": s}]}),
    lambda s: json.dumps({"Authorization": f"Basic {s}"}),
    lambda s: json.dumps({"a": f"https://ci:{s}@git.example/x.git"}),
    lambda s: json.dumps({"a": f"https://{s}@git.example/x.git"}),
    lambda s: json.dumps({"log": f"export AWS_SECRET_ACCESS_KEY={s}"}),
    lambda s: json.dumps({"password": 1, "x": 2})[:-1] + f', "password": "{s}"}}',
    lambda s: f'{{"password": "{s}", ',
    lambda s: f'{{"password":\n            "{s}", ',
    lambda s: f'{{"passwords": [\n "a",\n "{s}"\n, ',
    lambda s: f'{{"client_secret":"{s}","repo":1',
    lambda s: f"password={s}&repo=1",
    lambda s: f"password = {s}",
    lambda s: f"PGPASSWORD='{s}' psql",
    lambda s: f"token: a b {s}",
    lambda s: f"secret: |\n  line\n  {s}\n",
    lambda s: f"machine git.example login ci password {s}",
    lambda s: f"Cookie: a=1; b={s}",
    lambda s: f"amqps://ci:{s}@broker:5671/x",
    lambda s: f"-----BEGIN OPENSSH PRIVATE KEY-----\n{s}\n-----END OPENSSH PRIVATE KEY-----",
    lambda s: f"-----BEGIN PRIVATE KEY-----\n{s}",
)


@pytest.mark.parametrize("hide", HIDING, ids=range(len(HIDING)))
def test_a_secret_under_a_telling_name_is_not_shown(hide: Callable[[str], str]) -> None:
    assert SECRET in hide(SECRET)
    assert SECRET not in of(hide(SECRET).encode())
    # As no text either: what is shown as bytes was masked before.
    raw = b"\xff\x00\x01" + hide(SECRET).encode()
    shown = "".join(row.partition("  ")[2].replace(" ", "") for row in of(raw).splitlines())
    assert SECRET.encode().hex() not in shown
    letter = buried(body=hide(SECRET).encode(), headers={"x-note": hide(SECRET)})
    for text in told(Dead(letter_of(letter), letter)):
        assert SECRET not in text


def told(one: Dead) -> list[str]:
    """Everything that a command could print of a letter."""
    return [
        dead_lines.full_text(one, obstacle=None, copies=1),
        json.dumps(dead_lines.full_document(one, obstacle=None, copies=1)),
        *dead_lines.rows([one.letter]),
        json.dumps(dead_lines.document(one.letter)),
        dead_lines.done_line(Done(one.letter, Fate.SKIPPED, one.letter.detail), verb="replay"),
    ]


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "glpat-" + "a1B2" * 5,
        "xoxb-" + "1234567890-abcdef",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def-123",
        "Bearer abcdef0123456789",
    ],
)
def test_what_looks_like_a_credential_is_masked_wherever_it_stands(token: str) -> None:
    kept = token.removeprefix("Bearer ")
    for body in (json.dumps({"note": f"see {token} there"}), f"see {token} there", f"[{token}]"):
        shown = of(body.encode())
        assert kept not in shown
        assert "***" in shown
    assert kept not in json.dumps(shown_headers({"x": token, token: "x", "y": [token]}))
    letter = buried(message_id=token, body=b"{")
    for text in told(Dead(letter_of(letter), letter)):
        assert kept not in text


def test_a_name_of_a_header_tells_of_a_secret_too() -> None:
    names = ("X-Api-Key", "password", "authorization", "signing-key", "key", "DB_PASS")
    masked = dict.fromkeys(names, "***")
    assert shown_headers({**dict.fromkeys(names, "abc"), "n": 7}) == {**masked, "n": "7"}


def test_what_is_no_secret_stays_readable() -> None:
    shown = shown_body(encode(PUSH), size=len(encode(PUSH)))
    assert shown.kind == "json"
    assert json.loads(shown.text) == json.loads(encode(PUSH))
    sentence = "the token was refused; the author's routing_key: a.b"
    assert of(sentence.encode()) == sentence


def test_what_the_broker_counts_at_each_look_is_not_shown_as_a_header() -> None:
    assert shown_headers({"x-delivery-count": 9, "x-acquired-count": 9, "n": 7}) == {"n": "7"}


def test_where_no_letter_is_meant_it_is_said_how_many_stand_there() -> None:
    assert dead_lines.summary([], total=0, read=0) == "no dead letters"
    none = "none of the dead letters is meant: 30 stand there"
    assert dead_lines.summary([], total=30, read=30) == none
    assert dead_lines.summary([], total=30, read=20) == f"{none}, 20 were looked at"


def test_only_what_could_be_done_is_offered() -> None:
    letter = letter_of(buried())
    skipped, would = Done(letter, Fate.SKIPPED, "why"), Done(letter, Fate.WOULD)
    told = [
        dead_lines.done_summary(done, verb="replay", really=False)
        for done in ([skipped], [skipped, would])
    ]
    assert told == [
        "skipped 1; nothing was done",
        "would replay 1, skipped 1; nothing was done, --yes does it",
    ]


def test_a_repository_is_named_to_programs_as_in_the_configuration() -> None:
    assert dead_lines.document(letter_of(buried()))["repo"] == "acme/app"
    assert dead_lines.document(letter_of(borrowed(b"", {})))["repo"] is None


def test_a_key_that_stands_twice_is_seen_twice() -> None:
    shown = of(b'{"type": "a", "type": "b"}')
    assert '"a"' in shown
    assert '"b"' in shown


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b"{}", "json"),
        (b"{", "text"),
        ("é ü".encode(), "text"),
        (b"\xff\xfe\x00", "hex"),
        (b"\x00\x01\x02\x03", "hex"),
        (b"[" * 100_000, "text"),
        (b"1" * 5000, "text"),
    ],
)
def test_any_content_has_a_form_to_be_shown_in(body: bytes, kind: str) -> None:
    assert shown_body(body, size=len(body)).kind == kind


def test_what_is_long_is_cut_and_says_so() -> None:
    for body in (b"x" * 100_000, b'{"a": "' + b"y" * 100_000 + b'"}', b"\xff" * 100_000):
        shown = shown_body(body, size=len(body))
        assert shown.cut
        assert len(shown.text) <= max(MAX_TEXT_CHARS, 4 * MAX_HEX_BYTES)
    # Only the beginning of a very long one is in our hands.
    assert shown_body(b'{"a": 1}', size=10**7).kind == "text"
    assert shown_body(b'{"a": 1}', size=10**7).cut
    assert shown_body(("x" + "é" * 10**4).encode()[:-1], size=10**7).kind == "text"


def test_nothing_that_is_shown_moves_a_terminal() -> None:
    for body in (
        b"\x1b[31mred\x07 and more text here",
        '{"a": "\u202e\x1b"}'.encode(),
        b"::error::x",
    ):
        assert all(char.isprintable() or char == "\n" for char in of(body))
        assert not of(body).startswith("::")
    letter = by_broker(headers={"\x1b[31m": "\u202e", "b": "a\nb"}, user="\x1b[2J")
    text = dead_lines.full_text(Dead(letter_of(letter), letter), obstacle=None, copies=2)
    assert all(char.isprintable() or char == "\n" for char in text)


@given(
    body=st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode(errors="replace"))
)
def test_any_bytes_can_be_shown(body: bytes) -> None:
    shown = shown_body(body, size=len(body))
    assert all(char.isprintable() or char == "\n" for char in shown.text)


@pytest.mark.parametrize(
    "unit",
    ["a", "password", "password=", "eyJ", "-----BEGIN PRIVATE KEY-----", "https://a:", '"\\'],
)
def test_no_content_takes_long_to_mask(unit: str) -> None:
    body = (unit * (2**20 // len(unit))).encode()
    began = time.process_time()
    of(body)
    of(json.dumps({"x": body.decode()[:300_000]}).encode())
    shown_headers({str(number): unit * 5000 for number in range(100)})
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "value",
    [
        b"T" + struct.pack(">Q", 2**63),
        b"d" + struct.pack(">d", float("nan")),
        b"f" + struct.pack(">f", float("inf")),
        b"S" + struct.pack(">I", 10_000),
        b"?",
        b"F" + struct.pack(">I", 10),
    ],
)
def test_headers_that_pika_cannot_read_are_handed_on_as_such(value: bytes) -> None:
    entry = b"\x01a" + value
    table = struct.pack(">I", len(entry)) + entry
    found, offset = tables.guarded(data.decode_table)(table + b"behind", 0)
    assert (list(found), offset) == ([tables.UNREADABLE], len(table))
    assert letter_of(borrowed(b"{", found)).id


def test_pika_is_guarded_once_however_often_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "decode_table", data.decode_table)
    tables.hand_on_unreadable_tables()
    once = data.decode_table
    tables.hand_on_unreadable_tables()
    assert data.decode_table is once
    assert once(struct.pack(">I", 3) + b"\x01a?", 0) == (
        {tables.UNREADABLE: "InvalidFieldTypeException"},
        7,
    )


def test_headers_that_pika_can_read_are_as_they_were() -> None:
    pieces: list[bytes] = []
    headers = {"a": "b", "n": 7, "t": {"x": [True, None]}}
    data.encode_table(pieces, headers)
    encoded = b"".join(pieces)
    assert tables.guarded(data.decode_table)(encoded, 0) == (headers, len(encoded))
