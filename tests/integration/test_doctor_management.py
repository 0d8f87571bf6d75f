"""The management API is whatever answers there: the doctor asks it, and is not harmed by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devsecops_eda.broker import parse_url
from devsecops_eda.doctor import management
from devsecops_eda.doctor.broker import clock_of_broker
from devsecops_eda.doctor.management import Management, NotToldError
from devsecops_eda.doctor.seen import untold
from devsecops_eda.settings.values import BrokerSettings


@contextmanager
def answering(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Management]:
    """Be a management API that answers as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://u:secret@127.0.0.1:{server.server_port}/at"
    try:
        settings = BrokerSettings(management_url=url)
        yield Management(settings, parse_url("amqp://h/v"), timeout_s=1)
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def says(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_it_is_asked_with_its_own_user_below_its_own_path() -> None:
    seen: list[tuple[str, str]] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        says(200, b"[]")(handler)

    with answering(respond) as api:
        answer = api.get("queues", "a/b")
        assert api.rows("queues", "/") == []
    assert seen[0] == ("/at/api/queues/a%2Fb", "Basic dTpzZWNyZXQ=")
    assert answer.ahead is not None
    assert abs(answer.ahead.total_seconds()) < 2


@pytest.mark.parametrize(("ahead_s", "state"), [(0, "ok"), (-30, "warn"), (120, "fail")])
def test_a_clock_that_goes_wrong_is_seen_from_what_is_answered(ahead_s: int, state: str) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        said = formatdate(time.time() + ahead_s, usegmt=True)
        handler.date_time_string = lambda timestamp=None: said  # type: ignore[method-assign]
        says(200, b"{}")(handler)

    with answering(respond) as api:
        ahead = api.get("overview").ahead
    assert ahead is not None
    assert abs(ahead.total_seconds() - ahead_s) < 2
    found = clock_of_broker(replace(untold(NotToldError("not asked")), ahead=ahead))
    assert found.state.value == state


def hang(_handler: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(2)


@pytest.mark.parametrize(
    ("respond", "words"),
    [
        (says(401, b"{}"), "does not tell this user"),
        (says(404, b"{}"), "no such thing"),
        (says(500, b"secret"), "status 500"),
        (says(302, b"", Location="http://127.0.0.1:1/x"), "status 302"),
        (says(200, b"<html>"), "no management API"),
        (says(200, b"[" * 100_000), "no management API"),
        (says(200, b"\xff"), "no management API"),
        (says(200, b'{"a": 1}'), "no management API"),
        (says(200, b"[1]"), "no management API"),
        (says(200, b" " * (management.MAX_ANSWER_BYTES + 1)), "more than"),
        (hang, "does not answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_answers_the_doctor_goes_on_and_says_why(
    respond: Callable[[BaseHTTPRequestHandler], None], words: str
) -> None:
    with answering(respond) as api, pytest.raises(NotToldError, match=words) as told:
        api.rows("queues", "v")
    assert "secret" not in str(told.value)
    assert told.value.mend


def test_nobody_there_is_no_answer() -> None:
    api = Management(
        BrokerSettings(management_url="http://127.0.0.1:1"), parse_url("amqp://h/"), timeout_s=3
    )
    with pytest.raises(NotToldError, match="does not answer") as told:
        api.get("overview")
    assert "enable rabbitmq_management" in told.value.mend
