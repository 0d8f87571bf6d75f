"""No secret that comes in leaves again: real programs, and every place where one could."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
import trustme
from psycopg import sql

from devsecops_eda.topology import queue_name
from tests.conftest import Vhost
from tests.rig.canaries import Canary
from tests.rig.git_server import git_server
from tests.rig.postgres import PostgresServer
from tests.rig.programs import DEVSECOPS_EDA, Program, Programs
from tests.rig.repositories import Repo
from tests.rig.searched import Round, numbers_of_letters, publish_malformed, tap
from tests.rig.secretive import ECHO, Secretive
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
