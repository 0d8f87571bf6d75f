"""docs/installation.md carried out verbatim, on one host and on three, until a flow is decided."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig.site import git
from tests.rig.systemd import CommandError, Systemd
from tests.rig.trial import BAD, GOOD
from tests.rig.waiting import eventually
from tests.rig.walkthrough import Walk, steps

pytestmark = [pytest.mark.installation, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
PAGE = steps((ROOT / "docs" / "installation.md").read_text(encoding="utf-8"))
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "devsecops.json"
PROMETHEUS = "http://127.0.0.1:9090/api/v1/query"
OURS = "/root/devsecops-eda"
MANY = BAD + "".join(f"\n\ndef load_{at}(it):\n    return pickle.loads(it)\n" for at in range(400))
"""So much to report that it does not fit into an event."""
LARGE = f"""
git clone -q -b large https://git.example/acme/app.git {OURS}/large
cd {OURS}/large
export DEVSECOPS_EDA_BROKER_URL_FILE={OURS}/url.ci-acme
devsecops-eda ci --gate merge --target main --wait 5m || echo "left with $?"
"""
USERS = ("gate", "worker-commit", "worker-semgrep", "worker-safety")


@dataclass
class Installed:
    """What the page has led to: its hosts, and what was printed below each heading."""

    walk: Walk
    said: dict[str, str]

    @property
    def gate(self) -> Systemd:
        return self.walk.hosts["the gate's"]

    def ask(self, expr: str) -> list[float]:
        """The values that Prometheus has for an expression, one for each series."""
        answer = json.loads(
            self.gate.run("curl", "-sSfG", PROMETHEUS, "--data-urlencode", f"query={expr}")
        )
        return [float(one["value"][1]) for one in answer["data"]["result"]]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bare repository acme/app.git, as a server of plain files has it."""
    folder = tmp_path_factory.mktemp("forge")
    work, bare = folder / "work", folder / "served" / "acme" / "app.git"
    git("init", "-q", "-b", "main", work, cwd=folder)
    (work / "app.py").write_text(GOOD)
    (work / "requirements.txt").write_text("flask==3.1.2\n")
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "Begin", cwd=work)
    git("checkout", "-q", "-b", "large", cwd=work)
    (work / "app.py").write_text(MANY)
    git("commit", "-q", "-a", "-m", "Break it often", cwd=work)
    git("checkout", "-q", "main", cwd=work)
    git("clone", "-q", "--bare", work, bare, cwd=folder)
    git("update-server-info", cwd=bare)
    return folder / "served"


@pytest.fixture(scope="module", params=[1, 3], ids=["one host", "three hosts"])
def installed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    repositories: Path,
) -> Iterator[Installed]:
    """An installation as the page makes it, up to the end of its last block but the smoke test."""
    opening, *steps, smoke = PAGE
    folder = tmp_path_factory.mktemp("walk")
    with Walk(folder, number=request.param, opening=opening) as walk:
        walk.serve(repositories)
        advisories = shutil.make_archive(
            str(folder / "all"), "zip", ROOT / "examples" / "advisories"
        )
        shutil.copy(advisories, walk.hosts["the workers'"].path("/root/all.zip"))
        made = Installed(walk, {})
        for step in steps:
            if "decision" in step.heading:
                _await_targets(made)
            made.said[step.heading] = made.said.get(step.heading, "") + walk.carry_out(step)
        eventually(
            lambda: not walk.carry_out(smoke).strip(),
            timeout_s=90,
            interval_s=2,
            what="the smoke test prints nothing",
        )
        yield made


def _await_targets(installed: Installed) -> None:
    """Wait as the page says: for a gate, three workers, RabbitMQ twice and three hosts."""

    def seen() -> bool:
        try:
            up = installed.ask("up")
        except CommandError:
            return False  # Prometheus is still starting.
        return len(up) == 9 and all(up)

    eventually(
        seen,
        timeout_s=90,
        interval_s=1,
        what="Prometheus reaches all that it watches",
    )


