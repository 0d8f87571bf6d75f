"""A whole installation to be watched, made of the files that ship, on loopback.

RabbitMQ with the plugins, the limits and the users of ``deploy/``, gate and workers with only
their rights, each as a program with a metrics endpoint, and a repository to judge.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from devsecops_eda.advisories import import_osv
from devsecops_eda.broker import Address, parse_url
from devsecops_eda.cli.config import default_state_dir, load
from devsecops_eda.client import Client, commit_pushed
from devsecops_eda.model import Event
from tests.rig.broker import RabbitNode
from tests.rig.management import Login
from tests.rig.ports import free_ports
from tests.rig.programs import Program, Programs
from tests.rig.prometheus import AS_SHIPPED, Pace, Prometheus
from tests.rig.provide import find_of_prometheus
from tests.rig.scraped import Watched
from tests.rig.site import REPO, git
from tests.rig.waiting import eventually

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VHOST = "devsecops"
CHECKS = ("commit", "semgrep", "safety")
GATE = "gate"
# As `make definitions` says it, and deploy/compose.yaml.
EXPORT = (
    *("topology", "export", "--users", "--vhost", VHOST, "--ci", f"ci-acme={REPO}"),
    *("--builder", f"build-acme={REPO}", "--approver", f"ada={REPO}"),
)
USERS = {GATE: "devsecops-gate", **{check: f"devsecops-worker-{check}" for check in CHECKS}}


def clock_is_set() -> bool:
    """Say whether somebody sets the clock of this machine, as its kernel knows it."""
    # Asks only: no mode is set in the structure. 5 is TIME_ERROR.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != 5)


def _settings_of_the_node(port: int) -> dict[str, str]:
    """Return the lines of the one node that ships, but for where it listens."""
    lines = (DEPLOY / "rabbitmq" / "single.conf").read_text().splitlines()
    said = dict(re.findall(r"^([\w.]+) = (.+)$", "\n".join(lines), re.MULTILINE))
    ours = ("load_definitions", "listeners.tcp.default", "management.tcp.port")
    kept = {key: value for key, value in said.items() if key not in ours}
    assert len(kept) == len(said) - len(ours)
    metrics = {"prometheus.tcp.ip": "127.0.0.1", "prometheus.tcp.port": str(port)}
    # The rig's nodes do without these statistics; a node as shipped has them.
    return {**kept, **metrics, "management_agent.disable_metrics_collector": "false"}


def _plugins() -> Sequence[str]:
    found = re.findall(r"\w+", (DEPLOY / "rabbitmq" / "enabled_plugins").read_text())
    return [name for name in found if name != "rabbitmq_management"]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everybody shows metrics; it stays the same over new starts."""

    rabbitmq: int
    node: int
    of: Mapping[str, int]

    @classmethod
    def free(cls) -> Self:
        """Pick ports that nothing listens on."""
        rabbitmq, node, *others = free_ports(2 + len(USERS))
        return cls(rabbitmq, node, dict(zip(USERS, others, strict=True)))


