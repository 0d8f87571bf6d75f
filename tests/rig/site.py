"""A site of one test's own: repository, configuration, queues, and a tap on the exchange."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pika
from pika.exceptions import AMQPError

from devsecops_eda import codec, topology
from devsecops_eda.broker import declare, outgoing, parse_url, publish_once
from devsecops_eda.cli.config import default_state_dir
from devsecops_eda.model import (
    CommitPushed,
    Event,
    EventType,
    commit_pushed_id,
    flow_of,
)
from tests.conftest import Vhost
from tests.rig.cast import Gap
from tests.rig.programs import Program, Programs
from tests.rig.waiting import eventually

REPO = "acme/app"
POLICY = """\
version: 1
name: faults
gates:
  merge:
    asked_by: [commit.pushed]
rules:
"""
RULE = """\
  - id: {check}-ran
    kind: scan
    gates: [merge]
    check: {check}
    within: 30m
"""
GIT = ["-c", "user.name=rig", "-c", "user.email=rig@localhost", "-c", "commit.gpgsign=false"]


def git(*argv: str | Path, cwd: Path, stdin: bytes = b"") -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", *GIT, *map(str, argv)], cwd=cwd, input=stdin, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@dataclass
class Tap:
    """Everything published on the events exchange, in order, from its making on."""

    url: str
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connect()
        self._channel.queue_declare("tap", durable=True, arguments={"x-queue-type": "quorum"})
        self._channel.queue_bind("tap", topology.EVENTS, "#")

    def _connect(self) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
        self._channel = self._connection.channel()

    def events(self, *types: EventType) -> list[Event]:
        """All events (of these types) seen so far, as they were published, repeats too."""
        try:
            self._drain()
        except AMQPError:
            # The node was restarted under us. What was taken and lost then is told to nobody
            # else: nothing is, for a message is taken when it is in `bodies`.
            self._connect()
            self._drain()
        wanted = tuple(type_.value for type_ in types or EventType)
        return [codec.decode(body) for key, body in self.bodies if key.startswith(wanted)]

    def _drain(self) -> None:
        self._connection.process_data_events(0)
        while True:
            method, _, body = self._channel.basic_get("tap")
            if method is None:
                return
            self.bodies.append((method.routing_key, body))
            self._channel.basic_ack(method.delivery_tag)

    def close(self) -> None:
        """Stop listening."""
        if self._connection.is_open:
            self._connection.close()


class Site:
    """What one test plays with. Call `start_gate` and `start_worker`, then `push`."""

    def __init__(
        self,
        vhost: Vhost,
        programs: Programs,
        folder: Path,
        *,
        checks: Sequence[str],
        policy: str | None = None,
        url: str | None = None,
        **keys: Any,
    ) -> None:
        self.vhost = vhost
        self.folder = folder
        self.checks = tuple(checks)
        self.url = url or vhost.url
        self.address = parse_url(self.url)
        self._programs = programs
        self._git_lock = threading.Lock()
        self.bare = folder / "app.git"
        self.work = folder / "work"
        git("init", "-q", "--bare", "-b", "main", self.bare, cwd=folder)
        git("init", "-q", "-b", "main", self.work, cwd=folder)
        git("remote", "add", "origin", self.bare, cwd=self.work)
        self.policy = folder / "policy.yaml"
        self.policy.write_text(
            policy or POLICY + "".join(RULE.format(check=check) for check in self.checks)
        )
        self.config = folder / "site.toml"
        self.state = folder / "state"
        self.configure(**keys)
        declare(topology.Topology(self.checks), self.address)
        self.tap = Tap(self.url)

    def configure(self, *, transient_wait: str = "120s", **more: Any) -> None:
        """Write the configuration file; the scanners are those that the test run installed."""
        self.state.mkdir(exist_ok=True)
        scanners = self.state / "scanners"
        if not scanners.is_symlink():
            scanners.symlink_to(default_state_dir(os.environ) / "scanners")
        self.config.write_text(
            f"""state_dir = {json.dumps(str(self.state))}
