"""The snippets for CI systems are YAML with commands, options and formats that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devsecops_eda.cli.ci import ci
from devsecops_eda.reports import FORMATS
from tests.rig.pages import ROOT, blocks

PAGE = "docs/ci.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


DOCUMENTS = [YAML(typ="safe").load(block.text) for block in blocks(PAGE, "yaml")]
SCRIPTS = [
    *(text for document in DOCUMENTS for text in texts(document) if "devsecops-eda" in text),
    *re.findall(r"sh '([^']*)'", "".join(block.text for block in blocks(PAGE, "groovy"))),
]
COMMANDS = [text for text in SCRIPTS if text.startswith("devsecops-eda ")]


def test_each_ci_system_has_a_snippet_with_the_command() -> None:
    assert len(DOCUMENTS) == 2
    assert len(COMMANDS) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_snippet_uses_options_and_formats_that_there_are(command: str) -> None:
    program, name, *argv = shlex.split(command)
    assert (program, name) == ("devsecops-eda", "ci")
    known = {option for param in ci.params for option in param.opts}
    assert {word for word in argv if word.startswith("--")} <= known
    outputs = [argv[at + 1] for at, word in enumerate(argv) if word == "--output"]
    assert outputs
    assert {output.partition("=")[0] for output in outputs} <= set(FORMATS)


def test_what_a_snippet_uploads_is_what_it_writes() -> None:
    github, gitlab = DOCUMENTS
    steps = github["jobs"]["merge"]["steps"]
    assert steps[-1]["with"]["sarif_file"] == "gate.sarif"
    assert "sarif=gate.sarif" in steps[-2]["run"]
    for name, file in gitlab["gate"]["artifacts"]["reports"].items():
        form = {"junit": "junit", "codequality": "gitlab"}[name]
        assert f"{form}={file}" in gitlab["gate"]["script"][-1]


def test_every_variable_that_is_looked_at_is_named_on_the_page() -> None:
    room = Path(__file__).parents[2] / "devsecops_eda" / "cli"
    code = "".join((room / f"ci_{name}.py").read_text() for name in ("detect", "github"))
    variables = set(
        re.findall(r'"((?:CI|GITHUB|GIT|CHANGE|BRANCH|TAG|BUILD|GITLAB_USER)_[A-Z_]+)"', code)
    )
    # These only say which CI system it is, or are halves of what the page names.
    beside = {
        "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_ACTOR", "GITLAB_USER_LOGIN",
        "BUILD_USER_ID", "CHANGE_ID", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_URL",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH",
    }  # fmt: skip
    assert len(variables) > 15
    assert {name for name in variables - beside if name not in TEXT} == set()
