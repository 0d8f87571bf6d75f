"""Goes round a site of canaries and collects what stands in every place."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import pika
from psycopg import sql

from devsecops_eda import topology
from devsecops_eda.broker import parse_url
from tests.rig.exits import Exits
from tests.rig.postgres import PostgresServer
from tests.rig.programs import Program
from tests.rig.scraped import Watched
from tests.rig.secretive import Secretive
from tests.rig.spied import Watcher
from tests.rig.standin import messages

TAP = "canary-tap"
DEAD_CANARIES = ("dead-body", "dead-header", "dead-text", "dead-bytes")
JOBS = ("job-token", "environment")
"""What a CI job has in its environment, and so has the git in it."""
PAGES = ("/metrics", "/healthz", "/readyz")
OBJECTS = ("overview", "nodes", "connections", "queues", "exchanges")
MORE_OBJECTS = ("bindings", "users", "permissions", "topic-permissions", "definitions")


def tap(site: Secretive) -> None:
    """Let the broker keep a copy of everything that is published from now on."""
    with pika.BlockingConnection(pika.URLParameters(site.vhost.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(TAP, durable=True)
        channel.queue_bind(TAP, topology.EVENTS, "#")


def publish_malformed(site: Secretive) -> None:
    """Say what no door takes, with secrets in it, as a job that sends its environment would."""
    body, header = site.secret("dead-body"), site.secret("dead-header")
    text, raw = site.token("dead-text"), site.secret("dead-bytes")
    spoken = {
        "Authorization": f"Bearer {header}",
        "x-remote": f"https://ci:{site.token('dead-header')}@git.example/{site.call}.git",
    }
    bodies = [
        json.dumps({"type": "devsecops.commit.pushed.v1", "env": {"DB_PASSWORD": body}}).encode(),
        f"{{not JSON: token={text}\nremote https://ci:{text}@git.example/x.git".encode(),
        b"\xff\xfe\x00password=" + raw.encode(),
    ]
    with pika.BlockingConnection(pika.URLParameters(site.vhost.url)) as connection:
        channel = connection.channel()
        for number, each in enumerate(bodies):
            properties = pika.BasicProperties(message_id=f"malformed-{number}", headers=spoken)
            key = f"commit.pushed.{site.call.lower()}._._._"
            channel.basic_publish(topology.EVENTS, key, each, properties)


class Round:
    """Collects for ``exits``, place by place."""

    def __init__(self, site: Secretive) -> None:
        self._site = site
        self.exits = Exits(site.canaries.values(), site.call)

    def program(self, name: str, program: Program) -> None:
        """Collect what a program wrote on stdout and stderr."""
        self.exits.add(f"output of {name}", program.log)

    def pages(self, name: str, program: Program) -> None:
        """Collect what a program shows over HTTP; labels and needs are words of closed sets."""
        watched = Watched.of(program)
        for page in PAGES:
            status, body = watched.get(page)
            assert status in (200, 503)
            self.exits.add(f"{page} of {name}", body, silent=True)

    def management(self) -> None:
        """Collect what the broker shows of itself and of who is connected."""
        call = self._site.vhost.node.management.call
        connected = self._site.vhost.node.management.connections(self._site.vhost.name)
        assert connected
        self.exits.add("management API, connections", json.dumps(connected))
        for name in (*OBJECTS, *MORE_OBJECTS):
            told = call("GET", name)
            silent = name in ("overview", "nodes", "exchanges", "bindings", "queues")
            self.exits.add(f"management API, {name}", json.dumps(told), silent=silent)
        ask = ("list_connections", "user", "client_properties")
        self.exits.add("broker, connections", self._site.vhost.node.ctl(*ask))

    def messages(self) -> None:
        """Collect everything that was published, and the dead letters with their headers."""
        address = parse_url(self._site.vhost.url)
        for body, properties in messages(address, TAP):
            theirs = str(properties.message_id).startswith("malformed-")
            said = repr(vars(properties)).encode() + body
            if theirs:
                self.exits.add("messages that others said", said, allowed=DEAD_CANARIES)
            else:
                self.exits.add("messages", said)
        letters = messages(address, topology.DEAD)
        assert letters
        for body, properties in letters:
            headers = dict(properties.headers or {})
            ours = {name: headers.pop(name) for name in list(headers) if "x-devsecops-" in name}
            self.exits.add("reasons of dead letters", repr(ours))
            said = repr({**vars(properties), "headers": headers}).encode() + body
            self.exits.add("dead letters as they came", said, allowed=DEAD_CANARIES)

    def database(self, postgres: PostgresServer, name: str) -> None:
        """Collect every table, what the server shows of who is connected, and its log."""
        with postgres.connect(name) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            assert len(tables) > 10
            for (table,) in tables:
                every = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
                for row in connection.execute(every):
                    self.exits.add("database", repr(row))
                    for value in row:
                        if isinstance(value, bytes):
                            self.exits.add("database, what is archived", unpacked(value))
            seen = connection.execute("SELECT * FROM pg_stat_activity").fetchall()
            self.exits.add("database, who is connected", repr(seen))
        journal = postgres.folder / "data" / "pg_wal"
        for file in sorted(path for path in journal.iterdir() if path.is_file()):
            self.exits.add("database, its journal", file.read_bytes())

    def servers(self, postgres: PostgresServer) -> None:
        """Collect the logs of broker and database."""
        self.exits.add("log of RabbitMQ", self._site.vhost.node.log)
        self.exits.add("log of PostgreSQL", postgres.log, silent=True)

    def files(self) -> None:
        """Collect what lies below the state folder, the reports, and what was left in /tmp.

        A mirror holds the repository, secrets in its code too: packed, so not seen here. Beside it
        there are git's own files, in which no word of ours stands.
        """
        for folder in (self._site.state, self._site.reports):
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                kind = file.relative_to(self._site.folder).parts[:2]
                name = "/".join(kind)
                self.exits.add(f"file {name}", file.read_bytes(), silent=kind[1] == "mirrors")
                self.exits.add("names of files", f"{file}\n")
        left = [path for path in self._site.tmp.rglob("*") if path.is_file()]
        assert not left, left

    def processes(self, watcher: Watcher) -> None:
        """Collect what anybody saw in the process list, and what children were given."""
        self.exits.add("process list", b"\n".join(sorted(watcher.commands)))
        started: set[str] = set()
        for where, spy in self._site.spies.items():
            allowed = JOBS if where == "job" else ()
            for program, told in spy.told().items():
                started.add(program)
                self.exits.add(f"children, {where}", told, allowed=allowed)
        assert {"git", "bwrap"} <= started
        for command, given in watcher.environments.items():
            name = f"environment of {Path(command.decode()).name}"
            self.exits.add(name, b"\n".join([command, *sorted(given)]), silent=True)


def unpacked(value: bytes) -> bytes:
    """Return what the ledger keeps in a packed form as it was before."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def numbers_of_letters(program: Program, queue: str) -> list[str]:
    """Return the names of the letters from ``queue`` that ``dead list --format json`` printed."""
    # Among lines of a log, which are JSON as well.
    found = re.search(r"^\{\n.*?^\}$", program.log, re.DOTALL | re.MULTILINE)
    assert found, program.log
    return [one["id"] for one in json.loads(found[0])["letters"] if one["queue"] == queue]
