"""The templates for CI systems pass their linters and use commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from devsecops_eda.cli.ci import ci
from devsecops_eda.reports import FORMATS
from tests.linted import complaints, fits, misfits, passes

CI = Path(__file__).parents[2] / "deploy" / "ci"
GITHUB, GITLAB, JENKINS = (
    CI / name for name in ("github-actions.yml", "gitlab-ci.yml", "Jenkinsfile")
)
SCHEMAS = [
    (GITHUB, ("vendor.github-workflows",)),
    (GITHUB, ("custom.github-workflows-require-timeout",)),
    (GITLAB, ("vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
]


@pytest.mark.parametrize(("file", "schema"), SCHEMAS)
def test_a_template_passes_the_schema_of_its_system(file: Path, schema: tuple[str, ...]) -> None:
    fits(file, *schema)


@pytest.mark.parametrize(
    ("at", "right", "wrong", "words"),
    [
        (0, "runs-on: ubuntu-24.04", "runs-off: ubuntu-24.04", "runs-off"),
        (1, "    timeout-minutes: 70\n", "", "timeout-minutes"),
        (2, "when: always", "when: somtimes", "somtimes"),
    ],
)
def test_a_template_that_is_wrong_does_not_pass(
    at: int, right: str, wrong: str, words: str, tmp_path: Path
) -> None:
    file, schema = SCHEMAS[at]
    assert words in misfits(spoilt(file, right, wrong, tmp_path), *schema)


def spoilt(file: Path, right: str, wrong: str, folder: Path) -> Path:
    """Return a copy of a file with something wrong in it."""
    text = file.read_text(encoding="utf-8")
    assert right in text
    made = folder / file.name
    made.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    return made


ZIZMOR = ("zizmor", "--offline", "--no-progress", "--quiet")


def test_the_workflow_passes_an_audit_of_its_security(tmp_path: Path) -> None:
    passes(*ZIZMOR, GITHUB)
    injected = spoilt(GITHUB, '--environment "$TARGET"', "${{ github.head_ref }}", tmp_path)
    assert "template-injection" in complaints(*ZIZMOR, injected)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def loaded(file: Path) -> Any:
    return YAML(typ="safe").load(file)


COMMANDS = {
    (file.name, text)
    for file in (GITHUB, GITLAB)
    for text in texts(loaded(file))
    if text.startswith("devsecops-eda ")
}
COMMANDS |= {("Jenkinsfile", text) for text in re.findall(r"sh '([^']*)'", JENKINS.read_text())}


def test_each_system_asks_before_a_merge_and_before_a_deployment() -> None:
    asked = sorted(
        (file, words[words.index("--gate") + 1])
        for file, text in COMMANDS
        for words in [shlex.split(text)]
    )
    names = ("Jenkinsfile", "github-actions.yml", "gitlab-ci.yml")
    assert asked == [(name, gate) for name in names for gate in ("deploy", "merge")]


@pytest.mark.parametrize(("file", "text"), sorted(COMMANDS))
def test_a_template_uses_options_and_formats_that_there_are(file: str, text: str) -> None:
    program, name, *argv = shlex.split(text)
    assert (program, name) == ("devsecops-eda", "ci")
    known = {option for param in ci.params for option in param.opts}
    assert {word for word in argv if word.startswith("--")} <= known
    outputs = [argv[at + 1] for at, word in enumerate(argv) if word == "--output"]
    assert {output.partition("=")[0] for output in outputs} <= set(FORMATS)


def minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60}[text[-1]]


def waits(text: str) -> int:
    words = shlex.split(text)
    return minutes(words[words.index("--wait") + 1])


def test_every_job_has_more_time_than_it_waits() -> None:
    for job in loaded(GITHUB)["jobs"].values():
        (command,) = (text for text in texts(job) if text.startswith("devsecops-eda "))
        assert job["timeout-minutes"] > waits(command)
    for job in loaded(GITLAB).values():
        if "script" in job:
            (command,) = (text for text in job["script"] if text.startswith("devsecops-eda "))
            assert minutes(job["timeout"]) > waits(command)
    (all_of_it,) = re.findall(r"timeout\(time: (\d+), unit: 'MINUTES'\)", JENKINS.read_text())
    assert int(all_of_it) > sum(waits(text) for file, text in COMMANDS if file == "Jenkinsfile")


def test_what_a_template_uploads_is_what_it_writes() -> None:
    steps = loaded(GITHUB)["jobs"]["gate"]["steps"]
    assert f"sarif={steps[-1]['with']['sarif_file']}" in steps[-2]["run"]
    job = loaded(GITLAB)["devsecops-eda-gate"]
    for name, file in job["artifacts"]["reports"].items():
        form = {"junit": "junit", "codequality": "gitlab"}[name]
        assert f"{form}={file}" in job["script"][0]
    assert "--output junit=gate.xml" in JENKINS.read_text()
    assert "testResults: 'gate.xml'" in JENKINS.read_text()


def test_every_action_is_named_by_its_commit() -> None:
    used = re.findall(r"uses: (\S+)", GITHUB.read_text())
    assert used
    assert all(re.fullmatch(r"[\w/.-]+@[0-9a-f]{40}", action) for action in used)


def test_the_jenkinsfile_closes_what_it_opens() -> None:
    """What is no Groovy is found by `make deploy`; nothing of Jenkins is here to judge the rest."""
    code = re.sub(r"'[^']*'|//.*", "", JENKINS.read_text())
    depth = 0
    for char in code:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert code.count("(") == code.count(")")
    assert code.lstrip().startswith("pipeline {")
