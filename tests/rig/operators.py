"""An operator of a test's own, and dead letters to play with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest

from devsecops_eda import codec
from devsecops_eda.broker import (
    Address,
    Borrowed,
    Borrowing,
    Deadline,
    Incoming,
    Link,
    Outgoing,
    declare,
    parse_url,
)
from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.model import Event
from devsecops_eda.roles import Role
from devsecops_eda.topology import DEAD, Topology, queue_name
from devsecops_eda.worker.outgoing import buried
from devsecops_eda.worker.refusing import DeadLetter
from tests.conftest import Vhost
from tests.letters import PUSH
from tests.letters import buried as letter

TOPOLOGY = Topology(("commit", "semgrep"))


@dataclass(frozen=True, slots=True)
class Operator:
    """One who has the rights of an operator and no other, and calls the command in process."""

    address: Address
    config: Path
    capture: pytest.CaptureFixture[str]

    @classmethod
    def of(cls, vhost: Vhost, folder: Path, capture: pytest.CaptureFixture[str]) -> Self:
        """Return an operator of ``vhost``, on which the topology stands then."""
        declare(TOPOLOGY, parse_url(vhost.url))
        login = vhost.add_user("operator")
        account = Account(login.name, Role.OPERATOR)
        vhost.grant(definitions(TOPOLOGY, vhost=vhost.name, users=(account,)))
        config = folder / "operator.toml"
        url = json.dumps(vhost.url_of(login))
        config.write_text(f'[broker]\nurl = {url}\nsole_user = "rig"\n')
        return cls(parse_url(vhost.url_of(login)), config, capture)

    def dead(self, *argv: str, expect: int = ExitCode.ALLOW) -> str:
        """Call `dead` and return what it said."""
        self.capture.readouterr()
        code = run(["--config", str(self.config), "dead", *argv])
        said = self.capture.readouterr()
        assert code == expect, said.out + said.err
        assert "Traceback" not in said.err
        return said.out + said.err

    def json(self, *argv: str) -> dict[str, Any]:
        """Call `dead` and return what it said as JSON."""
        told: dict[str, Any] = json.loads(self.dead(*argv, "--format", "json"))
        return told

    def counts(self, *filters: str) -> dict[str, int]:
        """Return how many letters of each reason `dead list` finds; it has looked at all."""
        told = self.json("list", *filters)
        assert told["read"] == told["total"]
        assert told["matched"] == sum(told["reasons"].values())
        assert len(told["letters"]) == min(50, told["matched"])
        return dict(told["reasons"])


def say(address: Address, sent: list[Outgoing]) -> None:
    """Publish many messages, each confirmed, over one connection."""
    deadline = Deadline.after(30)
    link = Link.open(address, deadline)
    for promise in [link.publish(message) for message in sent]:
        promise.result(deadline.left_s)
    link.close()


def dead_message(letter: DeadLetter | Borrowed) -> Outgoing:
    """Return a letter as a worker buries it."""
    if isinstance(letter, DeadLetter):
        return buried(letter)
    properties = letter.message.properties
    kept = ("headers", "content_type", "message_id", "type", "correlation_id")
    given = {name: getattr(properties, name) for name in kept}
    return Outgoing(DEAD, "", letter.message.body, {**given, "delivery_mode": 2}, mandatory=True)


def bury(address: Address, number: int, letter: Callable[[int], Borrowed]) -> None:
    """Put letters into the dead letters."""
    say(address, [dead_message(letter(at)) for at in range(number)])


def numbered(at: int) -> Borrowed:
    """Return a letter that every one of its number is told apart from."""
    return letter(message_id=f"message-{at}", body=b"%d" % at, queue=queue_name("semgrep"))


def pushed(at: int) -> Event:
    """Return a push with an id of its own."""
    return replace(PUSH, id=f"push-{at}")


def taken(address: Address, queue: str) -> list[Incoming]:
    """Take all messages out of ``queue``, with their keys."""
    deadline = Deadline.after(30)
    link = Borrowing.open(address, deadline)
    number = link.begin(queue, deadline, keep_bytes=codec.MAX_BODY_BYTES)
    found = [one for one in (link.next(10) for _ in range(number)) if one]
    for one in found:
        link.ack(one)
    link.close()
    return [one.message for one in found]
