"""Every step of the Dockerfile, carried out without an engine, and what then runs in its images."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.rig.carrying_out import carried_out

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(2700)]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COMPOSE = YAML(typ="safe").load(ROOT / "deploy" / "compose.yaml")
CHECK = re.search(r"HEALTHCHECK .*?CMD (\[.*?\])\n", (ROOT / "Dockerfile").read_text(), re.DOTALL)
assert CHECK is not None
# The command of the health check, asked of a program that says that it is well, and that it is not.
HEALTH = f"""
import subprocess
from devsecops_eda.settings import Listen
from devsecops_eda.watch.endpoint import Endpoint
said, check = [], {CHECK[1]}
def ask():
    said.append(subprocess.run(check, stderr=subprocess.DEVNULL).returncode)
ask()
for health in (None, "it stands still"):
    with Endpoint(Listen("0.0.0.0", 9109), metrics=lambda: b"", health=lambda: health,
                  ready=dict):
        ask()
print(said)
"""
SCAN = f"""
cd /tmp
printf '[checks.safety]\\ndatabase = "/var/lib/devsecops-eda/osv/database"\\n' > eda.toml
export DEVSECOPS_EDA_CONFIG=/tmp/eda.toml
devsecops-eda data import {EXAMPLES}/advisories \
    --into /var/lib/devsecops-eda/osv/database --date "$(date -u +%FT%TZ)" >&2
devsecops-eda scan {EXAMPLES}/vulnerable-shop --output json=report.json >&2 || echo "left with $?"
cat report.json
"""
EXPORT = f"""
mkdir /tmp/secrets
for user in {" ".join(COMPOSE["services"]["definitions"]["secrets"])}; do
    echo "$user" > "/tmp/secrets/$user"
done
export DEVSECOPS_EDA_CONFIG={ROOT}/deploy/compose.toml
{COMPOSE["services"]["definitions"]["command"][0].replace("/run/secrets", "/tmp/secrets")}
cat made/definitions.json
"""
ASKED = {
    "version": ("program", ["devsecops-eda", "--version"]),
    "tools": ("worker", ["sh", "-c", "command -v gcc cc g++ make pip pip3"]),
    "pip": ("worker", ["python", "-c", "import pip"]),
    "scanners": ("worker", ["devsecops-eda", "scanners", "list", "--format", "json"]),
    "none": ("program", ["devsecops-eda", "scanners", "list", "--format", "json"]),
    "writable": ("worker", ["find", "/opt", "/var/lib", "/etc", "/usr", "-writable", "-type", "d"]),
    "health": ("program", ["python", "-c", HEALTH]),
    "scan": ("worker", ["sh", "-euc", SCAN]),
    "export": ("program", ["sh", "-euc", EXPORT]),
}


@pytest.fixture(scope="module")
def images() -> Mapping[str, Any]:
    """What the two images say of themselves, and the answers to all that is asked here."""
    with tempfile.TemporaryDirectory(prefix="devsecops-eda-images-") as folder:
        done = carried_out(
            Path(folder), list(ASKED.values()), shown=(EXAMPLES, ROOT / "deploy" / "compose.toml")
        )
    answers = dict(zip(ASKED, done["answers"], strict=True))
    return {"stages": done["stages"], **answers}


def test_the_program_runs_as_nobody_and_can_write_its_own_folders_only(
    images: Mapping[str, Any],
) -> None:
    assert images["stages"]["worker"]["words"]["USER"] == "10001:10001"
    assert images["version"][0] == 0
    assert images["version"][1].startswith("devsecops-eda 0.")
    names = ("evidence", "made", "mirrors", "osv", "spool", "work")
    # Beside them `find` says what it may not look into.
    found = [line for line in images["writable"][1].splitlines() if line.startswith("/")]
    assert sorted(found) == [f"/var/lib/devsecops-eda/{name}" for name in names]


def test_an_image_says_which_program_it_holds_and_on_what_it_is_built(
    images: Mapping[str, Any],
) -> None:
    for stage in ("program", "worker"):
        labels = images["stages"][stage]["labels"]
        said = {name.removeprefix("org.opencontainers.image."): of for name, of in labels.items()}
        assert images["version"][1].strip() == f"{said['title']} {said['version']}"
        assert said["base.name"].startswith("python:3.")
        assert said["revision"] == "unknown"


def test_no_image_has_what_builds(images: Mapping[str, Any]) -> None:
    assert images["tools"][1] == ""
    assert images["pip"][0] == 1


def test_the_scanners_are_in_one_image_and_not_in_the_other(images: Mapping[str, Any]) -> None:
    for name, expected in (("scanners", {True}), ("none", {False})):
        rows = json.loads(images[name][1])["scanners"]
        assert {row["tool"] for row in rows} == {"semgrep", "safety"}
        assert {row["installed"] for row in rows} == expected


def test_a_scan_in_the_image_finds_what_is_there_in_its_sandbox(images: Mapping[str, Any]) -> None:
    code, output = images["scan"]
    assert code == 0, output
    assert "left with 1" in output
    report = json.loads(output[output.index("\n{") :])
    assert report["decision"]["verdict"] == "deny"
    assert {finding["check"] for finding in report["findings"]} == {"safety", "semgrep"}


def test_the_health_check_tells_well_from_not_well_from_not_there(
    images: Mapping[str, Any],
) -> None:
    assert images["health"] == [0, "[1, 0, 1]\n"]


def test_the_service_that_makes_definitions_makes_them_with_passwords(
    images: Mapping[str, Any],
) -> None:
    code, output = images["export"]
    assert code == 0, output
    made = json.loads(output)
    shipped = json.loads((ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text())
    assert all(user.pop("password_hash") for user in made["users"])
    for user in shipped["users"]:
        del user["password_hash"]
    assert made == shipped
