"""docs/tutorial.md carried out, on a laptop and on RabbitMQ; logs look as docs/logs.md says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Vhost
from tests.rig.pages import ROOT, named
from tests.rig.programs import Programs
from tests.rig.reader import Reader
from tests.rig.site import git

PAGE, LOGS = "docs/tutorial.md", "docs/logs.md"
EXAMPLES = ROOT / "examples"
UP_S = 120.0


@pytest.fixture
def reader(scanner_state: Path, programs: Programs, tmp_path: Path) -> Reader:
    """One with a checkout on a branch, its repository, and advisories."""
    checkout, bare = tmp_path / "checkout", tmp_path / "app.git"
    git("init", "-q", "-b", "main", checkout, cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "Begin", cwd=checkout)
    git("checkout", "-q", "-b", "topic", cwd=checkout)
    shutil.copytree(EXAMPLES / "vulnerable-shop", checkout, dirs_exist_ok=True)
    git("add", "-A", cwd=checkout)
    git("commit", "-q", "-m", "Sell", cwd=checkout)
    git("clone", "-q", "--bare", checkout, bare, cwd=tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    (state / "scanners").symlink_to(scanner_state / "scanners")
    shutil.make_archive(str(tmp_path / "all"), "zip", EXAMPLES / "advisories")
    return Reader(
        programs,
        tmp_path,
        environ={"DEVSECOPS_EDA_STATE_DIR": str(state)},
        instead={
            "path/to/checkout": "checkout",
            # Of repositories in a folder the configuration has to say that it means them.
            '"https://git.example/acme/app.git"': f'"{bare}"\nprotocols = ["file"]',
        },
    )


def test_on_a_laptop_a_checkout_is_judged_without_a_service(reader: Reader) -> None:
    said = reader.does(PAGE, "laptop", code=1)
    assert "DENY  gate merge" in said
    assert "python-sql-injection" in said
    assert "no verdict from safety" in said


def test_on_rabbitmq_a_commit_is_told_and_decided_and_told_again_answered_the_same(
    vhost: Vhost, reader: Reader
) -> None:
    login = vhost.node.admin
    reader = reader.saying(
        **{"amqp://guest:guest@localhost:5672/%2F": vhost.url, "guest": login.name}
    )
    reader.does(PAGE, "data")
    reader.writes(PAGE, "configuration", "devsecops-eda.toml")
    up = reader.starts(PAGE, "up")
    up.wait_for("Topology, gate and workers are up", timeout_s=UP_S)
    first, second = (reader.does(PAGE, "told", code=1) for _ in range(2))
    for said in (first, second):
        assert "DENY  gate merge: acme/app@" in said
        assert "no-new-vulnerable-dependencies" in said
    (flow,) = set(re.findall(r"flow ([0-9a-f-]{36})", first + second))
    shown = reader.saying(CORRELATION_ID=flow).does(PAGE, "looked-at")
    looks_as_shown(shown)
    assert up.end(timeout_s=UP_S) == 0
    lines = [line for line in up.log.splitlines() if line.startswith("{")]
    logged_as_shown(lines, flow)


def looks_as_shown(flow: str) -> None:
    """Assert that a flow is printed in the form that the page on logs shows."""
    example = named(LOGS, "flow").text
    assert [_form(line) for line in flow.splitlines()[:4]] == [
        _form(line) for line in example.splitlines()[:4]
    ]
    kinds = re.compile(r"(commit\.pushed|scan\.completed \w+|decision\.made merge)")
    assert sorted(set(kinds.findall(example))) == sorted(set(kinds.findall(flow)))


def _form(line: str) -> str:
    """Return a line with what differs from flow to flow taken out."""
    line = re.sub(r"acme/app@\S+", "acme/app", line)
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", line)
    return re.sub(r"[\d.]+", "N", line)


def logged_as_shown(lines: list[str], flow: str) -> None:
    """Assert that a worker logged a line like that of the page on logs."""
    example = json.loads(named(LOGS, "line").text)
    logged = [json.loads(line) for line in lines]
    alike = [one for one in logged if list(one) == list(example) and one["flow"] == flow]
    alike = [one for one in alike if one["action"] == example["action"]]
    assert {one["check"] for one in alike} >= {"commit", "semgrep", "safety"}, lines
    assert {one["message"].partition("@")[0] for one in alike} >= {"scan.completed on acme/app"}
