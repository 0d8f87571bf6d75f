"""The address on which a program shows itself: bounded, honest, and gone with the program."""

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.settings import Listen
from devsecops_eda.watch import Endpoint
from devsecops_eda.watch.endpoint import MAX_CONNECTIONS
from tests.rig.scraped import Watched
from tests.rig.waiting import eventually

ANYWHERE = Listen("127.0.0.1", 0)


class Program:
    """A program that says of itself what a test wants."""

    def __init__(self) -> None:
        self.health: str | None = None
        self.needs: dict[str, str | None] = {"broker": None}
        self.broken = False

    def metrics(self) -> bytes:
        if self.broken:
            raise RuntimeError("no numbers")
        return b"numbers 1\n"

    def ready(self) -> Mapping[str, str | None]:
        return self.needs


@contextmanager
def shown(
    program: Program, listen: Listen = ANYWHERE, *, patience_s: float = 10
) -> Iterator[Watched]:
    endpoint = Endpoint(
        listen,
        metrics=program.metrics,
        health=lambda: program.health,
        ready=program.ready,
        patience_s=patience_s,
    )
    with endpoint:
        yield Watched(endpoint.port)


def test_health_and_readiness_are_told_as_they_are_at_each_question() -> None:
    program = Program()
    with shown(program) as watched:
        assert watched.get("/healthz") == (200, b"ok\n")
        assert watched.needs() == (True, {"broker": "ok"})
        program.health = "the main loop has not turned for 61 s"
        program.needs["ledger"] = "the ledger is away"
        assert watched.get("/healthz") == (503, b"the main loop has not turned for 61 s\n")
        assert watched.needs() == (False, {"broker": "ok", "ledger": "the ledger is away"})
        program.health, program.needs = None, {"broker": None}
        assert watched.get("/healthz")[0] == 200
        assert watched.needs()[0]


def test_there_are_three_pages_and_one_way_to_ask() -> None:
    with shown(Program()) as watched:
        assert watched.get("/metrics") == (200, b"numbers 1\n")
        assert watched.get("/metrics?x=1") == (200, b"numbers 1\n")
        assert watched.get("/metrics", method="HEAD") == (200, b"")
        assert watched.get("/")[0] == 404
        assert watched.get("/metrics", method="POST")[0] == 501


def test_a_page_that_cannot_be_made_is_no_empty_page() -> None:
    program = Program()
    with shown(program) as watched:
        program.broken = True
        assert watched.get("/metrics") == (500, b"failed\n")
        program.broken = False
        assert watched.get("/metrics")[0] == 200


def test_those_who_hold_connections_keep_the_next_one_from_nothing_but_a_place() -> None:
    with shown(Program()) as watched:
        silent = [
            socket.create_connection(("127.0.0.1", watched.port), 5) for _ in range(MAX_CONNECTIONS)
        ]
        # One too many is turned away at once, and no thread waits with it.
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            watched.get("/healthz")
        names = [one.name for one in threading.enumerate()]
        assert sum("process_request" in name for name in names) <= MAX_CONNECTIONS
        for one in silent:
            one.close()


def test_who_speaks_slowly_is_cut_off_however_often_he_speaks() -> None:
    with shown(Program(), patience_s=0.3) as watched:
        slow = socket.create_connection(("127.0.0.1", watched.port), 5)

        def cut_off() -> bool:
            try:
                slow.send(b"X")
            except OSError:
                return True
            return False

        eventually(cut_off, timeout_s=10, what="it is cut off")
        slow.close()
        assert watched.get("/healthz")[0] == 200


def test_an_address_that_is_taken_is_named() -> None:
    with shown(Program()) as watched:
        taken = Listen("127.0.0.1", watched.port)
        named = rf"metrics on 127.0.0.1:{watched.port}: .*checks\.<name>\.metrics"
        with pytest.raises(ConfigurationError, match=named):
            Endpoint(taken, metrics=bytes, health=lambda: None, ready=dict)
    # And is free again when whoever had it has ended.
    with shown(Program(), taken) as watched:
        assert watched.get("/healthz")[0] == 200
