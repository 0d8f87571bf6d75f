"""RabbitMQ's files in ``deploy/`` are what the program would write and what it needs."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devsecops_eda.checks import CheckSettings
from devsecops_eda.cli import run
from devsecops_eda.codec import MAX_BODY_BYTES
from devsecops_eda.settings import Settings

ROOT = Path(__file__).parents[2]
RABBITMQ = ROOT / "deploy" / "rabbitmq"
DEFINITIONS = json.loads((RABBITMQ / "definitions.json").read_text())
PAGE = (ROOT / "docs" / "rabbitmq.md").read_text(encoding="utf-8")


def configured(name: str) -> Mapping[str, str]:
    lines = (RABBITMQ / name).read_text().splitlines()
    pairs = [line.split(" = ", 1) for line in lines if line and not line.startswith("#")]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def export_argv(text: str) -> list[str]:
    found = re.search(r"devsecops-eda (topology export .*?)\s>", text, re.DOTALL)
    assert found is not None
    return shlex.split(found[1].replace("\\\n", " "))


def test_the_definitions_are_what_the_program_writes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails: ``make definitions``."""
    for name in tuple(os.environ):
        if name.startswith("DEVSECOPS_EDA_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)
    argv = export_argv((ROOT / "Makefile").read_text())
    assert run(("--config", str(ROOT / "deploy" / "compose.toml"), *argv)) == 0
    assert (RABBITMQ / "definitions.json").read_text() == capsys.readouterr().out


def test_compose_makes_the_same_with_passwords() -> None:
    compose = YAML(typ="safe").load(ROOT / "deploy" / "compose.yaml")
    argv = export_argv(compose["services"]["definitions"]["command"][0])
    at = argv.index("--passwords")
    assert [*argv[:at], *argv[at + 2 :]] == export_argv((ROOT / "Makefile").read_text())


def test_nobody_can_log_in_with_the_definitions_that_are_shipped() -> None:
    assert {user["password_hash"] for user in DEFINITIONS["users"]} == {""}
    rows = ("permissions", "topic_permissions")
    names = {user["name"] for user in DEFINITIONS["users"]}
    assert all({row["user"] for row in DEFINITIONS[kind]} == names for kind in rows)


@pytest.mark.parametrize("name", ["rabbitmq.conf", "single.conf"])
def test_a_worker_may_hold_an_event_as_long_as_it_may_take(name: str) -> None:
    conf = configured(name)
    settings = Settings(state_dir=Path("/state"))
    held_s = CheckSettings("semgrep").timeout_s + settings.transient_wait_s
    assert int(conf["consumer_timeout"]) == 2 * held_s * 1000
    assert f"`consumer_timeout` {int(conf['consumer_timeout']) // 60000} min" in PAGE
    assert int(conf["max_message_size"]) >= MAX_BODY_BYTES


def test_the_cluster_loads_no_definitions_before_it_is_one() -> None:
    conf = configured("rabbitmq.conf")
    assert "load_definitions" not in conf
    nodes = [key for key in conf if ".nodes." in key]
    assert len(nodes) == int(conf["cluster_formation.target_cluster_size_hint"]) == 3
    assert conf["listeners.tcp"] == "none"
    assert "load_definitions" in configured("single.conf")


def test_the_plugins_that_the_rules_and_people_need_are_enabled() -> None:
    enabled = (RABBITMQ / "enabled_plugins").read_text()
    assert enabled == "[rabbitmq_management,rabbitmq_prometheus].\n"
