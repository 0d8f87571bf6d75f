"""Log lines: complete for machines, readable for people, without secrets and without tricks."""

import io
import json
import logging
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda import logs
from devsecops_eda.cli.logged import Logged
from devsecops_eda.logs import MAX_MESSAGE, JsonFormatter, TextFormatter
from devsecops_eda.redaction import Redaction
from devsecops_eda.settings import BrokerSettings, GateSettings, LogFormat, Settings
from tests.judged import pushed

PUSH = pushed()
CANARY = "s3cr3t-canary/9"


class Written:
    """A logger of a test's own, and what it wrote."""

    def __init__(self, formatter: type[logging.Formatter], *secrets: str) -> None:
        redaction = Redaction()
        redaction.hide(secrets)
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(formatter(redaction))  # type: ignore[arg-type]
        self.log = logging.getLogger(f"test.{uuid4()}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(handler)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def line(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.text)
        return document


def test_a_json_line_says_when_how_bad_what_and_about_what() -> None:
    written = Written(JsonFormatter)
    with logs.about(PUSH, check="semgrep", attempt=2):
        written.log.warning("%s waits", "it", extra={"action": "waiting", "reason": "away"})
    line = written.line
    at = str(line.pop("time"))
    assert at.endswith("Z")
    assert abs(datetime.fromisoformat(at).timestamp() - time.time()) < 60
    assert line == {
        "level": "warning",
        "logger": written.log.name,
        "message": "it waits",
        "action": "waiting",
        "event": PUSH.id,
        "flow": PUSH.correlationid,
        "check": "semgrep",
        "attempt": 2,
        "reason": "away",
    }


def test_a_line_names_no_event_when_none_is_worked_on() -> None:
    written = Written(JsonFormatter)
    with logs.about(PUSH, check="gate"), logs.about(replace(PUSH, id="inner"), check="gate"):
        pass
    written.log.info("idle")
    assert set(written.line) == {"time", "level", "logger", "message"}


def test_what_a_line_says_itself_goes_before_what_is_worked_on() -> None:
    written = Written(JsonFormatter)
    with logs.about(PUSH):
        written.log.info("decided", extra={"flow": "another"})
    assert written.line["flow"] == "another"
    assert written.line["event"] == PUSH.id


def test_a_bug_brings_its_traceback_without_secrets() -> None:
    for formatter in (JsonFormatter, TextFormatter):
        written = Written(formatter, CANARY)
        try:
            raise ValueError(f"amqp://gate:{CANARY}@mq and {CANARY}")
        except ValueError:
            written.log.exception("failed")
        assert "Traceback" in written.text
        assert CANARY not in written.text


def test_a_text_line_is_one_line_and_a_traceback_is_indented_below() -> None:
    written = Written(TextFormatter)
    with logs.about(PUSH, check="semgrep", attempt=1):
        written.log.info("hello", extra={"action": "told"})
    line = written.text
    assert line.count("\n") == 1
    assert line.endswith(
        f" INFO     hello  [action=told event={PUSH.id} flow={PUSH.correlationid}"
        " check=semgrep attempt=1]\n"
    )


@given(st.text(), st.text())
def test_no_message_breaks_out_of_its_line(message: str, more: str) -> None:
    for formatter in (JsonFormatter, TextFormatter):
        written = Written(formatter)
        written.log.info("%s", message, extra={"detail": more})
        assert written.text.count("\n") == 1
        assert written.text[:-1].isprintable()
        if formatter is JsonFormatter:
            assert written.text.isascii()
            json.loads(written.text)


@pytest.mark.parametrize(
    "message",
    [
        f"cannot reach amqp://gate:{CANARY}@mq:5671/prod",
        f"postgresql+psycopg://gate:{CANARY}@db/gate is away",
        f"https://oauth2:{CANARY}@git.example/app.git",
        f"https://{CANARY.replace('/', '-')}@git.example/app.git",
        f"password={CANARY}",
        f"'Authorization': 'Bearer {CANARY}'",
        f"https://git.example/app?token={CANARY}&x=1",
        f'{{"password": "{CANARY}"}}',
    ],
)
def test_what_looks_like_a_secret_is_masked_though_nobody_said_so(message: str) -> None:
    for formatter in (JsonFormatter, TextFormatter):
        written = Written(formatter)
        written.log.error(message)
        assert "canary" not in written.text
        assert "***" in written.text


@pytest.mark.parametrize(
    "token",
    [
        *("ghp_" + "a1" * 18, "github_pat_" + "a1" * 20, "glpat-" + "a1" * 10),
        *("xoxb-1234567890-abcdef", "AKIA" + "A1" * 8),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    ],
)
def test_the_usual_forms_of_tokens_are_masked(token: str) -> None:
    assert Redaction().redacted(f"git said {token}, and left") == "git said ***, and left"


@pytest.mark.parametrize(
    "message",
    [
        "ssh://git@git.example/app.git",
        "amqp://gate@mq:5671",
        "https://git.example/acme/app/-/blob/main/a@b.txt",
        "mail ada@example.com about acme/app@0a1b2c",
        "semgrep on acme/app: 3 findings, password policy ok",
    ],
)
def test_what_is_no_secret_stays(message: str) -> None:
    assert Redaction().redacted(message) == message


def test_a_known_secret_is_masked_in_each_of_its_forms_but_no_short_one() -> None:
    redaction = Redaction()
    redaction.hide([CANARY, "guest"])
    assert redaction.redacted(f"{CANARY} s3cr3t-canary%2F9 guest") == "*** *** guest"
    redaction.hide([])
    assert redaction.redacted(CANARY) == CANARY


@pytest.mark.parametrize("piece", ["a", "a://", "a:", "a://b:c", "password=", "eyJa.", "@"])
def test_no_message_takes_long_to_search(piece: str) -> None:
    message = piece * (4 * MAX_MESSAGE // len(piece)) + "@"
    begun = time.monotonic()
    for formatter in (JsonFormatter, TextFormatter):
        written = Written(formatter, CANARY)
        written.log.error(message)
        assert len(written.text) < 2 * MAX_MESSAGE
    assert time.monotonic() - begun < 5


class Root:
    """The root logger as a program finds it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = io.StringIO()
        self._monkeypatch = monkeypatch

    def logged(self, level: str, format_: str | None) -> Logged:
        """Begin to log; what pytest has put there is put back after the test."""
        self._monkeypatch.setattr("sys.stderr", self.stream)
        self._monkeypatch.setattr(logging.root, "handlers", [])
        self._monkeypatch.setattr(logging.root, "level", logging.WARNING)
        return Logged(level, format_)

    def says(self) -> str:
        self.stream.seek(0)
        self.stream.truncate()
        logging.getLogger("x").error("hello amqp://u:p@h")
        text = self.stream.getvalue()
        assert "u:p@h" not in text
        return "json" if text.startswith("{") else "text"


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    return Root(monkeypatch)


def settings(format_: LogFormat = LogFormat.AUTO) -> Settings:
    return Settings(
        Path("/state"),
        broker=BrokerSettings(url="amqp://gate:canary%2Fcanary@mq"),
        gate=GateSettings(database="postgresql+psycopg://gate:databasecanary@db/gate"),
        log_format=format_,
    )


def test_commands_speak_to_people_and_programs_that_nobody_watches_to_machines(root: Root) -> None:
    log = root.logged("error", None)
    assert root.says() == "text"
    log.run_for_days()
    assert root.says() == "json"
    assert logging.root.level == logging.INFO
    log.learn(settings(LogFormat.TEXT))
    assert root.says() == "text"
    log.learn(settings(LogFormat.JSON))
    assert root.says() == "json"


def test_the_command_line_goes_before_the_configuration(root: Root) -> None:
    log = root.logged("error", "text")
    log.learn(settings(LogFormat.JSON))
    log.run_for_days()
    assert root.says() == "text"


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        (None, ("--log-level", "error")),
        ("json", ("--log-level", "error", "--log-format", "json")),
    ],
)
def test_what_the_command_line_said_is_handed_on(
    root: Root, format_: str | None, options: tuple[str, ...]
) -> None:
    assert root.logged("error", format_).options == options


def test_a_terminal_shows_lines_for_people(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.stream, "isatty", lambda: True, raising=False)
    log = root.logged("error", None)
    log.run_for_days()
    assert root.says() == "text"


def test_the_passwords_of_the_configuration_are_masked_wherever_they_stand(root: Root) -> None:
    log = root.logged("error", "json")
    log.learn(settings())
    root.says()
    for word in ("canary/canary", "canary%2Fcanary", "databasecanary"):
        logging.getLogger("x").error("it said: %s!", word)
    assert "canary" not in root.stream.getvalue()