def test_the_page_leads_to_a_decision_with_the_rights_of_a_ci_user(installed: Installed) -> None:
    (decided,) = (said for heading, said in installed.said.items() if "decision" in heading)
    assert "ALLOW  gate merge: acme/app@" in decided
    assert "left with" not in decided
    flow = re.search(r"^flow (\S+)", decided, re.M)
    assert flow is not None
    as_gate = ("runuser", "-u", "devsecops-eda-gate", "--", "devsecops-eda")
    told = installed.gate.run(*as_gate, "flow", flow[1])
    assert "(by ci-acme)" in told
    for user in USERS:
        assert f"(by devsecops-{user})" in told or user == "gate"
    assert "decision.made merge: allow" in told


def test_the_doctor_finds_nothing_broken_and_the_workers_are_ready(installed: Installed) -> None:
    (well,) = (said for heading, said in installed.said.items() if "well" in heading)
    assert not re.search("^FAIL", well, re.M)
    for check in ("permissions", "consumers", "queues", "bindings", "broker", "ledger", "clock"):
        assert re.search(rf"^ok +{check} ", well, re.M), well
    assert well.count('"ready": true') == 3


def test_every_program_speaks_as_its_own_user_and_over_tls(installed: Installed) -> None:
    broker = installed.walk.hosts["RabbitMQ's"]
    programs = {(f"devsecops-{user}", "true", "devsecops") for user in USERS}

    def seen() -> set[tuple[str, ...]]:
        listed = broker.run("rabbitmqctl", "-q", "list_connections", "user", "ssl", "vhost")
        return {tuple(line.split("\t")) for line in listed.splitlines()[1:]}

    # That of the CI job is listed for a while after its end.
    eventually(lambda: seen() == programs, timeout_s=60, what=f"connections of {programs} alone")
    users = broker.run("rabbitmqctl", "-q", "list_users").splitlines()[1:]
    others = {"admin", "ci-acme", "devsecops-operator"}
    assert {line.split("\t")[0] for line in users} == others | {f"devsecops-{one}" for one in USERS}


def test_a_password_is_where_it_is_needed_and_in_no_command_line(installed: Installed) -> None:
    passwords = {
        file.name: file.read_text().strip()
        for file in installed.gate.path(f"{OURS}/passwords").iterdir()
    }
    for machine in installed.walk.machines:
        running = machine.run("ps", "-e", "-ww", "-o", "args=")
        assert "devsecops-eda" in running or "beam" in running
        assert not any(password in running for password in passwords.values())
    workers, broker = (installed.walk.hosts[who] for who in ("the workers'", "RabbitMQ's"))
    if workers is installed.gate:
        return
    places = (OURS, "/etc", "/var/lib/devsecops-eda")
    for machine, known in (
        (workers, {f"devsecops-{user}" for user in USERS[1:]}),
        (broker, set[str]()),
    ):
        there = {
            user
            for user, password in passwords.items()
            if subprocess.run(
                ["grep", "-rqsF", password, *(machine.path(place) for place in places)],
                check=False,
            ).returncode
            == 0
        }
        assert there == known


def test_a_report_too_large_for_an_event_wants_evidence_in_one_place(installed: Installed) -> None:
    said = installed.gate.run("bash", "-euc", LARGE, environ={"HOME": "/root"})
    if installed.walk.hosts["the workers'"] is installed.gate:
        assert "DENY  gate merge" in said
        assert "left with 1" in said
    else:
        # The page says so: what the gate cannot read opens nothing.
        assert "ERROR  gate merge" in said
        assert "left with 3" in said


def test_every_expression_of_the_dashboard_has_a_value(installed: Installed) -> None:
    expressions = {
        target["expr"].replace("$__rate_interval", "1m")
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
    }
    assert len(expressions) >= 17
    missing = set(expressions)

    def all_seen() -> bool:
        for expr in sorted(missing):
            if any(math.isfinite(value) for value in installed.ask(expr)):
                missing.discard(expr)
        return not missing

    eventually(all_seen, timeout_s=90, interval_s=2, what=f"a value for each of {missing}")
