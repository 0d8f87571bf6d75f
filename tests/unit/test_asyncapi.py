"""The AsyncAPI document says what the tables say, and nothing in it leads out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from devsecops_eda import topology
from devsecops_eda.cli import asyncapi
from devsecops_eda.cli.events import events
from devsecops_eda.model import EventType
from devsecops_eda.roles import MAY_SAY, Role

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
DOCUMENT = asyncapi.document()


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_file_is_what_the_command_prints() -> None:
    """If this fails: ``devsecops-eda events asyncapi > docs/asyncapi.yaml``."""
    printed = CliRunner().invoke(events, ["asyncapi"]).output
    assert FILE.read_text(encoding="utf-8") == printed


def test_yaml_and_json_are_one_document() -> None:
    printed = CliRunner().invoke(events, ["asyncapi", "--format", "json"]).output
    assert json.loads(printed) == DOCUMENT == YAML(typ="safe").load(FILE)


def test_every_reference_leads_to_a_place_in_the_document() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        place: Any = DOCUMENT
        root, *words = reference.split("/")
        assert root == "#"
        for word in words:
            place = place[word]


def test_every_message_of_an_operation_is_one_of_its_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


@pytest.mark.parametrize("role", Role)
def test_a_role_says_what_the_table_lets_it_say_and_nothing_else(role: Role) -> None:
    says = {name for name in DOCUMENT["operations"] if name.startswith(f"{role.value}.says.")}
    allowed = {type_ for type_, roles in MAY_SAY.items() if role in roles}
    assert says == {f"{role.value}.says.{type_.value}" for type_ in allowed}


@pytest.mark.parametrize("type_", EventType)
def test_an_event_has_a_key_of_six_words_on_the_events_exchange(type_: EventType) -> None:
    channel = DOCUMENT["channels"][type_.value]
    assert len(channel["address"].split(".")) == len(topology.WORD_BUDGET)
    assert channel["address"].startswith(f"{type_.value}.")
    assert channel["bindings"]["amqp"]["exchange"]["name"] == topology.EVENTS


def test_the_queues_take_what_is_bound_to_them() -> None:
    taken = {name: set(channel["messages"]) for name, channel in DOCUMENT["channels"].items()}
    assert taken["queue.check"] == {"commit.pushed", "scan.requested"}
    assert {"scan.completed", "approval.voted"} <= taken["queue.gate"]
    assert "decision.made" not in taken["queue.gate"]
    assert {"decision.made", "scan.failed"} <= taken["queue.reply"]
    assert "commit.pushed" not in taken["queue.reply"]


def test_what_is_said_by_one_role_alone_is_never_replayed() -> None:
    replayed = set(DOCUMENT["channels"]["replay"]["messages"])
    assert not replayed & {"decision.made", "scan.completed", "approval.voted"}
    assert "commit.pushed" in replayed


@pytest.mark.parametrize("type_", EventType)
def test_the_example_of_a_message_follows_its_payload_and_another_does_not(
    type_: EventType,
) -> None:
    message = DOCUMENT["components"]["messages"][type_.value]
    judge = Draft7Validator({"components": DOCUMENT["components"], **message["payload"]})
    (example,) = (each["payload"] for each in message["examples"])
    assert judge.is_valid(example)
    assert not judge.is_valid({**example, "specversion": "0.3"})
    assert not judge.is_valid({**example, "data": {}})
