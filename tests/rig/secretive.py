"""A site on which every secret is a canary, and comes in by another way for each program."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg

from devsecops_eda.advisories import import_osv
from devsecops_eda.broker import declare, parse_url
from devsecops_eda.cli.config import default_state_dir
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.roles import Role
from devsecops_eda.scanners.finding import COMPLETE, environment_name
from devsecops_eda.topology import GATE_CHECK, Topology
from tests.conftest import Vhost
from tests.rig.canaries import Canary, call
from tests.rig.git_server import GitServer
from tests.rig.management import Login
from tests.rig.postgres import PostgresServer
from tests.rig.programs import Program, Programs
from tests.rig.repositories import Repo, git_in
from tests.rig.secretive_code import TELLING, manifest_with, program_with
from tests.rig.site import POLICY, REPO, RULE
from tests.rig.spied import Spy, Watcher

ROOT = Path(__file__).parents[2]
CHECKS = ("commit", "semgrep", "safety")
ECHO = "acme/echo"
"""A repository whose server repeats the credential that it is shown."""
USERS = (*CHECKS, "gate", "ci", "operator")
LIMIT = """\
  - {id: no-high, kind: findings, gates: [merge], check: semgrep, at_most: {high: 0},
     within: 30m}
"""


class Secretive:
    """Programs with the rights of their roles, on a broker, a PostgreSQL and a git server.

    ``call`` is a word that may be seen: it is in user names, in the folder, in a file's name.
    """

    def __init__(
        self,
        vhost: Vhost,
        programs: Programs,
        watcher: Watcher,
        folder: Path,
        git: GitServer,
        postgres: PostgresServer,
        database: str,
    ) -> None:
        self.vhost = vhost
        self.programs = programs
        self.call = call()
        self.canaries = {name: Canary(name) for name in _NAMES}
        self.folder = folder / self.call
        self.state = self.folder / "state"
        self.reports = self.folder / "reports"
        self.reports.mkdir(parents=True)
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir()
        self.spies = {name: Spy(self.folder / f"spy-{name}") for name in ("host", "job")}
        self._watcher = watcher
        self._git = git
        git.credential = f"reader:{self.secret('git')}"
        git.indiscreet = "/echo.git/"
        self.database_name = database
        self.database = database_of(postgres, database, self.user("gate"), self.secret("database"))
        self._prepare_state()
        self._prepare_broker()

    def secret(self, name: str) -> str:
        """Return the secret of that name."""
        return self.canaries[name].secret

    def token(self, name: str) -> str:
        """Return the secret of that name as a token."""
        return self.canaries[name].token

    def user(self, name: str) -> str:
        """Return the broker user of that name."""
        return f"{name}-{self.call}"

    def url(self, name: str, password: str | None = None) -> str:
        """Return the broker's URL for that user; without a password there is none in it."""
        word = f":{quote(password, safe='')}" if password is not None else ""
        host = f"127.0.0.1:{self.vhost.node.ports.amqp}"
        return f"amqp://{self.user(name)}{word}@{host}/{self.vhost.name}"

    # What has to be there.

    def _prepare_state(self) -> None:
        self.state.mkdir()
        (self.state / "scanners").symlink_to(default_state_dir(os.environ) / "scanners")
        rules = self.folder / "rules"
        rules.mkdir()
        shipped = ROOT / "devsecops_eda" / "rules" / "python" / "python-hardcoded-secret.yaml"
        shutil.copy(shipped, rules)
        (rules / "telling.yaml").write_text(TELLING)
        import_osv(ROOT / "examples/advisories", self.folder / "advisories", date=datetime.now(UTC))
        ran = "".join(RULE.format(check=check) for check in CHECKS)
        self._write("policy.yaml", POLICY + ran + LIMIT)
        self._write("git-credential", f"{self._git.credential}\n")
        self._write("credentials/broker_password", f"{self.secret('broker-semgrep')}\n")
        self._write("password-of-safety", f"{self.secret('broker-safety')}\n")
        self._write("database-url", self.database)

    def _prepare_broker(self) -> None:
        topology = Topology(CHECKS)
        declare(topology, parse_url(self.vhost.url))
        management = self.vhost.node.management
        roles = {"gate": Role.GATE, "ci": Role.CI, "operator": Role.OPERATOR}
        accounts = []
        for name in USERS:
            tags = "monitoring" if name == "operator" else ""
            management.add_user(Login(self.user(name), self.secret(f"broker-{name}")), tags=tags)
            role = roles.get(name, Role.SCAN_WORKER)
            check = GATE_CHECK if name == "gate" else name if name in CHECKS else None
            accounts.append(Account(self.user(name), role, check, repos=(REPO, ECHO)))
        asking = Login(self.user("management"), self.secret("management"))
        management.add_user(asking, tags="monitoring")
        self.vhost.grant(definitions(topology, vhost=self.vhost.name, users=tuple(accounts)))

    def _write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)
        return file

    def config(self, name: str, broker: str) -> Path:
        """Return the configuration of that program, with these lines about the broker."""
        text = f'state_dir = {json.dumps(str(self.state))}\ntransient_wait = "5s"\n'
        text += f"[broker]\ngate_user = {json.dumps(self.user('gate'))}\n{broker}\n"
        for repo, path in ((REPO, "app.git"), (ECHO, "echo.git")):
            text += f'[repositories."{repo}"]\nurl = {json.dumps(self._git.url(path))}\n'
            text += f"credential_file = {json.dumps(str(self.folder / 'git-credential'))}\n"
        text += f"[gate]\npolicy = {json.dumps(str(self.folder / 'policy.yaml'))}\n"
        text += 'metrics = "127.0.0.1:0"\n[worker]\nmetrics = "127.0.0.1:0"\n'
        more = {
            "commit": "",
            "semgrep": f"rules = [{json.dumps(str(self.folder / 'rules'))}]",
            "safety": f"database = {json.dumps(str(self.folder / 'advisories'))}",
        }
        for check in CHECKS:
            text += f'[checks.{check}]\nuser = "{self.user(check)}"\n{more[check]}\n'
        return self._write(f"{name}.toml", text)

    # Programs.

    def argv(self, name: str, *, password: str | None = None) -> tuple[str, dict[str, str]]:
        """Return configuration and environment of a program; another ``password`` is wrong."""
        word = password or self.secret(f"broker-{name}")
        bare = f"url = {json.dumps(self.url(name))}"
        env: dict[str, str] = {}
        match name:
            case "gate":
                broker = ""
                env["DEVSECOPS_EDA_BROKER_URL"] = self.url(name, word)
                env["DEVSECOPS_EDA_GATE_DATABASE_FILE"] = str(self.folder / "database-url")
            case "ci":
                broker = ""
                env["DEVSECOPS_EDA_BROKER_URL"] = self.url(name, word)
            case "semgrep" if password is None:
                broker = bare
                env["CREDENTIALS_DIRECTORY"] = str(self.folder / "credentials")
            case "safety" if password is None:
                broker = bare
                env["DEVSECOPS_EDA_BROKER_PASSWORD_FILE"] = str(self.folder / "password-of-safety")
            case "operator":
                broker = f"{bare}\npassword = {json.dumps(word)}"
                login = f"{self.user('management')}:{quote(self.secret('management'), safe='')}"
                port = self.vhost.node.ports.management
                env["DEVSECOPS_EDA_BROKER_MANAGEMENT_URL"] = f"http://{login}@127.0.0.1:{port}"
            case _:
                broker = f"url = {json.dumps(self.url(name, word))}"
        tail = f"-{Canary('').halves[0][-6:]}" if password else ""
        return str(self.config(f"{name}{tail}", broker)), env

    def start(
        self,
        name: str,
        *words: str | Path,
        password: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        """Start a command as the program of that name is started, saying all there is to say."""
        config, own = self.argv(name, password=password)
        job = name == "ci"
        spy = self.spies["job" if job else "host"]
        given = {
            "PATH": f"{spy.path}:{os.environ['PATH']}",
            "TMPDIR": str(self.tmp),
            "GIT_SSL_CAINFO": str(self.folder / "ca.pem"),
            # As a runner or a careless unit has them.
            "GITHUB_TOKEN": self.token("job-token"),
            "CI_JOB_TOKEN": self.token("job-token"),
            "AWS_SECRET_ACCESS_KEY": self.secret("environment"),
            **own,
            **(env or {}),
        }
        level = ("--log-level", "debug", "--log-format", "text" if name == "commit" else "json")
        program = self.programs.devsecops_eda(
            "--config", config, *level, *words, env=given, cwd=cwd or self.folder
        )
        if not job:
            self._watcher.watch(program.pid)
        return program

    def start_all(self, env: Mapping[str, str] | None = None) -> dict[str, Program]:
        """Start the gate and a worker of each check."""
        commands = {"gate": ("gate",), **{one: ("worker", one, "--slots", "1") for one in CHECKS}}
        return {name: self.start(name, *words, env=env) for name, words in commands.items()}

    def lock_out(self, name: str) -> None:
        """Give a user another password, and cut the connections that stand."""
        management = self.vhost.node.management
        management.add_user(Login(self.user(name), self.token("wrong")))
        self.vhost.node.ctl("close_all_user_connections", self.user(name), "locked out")

    def break_scanner(self, tool: str) -> None:
        """Let a scanner quote on stderr all that it was given, and print no report."""
        scanners = self.state / "scanners"
        installed = scanners.resolve()
        scanners.unlink()
        broken = scanners / environment_name(tool)
        (broken / "bin").mkdir(parents=True)
        (broken / COMPLETE).touch()
        program = broken / "bin" / tool
        program.write_text('#!/bin/sh\nfor tree; do :; done\ncat "$tree"/* >&2\necho no\nexit 2\n')
        program.chmod(0o755)
        for other in installed.iterdir():
            if other.name != broken.name:
                (scanners / other.name).symlink_to(other)

    def end(self, *programs: Program) -> None:
        """End programs, all at once."""
        for program in programs:
            program.signal(signal.SIGTERM)
        for program in programs:
            assert program.wait() == 0, program.log[-4000:]

    def passwords(self) -> Path:
        """Return a folder with the password of each user, as `topology export` takes them."""
        for name in USERS:
            self._write(f"passwords/{self.user(name)}", self.secret(f"broker-{name}"))
        return self.folder / "passwords"

    # Code.

    def checkout(self, repo: Repo, files: Mapping[str | bytes, bytes], *, name: str) -> Path:
        """Commit ``files`` to a branch called by the word; return a clone as a runner has it."""
        branch = f"topic/{self.call}"
        main = repo.commit({"README": b"x\n"})
        repo.commit(files, branch=branch, parents=[main])
        clone = self.folder / f"clone-{name}"
        git_in(self.folder, "clone", "-q", "-b", branch, str(repo.path), str(clone))
        url = self._git.url(repo.path.name)
        url = url.replace("://", f"://oauth2:{self.token('origin')}@")
        git_in(clone, "remote", "set-url", "origin", url)
        return clone

    def files(self) -> dict[str | bytes, bytes]:
        """Return code in which secrets stand as people write them."""
        return {
            f"app_{self.call}.py": program_with(self.canaries["code"]),
            "coded.py": f"# the coding: {self.token('code')}\n".encode(),
            "requirements.txt": manifest_with(self.canaries["index"]),
        }


_NAMES = (
    *(f"broker-{name}" for name in USERS),
    *("database", "management", "git", "origin", "job-token", "environment", "code", "index"),
    *("dead-body", "dead-header", "dead-text", "dead-bytes", "wrong"),
)


def database_of(postgres: PostgresServer, name: str, user: str, password: str) -> str:
    """Give a database to a user of its own; return the URL an operator writes for it."""
    with postgres.connect() as connection:
        word = psycopg.sql.Literal(password)
        role, base = psycopg.sql.Identifier(user), psycopg.sql.Identifier(name)
        make = "CREATE ROLE {} LOGIN PASSWORD {}"
        connection.execute(psycopg.sql.SQL(make).format(role, word))
        connection.execute(psycopg.sql.SQL("ALTER DATABASE {} OWNER TO {}").format(base, role))
    login = f"{user}:{quote(password, safe='')}"
    return f"postgresql://{login}@127.0.0.1:{postgres.port}/{name}"
