"""The schemas are documentation, are bounded, and judge their examples rightly."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from devsecops_eda.cli import eventdocs
from devsecops_eda.codec import decode, encode, schemas
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.model import Event, EventType
from tests.event_strategies import events
from tests.examples import Example, bad, folder, good

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
Node = dict[str, Any]


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every schema within a schema, with its place; not the maps of names to schemas."""
    yield path, schema
    for keyword in ("properties", "$defs"):
        for name, inner in schema.get(keyword, {}).items():
            yield from nodes(inner, f"{path}/{keyword}/{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}/items")


ALL = [
    pytest.param(node, id=f"{name}{path}")
    for name in schemas.NAMES
    for path, node in nodes(schemas.document(name))
]


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_schema_is_one_and_is_called_by_its_name(name: str) -> None:
    schema = schemas.document(name)
    Draft202012Validator.check_schema(dict(schema))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:devsecops-eda:schema:{name}:1.0"
    assert schema["title"]
    assert schema["description"].endswith(".")


@pytest.mark.parametrize("node", ALL)
def test_everything_in_a_schema_is_bounded_and_explained(node: Node) -> None:
    if "$ref" in node:
        target = node["$ref"].removeprefix("urn:devsecops-eda:schema:common:1.0#/$defs/")
        assert target in schemas.document("common")["$defs"]
    match node.get("type"):
        case "string":
            assert node.keys() & {"maxLength", "enum", "const"}
        case "array":
            assert node["maxItems"] > 0
            assert "items" in node
        case "integer":
            assert node["minimum"] >= 0
            assert node["maximum"] <= 2**53
        case "object":
            assert "additionalProperties" not in node, "consumers are open"
    assert "uniqueItems" not in node, "quadratic on objects"
    described = schemas.description_of(node) if node.keys() & {"type", "$ref"} else "."
    assert described.endswith("."), "a description is a sentence"


@pytest.mark.parametrize("node", [each for each in ALL if "pattern" in each.values[0]])  # type: ignore[operator]
def test_patterns_are_anchored_and_ascii_and_refuse_a_newline(node: Node) -> None:
    pattern = node["pattern"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert not re.search(r"\\[dwsDWSbB]", pattern), "a class that also takes Arabic digits"
    assert re.compile(pattern).fullmatch("\n") is None
    # What may be repeated is a set of characters, or a group that begins with a separator.
    assert not re.search(r"[+*]\)[+*]", pattern.replace("]+)*$", ")$")), "may take for ever"


def test_a_pattern_takes_no_trailing_newline_though_python_would() -> None:
    names = {"sha": "a" * 40, "check": "semgrep", "repo": "acme/app", "user": "ci", "ref": "main"}
    for name, value in names.items():
        pattern = schemas.document("common")["$defs"][name]["pattern"]
        assert re.search(pattern, value)
        document = {"subject": {"kind": "tree", "revision": "sha256:" + "0" * 64}, "check": "x"}
        if name in ("check", "ref"):
            schemas.check("scan.requested", document | {name: value})
            with pytest.raises(InvalidEventError):
                schemas.check("scan.requested", document | {name: value + "\n"})


@pytest.mark.parametrize(
    ("ref", "taken"),
    [
        ("main", True),
        ("refs/heads/été/x", True),
        ("refs/pull/7/head", True),
        ("-x", False),
        ("a..b", False),
        ("a@{1}", False),
        ("a b", False),
        ("a\x7f", False),
        ("a:b", False),
        ("", False),
    ],
)
def test_a_ref_is_what_git_takes_for_one(ref: str, taken: bool) -> None:
    document = {"repo": "acme/app", "sha": "a" * 40, "ref": ref}
    if taken:
        schemas.check("commit.pushed", document)
    else:
        with pytest.raises(InvalidEventError):
            schemas.check("commit.pushed", document)


@pytest.mark.parametrize(
    "text", ["2026-02-30T00:00:00Z", "2026-03-02", "soon", "2026-03-02T09:30:00Z\n"]
)
def test_the_format_of_a_time_is_really_asserted(text: str) -> None:
    document = json.loads(good()[0].body)
    with pytest.raises(InvalidEventError) as caught:
        schemas.check("envelope", document | {"time": text})
    assert caught.value.path == "/time"


@pytest.mark.parametrize("example", good(), ids=str)
def test_a_golden_event_is_taken_and_says_nothing_unknown(example: Example) -> None:
    event = decode(example.body)
    assert event.type.value == example.type
    assert unknown_to_schema(json.loads(example.body)) == []
    assert example.body.endswith(b"}\n")


@pytest.mark.parametrize("example", bad(), ids=str)
def test_an_invalid_event_is_refused_for_the_reason_beside_it(example: Example) -> None:
    with pytest.raises(InvalidEventError) as caught:
        decode(example.body)
    assert (caught.value.reason, caught.value.path) == (example.reason, example.path)


@pytest.mark.parametrize("type_", EventType)
def test_every_event_has_examples_and_none_is_forgotten(type_: EventType) -> None:
    assert len([each for each in good() if each.type == type_]) >= 2
    listed = {each.name for each in bad() if each.type == type_}
    there = {file.name for file in folder(type_.value, "invalid").iterdir()}
    assert listed == there - {"expected.json"}
    assert listed


@given(event=events())
def test_our_producers_say_nothing_that_their_schema_does_not_name(event: Event) -> None:
    assert unknown_to_schema(json.loads(encode(event))) == []


@pytest.mark.parametrize("example", good(), ids=str)
def test_consumers_are_open_at_every_level(example: Example) -> None:
    def widen(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: widen(each) for key, each in value.items()} | {"unheardof": [{"x": None}]}
        return [widen(each) for each in value] if isinstance(value, list) else value

    document = widen(json.loads(example.body))
    assert decode(json.dumps(document).encode()) == decode(example.body)


def test_the_reference_is_what_the_schemas_say() -> None:
    """If this fails: `devsecops-eda events list --format markdown > docs/events.md`."""
    assert DOCS.read_text(encoding="utf-8") == eventdocs.markdown()


def test_every_link_within_the_reference_leads_somewhere() -> None:
    text = eventdocs.markdown()
    headings = {eventdocs._anchor(line.lstrip("# ")) for line in re.findall(r"^#+ .*$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= headings


def unknown_to_schema(document: Any) -> list[str]:
    """What a reader complains of who takes nothing that is not in the schema."""
    type_ = document["type"].removeprefix("devsecops.").removesuffix(".v1")
    complaints = [*closed("envelope").iter_errors(document)]
    return [each.message for each in [*complaints, *closed(type_).iter_errors(document["data"])]]


@cache
def closed(name: str) -> Any:
    """The validator of a schema in which every object is closed."""
    documents = {each: copy.deepcopy(dict(schemas.document(each))) for each in schemas.NAMES}
    for each in documents.values():
        for _, node in nodes(each):
            if "properties" in node:
                node["additionalProperties"] = False
    registry: Registry[Any] = Registry().with_resources(
        (each["$id"], Resource.from_contents(each)) for each in documents.values()
    )
    return Draft202012Validator(documents[name], registry=registry)
