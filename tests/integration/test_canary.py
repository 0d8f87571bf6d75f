"""No secret that comes in leaves again: real programs, and every place where one could."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from psycopg import sql

from devsecops_eda.topology import queue_name
from tests.conftest import Vhost
from tests.rig.canaries import Canary
from tests.rig.ear import Ear
from tests.rig.git_server import git_server
from tests.rig.leftovers import descendants
from tests.rig.postgres import PostgresServer
from tests.rig.programs import DEVSECOPS_EDA, Program, Programs
from tests.rig.repositories import Repo
from tests.rig.searched import Round, numbers_of_letters, publish_malformed, tap
from tests.rig.secretive import CHECKS, ECHO, Secretive
from tests.rig.site import REPO
from tests.rig.spied import Watcher

FORMATS = ("text", "json", "sarif", "junit", "gitlab", "github")
WAITING = ("ci", "--gate", "merge", "--wait", "60s", "--annotations")
EXITS = frozenset(
    (
        *(f"output of {name}" for name in ("gate", "commit", "semgrep", "safety", "ci")),
        *("output of ci with a wrong password", "output of doctor", "output of flow"),
        *("output of decision show", "output of config show", "output of topology export"),
        *("output of dead list", "/metrics of gate", "/healthz of semgrep", "/readyz of commit"),
        *("messages", "reasons of dead letters", "database", "database, its journal"),
        *("database, what is archived", "database, who is connected", "names of files"),
        *("management API, connections", "management API, definitions", "log of RabbitMQ"),
        *("file state/evidence", "file state/mirrors", "process list", "children, host"),
        *(f"file reports/{name}" for name in FORMATS),
    )
)
"""Places that must have been looked at."""
SAY_LITTLE = frozenset(
    (
        *("file state/evidence", "file state/scanners"),
        *("output of gate with a strange option", "output of gate with nobody there"),
    )
)
"""Places in which, where all goes wrong, no word of the site's own comes to stand."""


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """Somebody who looks at the process list meanwhile."""
    with Watcher(DEVSECOPS_EDA) as looking:
        yield looking


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder of the repositories of the git server."""
    made = tmp_path / "served"
    made.mkdir()
    return made


@pytest.fixture
def site(
    vhost: Vhost,
    programs: Programs,
    watcher: Watcher,
    postgres: PostgresServer,
    served: Path,
    tmp_path: Path,
) -> Iterator[Secretive]:
    """A site full of canaries."""
    authority = trustme.CA()
    with git_server(served, "", authority.issue_cert("127.0.0.1")) as git:
        with postgres.fresh_database() as database:
            made = Secretive(vhost, programs, watcher, tmp_path, git, postgres, database)
            authority.cert_pem.write_to_path(str(made.folder / "ca.pem"))
            yield made
            programs.end_all()
        with postgres.connect() as connection:
            role = sql.Identifier(made.user("gate"))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_no_canary_is_found_anywhere(
    site: Secretive, watcher: Watcher, postgres: PostgresServer, served: Path
) -> None:
    looked = Round(site)
    tap(site)
    up = site.start_all()
    clones = _clones(site, served)
    for program in up.values():
        program.wait_for("metrics on port")
    publish_malformed(site)
    outputs = [f"--output={name}={site.reports / name}" for name in FORMATS]
    jobs = {
        "ci": site.start("ci", *WAITING, *outputs, cwd=clones[REPO]),
        "ci of a server that repeats": site.start("ci", *WAITING, cwd=clones[ECHO]),
        "ci with a wrong password": site.start(
            "ci", *WAITING, password=site.secret("wrong"), cwd=clones[REPO]
        ),
    }
    codes = {name: job.wait() for name, job in jobs.items()}
    assert list(codes.values()) == [1, 3, 4], {name: job.log[-2000:] for name, job in jobs.items()}
    asked = _asked(site, jobs["ci"])
    asked |= _shown_letters(site, asked["dead list"])
    for name, program in up.items():
        looked.pages(name, program)
    looked.management()
    looked.database(postgres, site.database_name)
    site.end(*up.values())
    for name, program in {**up, **jobs, **asked}.items():
        looked.program(name, program)
    looked.messages()
    looked.servers(postgres)
    looked.files()
    looked.processes(watcher)
    assert looked.exits.leaks() == []
    assert looked.exits.blind() == []
    assert looked.exits.misses(Canary("planted")) == []
    assert looked.exits.names >= EXITS


def _clones(site: Secretive, served: Path) -> dict[str, Path]:
    """Make both repositories, with secrets in their code; return a checkout of each."""
    return {
        repo: site.checkout(Repo(served / name), site.files(), name=name)
        for repo, name in ((REPO, "app.git"), (ECHO, "echo.git"))
    }


def _asked(site: Secretive, job: Program) -> dict[str, Program]:
    """Ask what people ask: on the gate's host about a decision, as an operator about the rest."""
    flow = re.search(r"^flow ([0-9a-f-]{36})", job.log, re.MULTILINE)
    decision = re.search(r"^  decision ([0-9a-f-]{36})", job.log, re.MULTILINE)
    assert flow, job.log
    assert decision, job.log
    passwords = site.passwords()
    export = ("topology", "export", "--users", "--passwords", passwords)
    questions: dict[str, tuple[str, tuple[str | Path, ...]]] = {
        "flow": ("gate", ("flow", flow[1], "--format", "json")),
        "decision show": ("gate", ("decision", "show", decision[1])),
        "config show": ("operator", ("config", "show")),
        "doctor": ("operator", ("doctor", "--format", "json")),
        "dead list": ("operator", ("dead", "list", "--format", "json")),
        "topology export": ("operator", (*export, "--operator", site.user("operator"))),
    }
    asked = {name: site.start(who, *words) for name, (who, words) in questions.items()}
    for name, program in asked.items():
        code = program.wait()
        # The doctor finds a thing or two on any machine.
        assert code in ((0, 1, 3) if name == "doctor" else (0,)), (name, code, program.log[-2000:])
    return asked