transient_wait = "{transient_wait}"
[broker]
url = {json.dumps(self.url)}
sole_user = {json.dumps(self.address.user)}
[repositories."{REPO}"]
url = {json.dumps(str(self.bare))}
protected = ["main"]
protocols = ["file"]
[gate]
policy = {json.dumps(str(self.policy))}
"""
            + "".join(f"{text}\n" for text in more.values())
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.tap.close()

    # Programs.

    def start_gate(self, *, die: Gap | None = None) -> Program:
        """Start the gate."""
        return self._start("gate", die=die)

    def start_worker(
        self, check: str, *, slots: int = 2, die: Gap | None = None, recycle: bool = False
    ) -> Program:
        """Start the worker of one check; ``recycle`` gives each task a pool child of its own."""
        return self._start("worker", check, slots=slots, die=die, recycle=recycle)

    def _start(
        self, *role: str, slots: int = 2, die: Gap | None = None, recycle: bool = False
    ) -> Program:
        deadly = ["--die", die.value, "--mark", str(self.folder / f"died-{die}")] if die else []
        deadly += ["--recycle"] * recycle
        return self._programs.start(
            *(sys.executable, "-m", "tests.rig.cast", "--config", self.config),
            *("--checks", ",".join(self.checks), "--slots", str(slots), *deadly, *role),
            cwd=Path(__file__).parents[2],
        )

    def died(self, gap: Gap) -> bool:
        """Whether somebody has died there."""
        return (self.folder / f"died-{gap}").exists()

    # Commits and events.

    def commit(self, files: dict[str, str], *, branch: str = "main", message: str = "c") -> str:
        """Commit files on top of a branch and push it; return the sha."""
        existing = git("branch", "--list", branch, cwd=self.work)
        if existing or branch == "main":
            git("checkout", "-q", "-B", branch, *([branch] if existing else []), cwd=self.work)
        else:
            git("checkout", "-q", "-b", branch, "main", cwd=self.work)
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A", cwd=self.work)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.work)
        git("push", "-q", "origin", branch, cwd=self.work)
        return git("rev-parse", "HEAD", cwd=self.work)

    def commits(self, number: int) -> tuple[str, ...]:
        """Make many commits on main at once; return their shas, oldest first."""
        tip = git("rev-parse", "main", cwd=self.work) if self._has_main() else ""
        lines = [
            f"commit refs/heads/main\ncommitter rig <rig@localhost> {1700000000 + at} +0000\n"
            f"data 2\nc\n\n"
            + (f"from {tip}\n" if tip and not at else "")
            + f"M 644 inline file.txt\ndata {len(str(at))}\n{at}\n"
            for at in range(number)
        ]
        stream = "".join(["feature done\n", *lines, "done\n"]).encode()
        git("fast-import", "--quiet", "--force", cwd=self.bare, stdin=stream)
        shas = git("rev-list", "--reverse", "main", cwd=self.bare).split()
        return tuple(shas[-number:])

    def _has_main(self) -> bool:
        return bool(git("branch", "--list", "main", cwd=self.work))

    def pushed(self, sha: str, *, ref: str = "refs/heads/main", target: str | None = None) -> Event:
        """The event that tells of a push."""
        data = CommitPushed(REPO, ref, sha, target=target)
        event_id = commit_pushed_id(repo=REPO, ref=ref, sha=sha, target=target)
        return Event(
            id=event_id,
            source="urn:devsecops-eda:ci",
            type=EventType.COMMIT_PUSHED,
            subject=str(data.subject),
            time=datetime.now(UTC),
            correlationid=flow_of(event_id),
            data=data,
        )

    def push(self, sha: str, *, ref: str = "refs/heads/main", target: str | None = None) -> Event:
        """Publish the event that tells of a push, confirmed and routed."""
        event = self.pushed(sha, ref=ref, target=target)
        publish_once(self.address, outgoing(event, mandatory=True), timeout_s=30)
        return event

    # What came of it.

    def await_decisions(self, events: Iterable[Event], *, timeout_s: float) -> None:
        """Return once every flow of ``events`` has a decision."""
        flows = {event.correlationid for event in events}

        def done() -> bool:
            made = {event.correlationid for event in self.tap.events(EventType.DECISION_MADE)}
            return flows <= made

        eventually(done, timeout_s=timeout_s, what=f"{len(flows)} flows decided", interval_s=0.3)

    def outcomes(self) -> dict[str, Counter[str]]:
        """Per event id: how often each check's outcome was told."""
        told: dict[str, Counter[str]] = defaultdict(Counter)
        for event in self.tap.events(EventType.SCAN_COMPLETED, EventType.SCAN_FAILED):
            told[event.causationid or ""][event.source.rpartition(":")[2]] += 1
        return told

    def decisions(self) -> dict[str, dict[str, set[bytes]]]:
        """Per flow: the decision events by id, and every body they were told with."""
        self.tap.events()
        made: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        for key, body in self.tap.bodies:
            if key.startswith("decision.made."):
                event = codec.decode(body)
                made[event.correlationid][event.id].add(body)
        return made

    def dead(self) -> list[tuple[pika.BasicProperties, bytes]]:
        """Take all messages out of the dead letters."""
        found: list[tuple[pika.BasicProperties, bytes]] = []
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(topology.DEAD, auto_ack=True)
                if method is None:
                    return found
                found.append((properties, body))
