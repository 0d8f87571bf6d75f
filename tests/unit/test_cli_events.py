"""`devsecops-eda events`: what there is, and what is wrong with mine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devsecops_eda.cli import eventdocs
from devsecops_eda.cli.events import events
from devsecops_eda.model import EventType
from tests.examples import Example, bad, folder, good


def run(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(events, arguments, input=given)


def test_the_list_names_every_event_with_who_says_it_and_who_consumes_it() -> None:
    shown = run("list").output
    for row in eventdocs.rows():
        assert row.type.value in shown
        assert row.key in shown
        assert row.said_by
        assert row.consumed_by
    listed = json.loads(run("list", "--format", "json").output)
    assert listed["version"] == 1
    assert [each["type"] for each in listed["events"]] == [each.value for each in EventType]


def test_the_list_says_who_consumes_what_as_the_bindings_do() -> None:
    consumers = {row.type: row.consumed_by for row in eventdocs.rows()}
    assert consumers[EventType.COMMIT_PUSHED] == ("every check", "the gate")
    assert consumers[EventType.SCAN_REQUESTED] == (
        "the check",
        "the gate",
        "whoever waits for the flow",
    )
    assert consumers[EventType.DECISION_REQUESTED] == ("the gate",)
    assert consumers[EventType.DECISION_MADE] == ("whoever waits for the flow",)


def test_the_list_as_markdown_is_the_whole_reference() -> None:
    assert run("list", "--format", "markdown").output == eventdocs.markdown()


@pytest.mark.parametrize("name", ["commit.pushed", "envelope", "common"])
def test_show_prints_the_schema_that_ships(name: str) -> None:
    shown = run("show", name)
    assert shown.exit_code == 0
    assert json.loads(shown.output) == json.loads(folder(name, "1.0.json").read_bytes())


@pytest.mark.parametrize("type_", EventType)
def test_the_example_that_is_shown_is_valid(type_: EventType) -> None:
    shown = run("show", type_.value, "--example")
    assert run("validate", "-", given=shown.output.encode()).exit_code == 0


@pytest.mark.parametrize(
    "arguments", [("show", "commit.pulled"), ("show", "envelope", "--example"), ("validate",)]
)
def test_what_is_not_there_is_a_mistake_in_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_file_that_cannot_be_read_is_a_mistake_in_usage(tmp_path: Path) -> None:
    assert run("validate", str(tmp_path / "none.json")).exit_code == 2
    assert run("validate", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize("example", bad(), ids=str)
def test_validate_says_reason_and_path(example: Example, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(example.body)
    told = run("validate", str(file))
    assert told.exit_code == 1
    assert told.output.startswith(f"{file}:1: {example.reason} ")
    assert example.path in told.output
    assert len(told.output.splitlines()) == 1


def test_validate_takes_many_files_and_one_bad_event_is_enough(tmp_path: Path) -> None:
    files = []
    for example in (*good(), bad()[0]):
        file = tmp_path / f"{example.type}-{example.name}"
        file.write_bytes(example.body)
        files.append(str(file))
    assert run("validate", *files[:-1]).exit_code == 0
    told = run("validate", "--format", "json", *files)
    assert told.exit_code == 1
    report = json.loads(told.output)
    assert report["version"] == 1
    assert [each["valid"] for each in report["events"]] == [True] * len(good()) + [False]


def test_validate_reads_one_event_from_each_line() -> None:
    lines = [json.dumps(json.loads(example.body)).encode() for example in good()]
    lines.insert(2, b"")
    lines.insert(3, b'{"type": 1}')
    told = run("validate", "-", given=b"\n".join(lines) + b"\n")
    assert told.exit_code == 1
    shown = told.output.splitlines()
    assert len(shown) == len(good()) + 1
    assert shown[2].startswith("-:4: not_an_event")
    assert shown[3].startswith("-:5: ok ")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", b"[" * 200_000, b"{}\n{"])
def test_validate_says_something_of_every_content(content: bytes) -> None:
    told = run("validate", "-", given=content)
    assert told.exit_code == 1
    assert told.output.startswith("-:1: ")
    assert told.exception is None or isinstance(told.exception, SystemExit)