def _shown_letters(site: Secretive, listed: Program) -> dict[str, Program]:
    """Look at the dead letters of one queue; those of the others are the same."""
    numbers = numbers_of_letters(listed, queue_name("safety"))
    assert len(numbers) == 3
    shown = {}
    for number, form in zip(numbers, cycle(("text", "json")), strict=False):
        # One after the other: of two who look at the same time each may see only some.
        program = site.start("operator", "dead", "show", number, "--format", form)
        assert program.wait() == 0, program.log[-2000:]
        shown[f"dead show {number}"] = program
    return shown


@pytest.mark.faults_full
def test_no_canary_is_found_when_all_goes_wrong(
    site: Secretive, watcher: Watcher, postgres: PostgresServer, served: Path
) -> None:
    looked = Round(site)
    tap(site)
    site.break_scanner("semgrep")
    ear = Ear(f"@{site.call}")
    ended = {**_locked_out(site), **_misconfigured(site), **_without_database(site)}
    up = site.start_all({"NOTIFY_SOCKET": ear.address})
    for program in up.values():
        program.wait_for("metrics on port")
    publish_malformed(site)
    clones = _clones(site, served)
    ended["ci"] = site.start("ci", *WAITING, cwd=clones[REPO])
    assert ended["ci"].wait() == 3, ended["ci"].log[-2000:]
    up["semgrep"].wait_for("bad_output")
    for name, program in up.items():
        looked.pages(name, program)
    looked.management()
    _harm(site, up)
    for name in ("gate", "operator"):
        for words in (("config", "show", "--format", "json"), ("doctor",)):
            ended[f"{' '.join(words)} of {name}"] = program = site.start(name, *words)
            program.wait()
    looked.database(postgres, site.database_name)
    site.end(up["gate"], up["semgrep"])
    for name, program in {**up, **ended}.items():
        looked.program(name, program)
    looked.exits.add("what systemd is told", repr(ear.heard()), silent=True)
    ear.close()
    looked.messages()
    looked.servers(postgres)
    looked.files()
    looked.processes(watcher)
    assert looked.exits.leaks() == []
    assert set(looked.exits.blind()) <= SAY_LITTLE
    assert looked.exits.misses(Canary("planted")) == []