class Monitored:
    """The installation; a context manager that leaves nothing behind.

    Args:
        settings: lines of ``rabbitmq.conf`` besides those that ship.
        recycle: workers take a new pool child for every few events.
    """

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, recycle: bool = False
    ) -> None:
        self.folder = folder
        self._recycle = recycle
        self.ports = Ports.free()
        self._over = ExitStack()
        self._settings = {**_settings_of_the_node(self.ports.rabbitmq), **(settings or {})}
        (folder / "logs").mkdir()
        self.programs = Programs(folder / "logs", patience_s=20)
        self.running: dict[str, Program] = {}

    def __enter__(self) -> Self:
        with ExitStack() as over:
            self.node = over.enter_context(RabbitNode(settings=self._settings, plugins=_plugins()))
            over.callback(self.programs.end_all)
            self._make_users()
            self._make_repository()
            self.import_advisories(datetime.now(UTC))
            self._configure()
            for name in USERS:
                self.start(name)
            for name in USERS:
                self.await_ready(name)
            self._over = over.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.close()

    # What an operator sets up.

    def _make_users(self) -> None:
        """Import the shipped definitions, each user with a password of its own."""
        shipped = json.loads((DEPLOY / "rabbitmq" / "definitions.json").read_text())
        self.passwords = self.folder / "passwords"
        self.passwords.mkdir()
        for user in shipped["users"]:
            (self.passwords / user["name"]).write_text(secrets.token_urlsafe(16))
        exported = self.programs.run(
            *EXPORT, "--passwords", self.passwords,
            env={"DEVSECOPS_EDA_CONFIG": str(DEPLOY / "compose.toml")},
        )  # fmt: skip
        assert exported.exit_code == 0, exported.log
        document = json.loads(exported.log)
        self.node.management.import_definitions(document)
        for user in document["users"]:
            user["password_hash"] = ""
        assert document == shipped

    def login(self, user: str) -> Login:
        """Return one of the shipped users with the password."""
        return Login(user, (self.passwords / user).read_text())

    def address(self, user: str) -> Address:
        """Return the broker as that user sees it."""
        return parse_url(self.node.url(self.login(user), vhost=VHOST))

    def _make_repository(self) -> None:
        self.bare, self._work = self.folder / "app.git", self.folder / "work"
        git("init", "-q", "--bare", "-b", "main", self.bare, cwd=self.folder)
        git("init", "-q", "-b", "main", self._work, cwd=self.folder)
        git("remote", "add", "origin", self.bare, cwd=self._work)
        self.commit({"app.py": "print('nothing to see')\n"})

    def import_advisories(self, date: datetime) -> None:
        """Give the check ``safety`` data that speaks for ``date``."""
        self.database = self.folder / "osv"
        import_osv(ROOT / "examples" / "advisories", self.database, date=date)

    def _configure(self) -> None:
        state = self.folder / "state"
        state.mkdir()
        (state / "scanners").symlink_to(default_state_dir(os.environ) / "scanners")
        text = (DEPLOY / "compose.toml").read_text()
        repository = f'{json.dumps(str(self.bare))}\nprotocols = ["file"]'
        for old, new in (
            ("https://git.example/acme/app.git", repository),
            ("/var/lib/devsecops-eda/osv/database", json.dumps(str(self.database))),
        ):
            assert text.count(f'"{old}"') == 1
            text = text.replace(f'"{old}"', new)
        self.config = self.folder / "devsecops-eda.toml"
        self.config.write_text(f"state_dir = {json.dumps(str(state))}\n{text}")

    # Programs.

    def start(self, name: str) -> None:
        """Start the gate, or the worker of a check as deploy/compose.yaml does."""
        role = ("gate",) if name == GATE else ("worker", name)
        user, key = USERS[name], "GATE" if name == GATE else "WORKER"
        url = f"amqp://{user}@127.0.0.1:{self.node.ports.amqp}/{VHOST}"
        recycled = self._recycle and name != GATE
        how = "tests.rig.recycling" if recycled else "devsecops_eda"
        self.running[name] = self.programs.start(
            *(sys.executable, "-m", how, *role),
            env={
                "DEVSECOPS_EDA_CONFIG": str(self.config),
                "DEVSECOPS_EDA_BROKER_URL": url,
                "DEVSECOPS_EDA_BROKER_PASSWORD_FILE": str(self.passwords / user),
                f"DEVSECOPS_EDA_{key}_METRICS": f"127.0.0.1:{self.ports.of[name]}",
            },
            cwd=ROOT,
        )

    def await_ready(self, name: str) -> None:
        """Return once a program could carry out its next event."""
        watched = Watched.of(self.running[name])
        try:
            eventually(lambda: watched.needs()[0], timeout_s=60, what=f"{name} is ready")
        except AssertionError as never:
            raise AssertionError(f"{never}\n{watched.needs()}") from None

    def watch_host(self) -> str:
        """Start Prometheus's node exporter as deploy/compose.yaml does; return where it is."""
        program = find_of_prometheus("prometheus-node-exporter")
        assert program is not None, "no node exporter here: `make rig` gets one"
        where = f"127.0.0.1:{self.ports.node}"
        only = ("--collector.disable-defaults", "--collector.time", "--collector.timex")
        self.programs.start(program, *only, f"--web.listen-address={where}")
        return where

    def prometheus(self, name: str, pace: Pace = AS_SHIPPED, **more: Sequence[str]) -> Prometheus:
        """Start a Prometheus that watches all of it; ``more`` are further targets."""
        folder = self.folder / name
        folder.mkdir()
        targets = {
            "gate": [f"127.0.0.1:{self.ports.of[GATE]}"],
            "worker": [f"127.0.0.1:{self.ports.of[check]}" for check in CHECKS],
            "rabbitmq": [f"127.0.0.1:{self.ports.rabbitmq}"],
            **more,
        }
        return Prometheus(self.programs, folder, targets, pace=pace)

    # What a CI job does.

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Commit files on top of main, on a branch, and push it; return the sha."""
        start = [] if branch == "main" else ["main"]
        git("checkout", "-q", "-B", branch, *start, cwd=self._work)
        for name, text in files.items():
            (self._work / name).write_text(text)
        git("add", "-A", cwd=self._work)
        git("commit", "-q", "--allow-empty", "-m", f"on {branch}", cwd=self._work)
        git("push", "-q", "--force", "origin", branch, cwd=self._work)
        return git("rev-parse", "HEAD", cwd=self._work)

    def pushed(self, sha: str, *, branch: str, time: datetime | None = None) -> Event:
        """Return the event that tells of a push towards main."""
        now = time or datetime.now(UTC)
        return commit_pushed(REPO, ref=branch, sha=sha, target="main", now=now)

    def client(self) -> Client:
        """Return a client with the rights of a job of this repository."""
        identities = load(self.config, {}).settings.identities
        return Client(self.node.url(self.login("ci-acme"), vhost=VHOST), identities=identities)
