"""What is repeated of the words of others has no secret in it, however it is written."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from devsecops_eda.cli.ci_repository import shown
from devsecops_eda.cli.logged import Logged
from devsecops_eda.ledger import open_ledger
from devsecops_eda.redaction import Redaction, login_forms, masked, masked_text
from devsecops_eda.sandbox import Completed
from devsecops_eda.sandbox.process import last_words_of
from devsecops_eda.scanning.quoting import MAX_READ_BYTES, MAX_WORDS_BYTES, without_what_it_read
from devsecops_eda.settings import BrokerSettings, GateSettings, Repository, Settings
from devsecops_eda.settings.keys import without_ours
from devsecops_eda.settings.urls import repository_url
from devsecops_eda.workspace.git import last_words
from devsecops_eda.workspace.remote import explained

SECRET = 'hunt/r2 "horse" é'


def basic(user: str, password: str, *, between: str = ":", before: str = "") -> str:
    return base64.b64encode(f"{before}{user}{between}{password}".encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="/"),
        quote(SECRET, safe="/ ").lower(),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET),
        repr(SECRET),
        repr(SECRET.encode()),
        base64.b64encode(SECRET.encode()).decode(),
        basic("ci", SECRET),
        basic("ci", SECRET, between="\0", before="\0"),
    ],
)
def test_a_secret_that_is_known_is_masked_in_each_form_in_which_it_is_written(form: str) -> None:
    said = Redaction(login_forms("ci", SECRET)).redacted(f"the server said {form} and left")
    assert "horse" not in said
    assert base64.b64encode(SECRET.encode()).decode()[8:16] not in said
    assert "***" in said
    assert said.startswith("the server said ")
    assert said.endswith(" and left")


def test_a_secret_may_be_of_bytes_that_are_no_text() -> None:
    assert Redaction(login_forms("ci", "hunt\udcffer23")).redacted("hunt\udcffer23") == "***"


def test_a_short_secret_is_masked_where_nothing_else_can_be_meant() -> None:
    assert Redaction(["main"]).redacted("main") == "main"
    assert Redaction(["main"], shortest=4).redacted("main") == "***"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("amqp://gate:hush@mq", "amqp://gate:***@mq"),
        ("postgresql://gate:hu/sh@db/x", "postgresql://gate:***@db/x"),
        ("https://hush:x-oauth-basic@h/x", "https://***@h/x"),
        ("https://oauth2:hu@sh@h/x", "https://***@h/x"),
        ("https://hush@h/x", "https://***@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("see https://h/x?private_token=hush&y=1", "see https://h/x?private_token=***&y=1"),
    ],
)
def test_what_stands_in_a_url_is_masked_though_nobody_said_so(text: str, seen: str) -> None:
    assert masked_text(text) == seen


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("AWS_SECRET_ACCESS_KEY=hush", "AWS_SECRET_ACCESS_KEY=***"),
        ('SECRET_KEY = "hush"', 'SECRET_KEY = "***"'),
        ("private-key: hush", "private-key: ***"),
        ("passphrase=hush", "passphrase=***"),
        ("Authorization: Negotiate hush", "Authorization: Negotiate ***"),
        (r"{\"password\": \"hush\"}", r'{\"password\": \"***"}'),
        ("{'token': b'hush'}", "{'token': b'***'}"),
        ("ASIAIOSFODNN7EXAMPLE", "***"),
        ("token_count is 3, in src/secret_access/key.py", None),
        ("rule secret-access-key of semgrep", None),
    ],
)
def test_what_stands_behind_a_telling_name_is_masked_and_nothing_else(
    text: str, seen: str | None
) -> None:
    assert masked_text(text) == (text if seen is None else seen)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "words", ["eyJ-", "eyJ-" * 250 + ".eyJ" + "a-" * 500, "a://", "token=basic ", "key"]
)
def test_no_hostile_text_is_looked_at_for_long(words: str) -> None:
    # Of this size, what is looked for from each place to the end takes minutes.
    text = (words * (256 * 1024))[: 256 * 1024] + "@"
    masked_text(text)
    masked(text)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://gitlab-ci-token:hush@h/a/b.git", "https://h/a/b.git"),
        ("https://hush@h/a/b.git", "https://h/a/b.git"),
        ("https://u:hu@sh@h/a/b.git", "https://h/a/b.git"),
        ("https://u:hu/sh@h/a/b.git", "https://h/a/b.git"),
        ("https://h/a/b.git?access_token=hush", "https://h/a/b.git?access_token=***"),
        ("https://h/a@b", "https://h/a@b"),
        ("git@h:a/b.git", "git@h:a/b.git"),
    ],
)
def test_the_remote_of_a_checkout_is_shown_without_its_credential(url: str, seen: str) -> None:
    assert shown(url) == seen


@pytest.mark.parametrize(
    ("line", "echoed"),
    [
        ("bot:hush", "hush"),
        ("bot:hush", basic("bot", "hush")),
        ("glhush0123456789abcdef", "glhush0123456789abcdef"),
        ("glhush0123456789abcdef", basic("x-access-token", "glhush0123456789abcdef")),
        ("glhush0123456789abcdef:x-oauth-basic", "glhush0123456789abcdef"),
        ("bot:hu/sh", "hu%2Fsh"),
    ],
)
def test_a_git_server_that_repeats_the_credential_is_not_repeated(
    tmp_path: Path, line: str, echoed: str
) -> None:
    file = tmp_path / "credential"
    file.write_text(f"{line}\n")
    said = f"remote: x\nfatal: remote error: access denied for {echoed}!\n"
    repository = Repository("a/b", "https://h/x.git", credential_file=file)
    error = explained(repository, Completed(128, b"", said.encode(), 0.1))
    assert str(error) == "a/b: fatal: remote error: access denied for ***!"
    # Nor is one that is not known any more; what git was given then is not known to us either.
    file.unlink()
    assert "denied" in str(explained(repository, Completed(128, b"", said.encode(), 0.1)))


def test_of_many_words_of_git_no_line_is_begun_in_its_middle() -> None:
    words = b"fatal: password=" + b"hush" * 4000 + b"\nfatal: the end"
    assert last_words(words) == "fatal: the end"


def test_a_repository_is_named_without_a_query_for_all_can_see_gits_arguments() -> None:
    for url in ("https://h/x.git?private_token=hush", "https://h/x.git#hush"):
        with pytest.raises(ValueError, match="credential_file") as refusal:
            repository_url(url, Path("/"))
        assert "hush" not in str(refusal.value)
    for url in ("file:///srv/a?b.git", "file:///srv/a#b.git"):
        with pytest.raises(ValueError, match="%3F or %23"):
            repository_url(url, Path("/"))
    assert repository_url("file:///srv/a%3Fb.git", Path("/")) == ("/srv/a?b.git", "file")


def test_nothing_is_quoted_of_what_a_scanner_read() -> None:
    said = b"Traceback: bad token 'k9/secret-value' at call(password=\"an0ther-value\"), line 7"
    read = [b"x = 'k9/secret-value'\n", b'connect("an0ther-value")']
    assert without_what_it_read(said, read) == (
        b"Traceback: bad token '***' at call(password=\"***\"), line 7"
    )
    assert without_what_it_read(b"unknown option --x", read) == b"unknown option --x"
    assert without_what_it_read(b"f(k9/secret-value)", read) == b"f(***)"


@pytest.mark.parametrize(
    "said",
    [
        rb"got b'x = 1\nhunter2horse\n'",
        b"https://ci:hunter2horse@host/ said no",
        b"hunter2horse:12: bad",
    ],
)
def test_what_a_scanner_read_is_found_inside_of_longer_words(said: bytes) -> None:
    assert b"hunter2" not in without_what_it_read(said, [b"PASSWORD = 'hunter2horse'"])


def test_of_much_that_a_scanner_said_or_read_the_less_is_shown() -> None:
    long = b"half-a-" + b"secret " * MAX_WORDS_BYTES + b"\nthe end"
    assert without_what_it_read(long, []) == b"the end"
    assert without_what_it_read(b"x" * (MAX_WORDS_BYTES + 1), []) == b""
    much = [b"\0" * (MAX_READ_BYTES // 2)] * 3
    assert without_what_it_read(b"a word", much) == b"(6 bytes, not shown)"


def test_of_bubblewraps_words_none_is_a_scanners() -> None:
    assert last_words_of("bwrap", b"bwrap: no userns\nTraceback: hush\n") == "bwrap: no userns"
    assert last_words_of("bwrap", b"Traceback: hush\n") == "no reason given"
    loader = "/usr/bin/bwrap: error while loading shared libraries: libcap.so.2"
    assert last_words_of("bwrap", f"{loader}\nx\n".encode()) == loader


def test_a_program_of_others_does_not_get_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVSECOPS_EDA_BROKER_URL", "amqp://ci:hush@mq")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/srv")
    environ = without_ours(os.environ)
    assert "hush" not in " ".join(environ.values())
    assert environ["GIT_CEILING_DIRECTORIES"] == "/srv"


@pytest.fixture
def debugging(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Logged]:
    """Log everything to stderr; what pytest has put there is put back after the test."""

    def begin() -> Logged:
        monkeypatch.setattr(logging.root, "handlers", [])
        monkeypatch.setattr(logging.root, "level", logging.WARNING)
        return Logged("debug", "text")

    return begin


def test_logs_hide_every_password_of_the_configuration(
    capsys: pytest.CaptureFixture[str], debugging: Callable[[], Logged]
) -> None:
    log = debugging()
    log.learn(
        Settings(
            Path("/state"),
            broker=BrokerSettings("amqp://g:c-brok%2Fer@mq", management_url="https://m:c-manage@h"),
            gate=GateSettings(database="postgresql+psycopg://h/gate?password=c-database"),
        )
    )
    for word in ("c-brok/er", "c-manage", "c-database", basic("g", "c-brok/er")):
        logging.getLogger("x").warning("it said %s and %r", word, word)
    said = capsys.readouterr().err
    assert "c-" not in said
    assert said.count("it said *** and '***'") == 4


def test_no_library_writes_whole_messages_into_a_log_even_where_all_is_said(
    capsys: pytest.CaptureFixture[str], debugging: Callable[[], Logged], tmp_path: Path
) -> None:
    debugging()
    logging.getLogger("x").debug("everything")
    logging.getLogger("celery.pool").debug("TaskPool: Apply hush")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'gate.db'}")
    with ledger.transaction() as records:
        records.archive.keep_policy("sha256:" + "0" * 64, b"hush", datetime.now(UTC))
    ledger.close()
    said = capsys.readouterr().err
    assert "hush" not in said
    assert "everything" in said