def _harm(site: Secretive, up: dict[str, Program]) -> None:
    """Lock a worker out while it runs, and kill what another has started."""
    site.lock_out("commit")
    up["commit"].wait_for("ACCESS_REFUSED")
    for child in descendants(up["safety"].pid):
        os.kill(child.pid, signal.SIGKILL)
    up["safety"].wait_for("exited with")


def _locked_out(site: Secretive) -> dict[str, Program]:
    """Start every program with a wrong password."""
    commands: dict[str, tuple[str, ...]] = {
        **{check: ("worker", check) for check in CHECKS},
        "gate": ("gate",),
        "ci": ("emit", "commit.pushed", "--repo", REPO, "--sha", "1" * 40),
        "operator": ("dead", "list"),
    }
    commands["ci"] += ("--branch", "main")
    wrong = site.secret("wrong")
    told = {
        f"{name} with a wrong password": site.start(name, *words, password=wrong)
        for name, words in commands.items()
    }
    assert {name: program.wait() for name, program in told.items()} == dict.fromkeys(told, 4)
    return told


def _misconfigured(site: Secretive) -> dict[str, Program]:
    """Start programs with configurations that are wrong just where a secret stands."""
    word = site.secret("wrong")
    coded, text = quote(word, safe=""), json.dumps(word)
    login = f"{site.call}:{coded}"
    lines = {
        "no port": f'url = "amqp://{login}@127.0.0.1:{coded}/"',
        "no broker": f'url = "http://{login}@127.0.0.1/"',
        "a password too much": f'url = "amqp://{login}@127.0.0.1/"\npassword = {text}',
        "a list": f'url = "amqp://{site.call}@127.0.0.1/"\npassword = [{text}]',
        "no TOML": f"password = {text} {text}",
        "a fragment": f'url = "amqp://{site.call}:#{site.token("wrong")}@127.0.0.1/"',
        "a token in a repository": f'[repositories.x]\nurl = "https://{login}@git.example/x"',
        "a token behind it": f'[repositories.x]\nurl = "https://h/x?private_token={coded}"',
        "evidence elsewhere": f'[evidence]\nurl = "s3://{login}@bucket/x"',
        "a database elsewhere": f'[gate]\ndatabase = "mysql://{login}@db/x"',
    }
    told: dict[str, Program] = {}
    for name, broker in lines.items():
        file = site.config(f"misconfigured-{len(told)}", broker).rename(
            site.folder / f"{len(told)}"
        )
        words = ("--config", file, "--log-level", "debug", "config", "show")
        told[f"config show with {name}"] = site.programs.devsecops_eda(*words, cwd=site.folder)
    codes = {name: program.wait() for name, program in told.items()}
    assert codes == dict.fromkeys(told, 2)
    return told


def _without_database(site: Secretive) -> dict[str, Program]:
    """Start the gate on a database that does not let it in, or is not there."""
    right = site.database
    urls = {
        "a wrong password": right.replace(
            quote(site.secret("database"), safe=""), quote(site.secret("wrong"), safe="")
        ),
        "nobody there": re.sub(r"@127\.0\.0\.1:\d+", "@127.0.0.1:1", right),
        "a strange option": f"{right}?nonsense={site.token('wrong')}",
    }
    told: dict[str, Program] = {}
    for name, url in urls.items():
        file = site.folder / f"database-{len(told)}"
        file.write_text(url)
        env = {"DEVSECOPS_EDA_GATE_DATABASE_FILE": str(file)}
        told[f"gate with {name}"] = site.start("gate", "gate", env=env)
    for name, program in told.items():
        if name != "gate with a strange option":
            program.wait_for("the ledger cannot be opened")
            program.end()
    assert told["gate with a strange option"].wait() == 2
    return told
