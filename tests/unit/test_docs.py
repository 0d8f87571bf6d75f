"""The documentation says what the code does: tables, commands, options, examples."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest

from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.cli import group
from devsecops_eda.cli.doctables import TABLES, filled
from devsecops_eda.model import Step, StepKind
from devsecops_eda.reports import Context, Lack
from devsecops_eda.reports.machine import render_json
from devsecops_eda.settings import Surroundings, parse_settings
from tests.results import FAILED, NOW, SAFETY, SEMGREP, Scanned, decision
from tests.rig.pages import ROOT, blocks

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_generated_table_is_the_one_of_the_code(page: Path) -> None:
    """If this fails: ``python -m devsecops_eda.cli.doctables README.md docs/*.md``."""
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text


def test_every_table_stands_somewhere() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in TABLES:
        assert f"<!-- {name}: generated -->\n" in pages


def test_every_page_is_reached_from_the_first_one() -> None:
    docs = ROOT / "docs"
    seen = {"index.md"}
    todo = ["index.md"]
    while todo:
        text = (docs / todo.pop()).read_text(encoding="utf-8")
        linked = set(re.findall(r"\]\(([a-z-]+\.(?:md|yaml))", text)) - seen
        seen |= linked
        todo += [name for name in linked if name.endswith(".md")]
    assert seen == {page.name for page in docs.iterdir()}


def commands(page: str) -> Iterator[list[str]]:
    for block in blocks(page):
        yield from map(list, block.commands)
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    for inline in re.findall(r"`devsecops-eda ([^`]*)`", text):
        yield shlex.split(inline)


COMMANDS = [argv for page in PAGES for argv in commands(str(page.relative_to(ROOT)))]


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_every_command_in_the_pages_exists_with_its_options(argv: list[str]) -> None:
    if {"worker", "gate", "up"} & set(argv[:1]):
        pytest.importorskip("celery")
    command: click.Command = group
    context = click.Context(group)
    for word in argv:
        if word.startswith("-"):
            known = {name for param in command.params for name in param.opts}
            known |= set(command.get_help_option_names(context))
            assert word in known, f"{command.name} has no {word}"
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            assert found is not None, f"there is no command {word}"
            command, context = found, click.Context(found, parent=context)


def test_the_commands_are_found_in_the_pages() -> None:
    assert len(COMMANDS) > 10
    assert any(argv[:2] == ["emit", "commit.pushed"] and "--wait" in argv for argv in COMMANDS)


def test_every_example_with_a_name_is_carried_out_by_a_test() -> None:
    tests = "".join(
        file.read_text(encoding="utf-8") for file in ROOT.glob("tests/*/test_docs_*.py")
    )
    for page in PAGES:
        for block in blocks(str(page.relative_to(ROOT))):
            assert not block.name or f'"{block.name}"' in tests, f"{block}: {block.name}"


def test_the_python_examples_run() -> None:
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks("README.md", "python"):
        exec(compile(block.text, str(block), "exec"), names)
    lines = names["Lines"]
    assert isinstance(lines, type)
    assert issubclass(lines, Scanner)
    check = lines()
    assert check.inputs(CheckSettings("lines"), now=NOW).files == {"empty.cfg": b""}


def _settings(text: str) -> None:
    around = Surroundings({}, Path("/"), Path("/state"), lambda _path: "secret")
    parse_settings(text, file=Path("/etc/x.toml"), around=around)


def test_the_configurations_in_the_pages_are_taken() -> None:
    found = [block for page in PAGES for block in blocks(str(page.relative_to(ROOT)))]
    # In the README they are indented, which says no language.
    tables = [one for one in found if one.page == "README.md" and one.text.startswith("[")]
    found = [*tables, *(one for one in found if one.language == "toml")]
    assert len(found) >= 3
    for block in found:
        assert tomllib.loads(block.text)
        _settings(block.text)


def test_the_page_on_reports_names_every_field_of_the_json() -> None:
    def fields(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name
                if name != "counts":
                    yield from fields(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from fields(inner)

    way = (Step(StepKind.FIX, ("findings",), "mend it"),)
    scanned = Scanned(
        replace(decision(), way=way),
        (SEMGREP, SAFETY, FAILED),
        context=Context((Lack("safety", "it is elsewhere"),)),
    )
    named = set(fields(json.loads(render_json(scanned))))
    written = set(re.findall(r'"(\w+)"', blocks("docs/reports.md", "")[0].text))
    assert named == written
