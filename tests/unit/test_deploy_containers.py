"""Dockerfile and compose file pass their linters, and what they name is there."""

from __future__ import annotations

import fnmatch
import json
import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser
from ruamel.yaml import YAML

from devsecops_eda.cli import group
from devsecops_eda.settings import KEYS, Surroundings, parse_settings
from devsecops_eda.settings.sources import CONFIG_VARIABLE
from tests.linted import complaints, fits, misfits, passes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("devsecops-eda/")}
DEFINITIONS = json.loads((DEPLOY / "rabbitmq" / "definitions.json").read_text())
CONFIGURATION = (DEPLOY / "compose.toml").read_text()


def instructions(tmp_path: Path) -> list[dict[str, str]]:
    parser = DockerfileParser(path=str(tmp_path / "Dockerfile"))
    parser.content = DOCKERFILE
    return [
        {"instruction": one["instruction"], "value": one["value"]}
        for one in parser.structure
        if one["instruction"] != "COMMENT"
    ]


def stages(tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {"": []}
    name = ""
    for one in instructions(tmp_path):
        if one["instruction"] == "FROM":
            name = one["value"].partition(" AS ")[2]
            found[name] = []
        found[name].append(one)
    return found


HADOLINT = ("hadolint", "--failure-threshold", "style")
YAMLLINT = ("yamllint", "--strict", "-c", DEPLOY / ".yamllint")


def test_the_dockerfile_passes_hadolint() -> None:
    passes(*HADOLINT, "Dockerfile")


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("USER 10001:10001\n", "USER 10001:10001\nRUN cd /tmp\n", "DL3003"),
        ("find /var/lib/devsecops-eda/scanners -name", "find $HOME/scanners -name", "SC2086"),
        ("# hadolint ignore=DL3008\n", "", "DL3008"),
        ("COPY LICENSE README.md", "COPPY LICENSE README.md", "unexpected"),
    ],
)
def test_hadolint_finds_what_is_wrong(right: str, wrong: str, words: str, tmp_path: Path) -> None:
    assert right in DOCKERFILE
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace(right, wrong, 1))
    assert words in complaints(*HADOLINT, tmp_path / "Dockerfile")


def test_the_compose_file_passes_the_schema_of_its_specification(tmp_path: Path) -> None:
    fits(DEPLOY / "compose.yaml", "vendor.compose-spec")
    text = (DEPLOY / "compose.yaml").read_text()
    wrong = text.replace("mem_limit: 64m", "mem_limt: 64m").replace("[ALL]", "ALL")
    (tmp_path / "compose.yaml").write_text(wrong)
    said = misfits(tmp_path / "compose.yaml", "vendor.compose-spec")
    assert "mem_limt" in said
    assert "cap_drop" in said


def test_every_yaml_file_passes_yamllint(tmp_path: Path) -> None:
    passes(*YAMLLINT, DEPLOY)
    (tmp_path / "twice.yml").write_text("a: 1\na: 2\n")
    assert "duplication" in complaints(*YAMLLINT, tmp_path)


def test_every_stage_is_built_on_the_base_that_is_given(tmp_path: Path) -> None:
    (before,) = stages(tmp_path)[""]
    assert re.fullmatch(r"BASE_IMAGE=python:3\.\d+-slim-\w+", before["value"])
    froms = {name: found[0]["value"] for name, found in stages(tmp_path).items() if name}
    assert froms == {
        "build": "${BASE_IMAGE} AS build",
        "scanners": "build AS scanners",
        "program": "${BASE_IMAGE} AS program",
        "worker": "program AS worker",
    }


def test_the_images_install_nothing_and_build_nothing_themselves(tmp_path: Path) -> None:
    found = stages(tmp_path)
    last = [*found["program"], *found["worker"]]
    text = " ".join(one["value"] for one in last if one["instruction"] == "RUN")
    assert not re.search(r"\bpip\b|\bgcc\b|build-essential|-dev\b", text)
    assert "--no-install-recommends bubblewrap ca-certificates git openssh-client" in text
    copied = [one["value"] for one in last if one["instruction"] == "COPY"]
    assert copied == [
        "--from=build /opt/devsecops-eda /opt/devsecops-eda",
        "--from=scanners /var/lib/devsecops-eda/scanners /var/lib/devsecops-eda/scanners",
    ]


def test_every_package_comes_from_a_list_with_hashes(tmp_path: Path) -> None:
    build = [one["value"] for one in stages(tmp_path)["build"] if one["instruction"] == "RUN"]
    installs = re.findall(r"pip (?:install|wheel) (.*?)(?: &&|$)", " && ".join(build))
    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes --only-binary :all:" in options or "--no-deps" in options
        assert "--no-deps" not in options or re.search("--no-index|--no-build-isolation", options)


def test_the_images_run_as_nobody_and_say_how_they_are(tmp_path: Path) -> None:
    program = {one["instruction"]: one["value"] for one in stages(tmp_path)["program"]}
    assert program["USER"] == "10001:10001"
    assert json.loads(program["ENTRYPOINT"]) == ["devsecops-eda"]
    check = json.loads(program["HEALTHCHECK"].partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    compile(check[2], "HEALTHCHECK", "exec")
    port = program["EXPOSE"]
    assert f"127.0.0.1:{port}/healthz" in check[2]
    assert program["ENV"].count(f"_METRICS=0.0.0.0:{port}") == 2
    assert [one["instruction"] for one in stages(tmp_path)["worker"]] == ["FROM", "COPY"]


def test_the_label_says_the_version_of_the_package(tmp_path: Path) -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    version = setup["metadata"]["version"]
    values = [one["value"] for one in instructions(tmp_path) if one["instruction"] == "ARG"]
    assert f"VERSION={version}" in values
    labels = next(one["value"] for one in instructions(tmp_path) if one["instruction"] == "LABEL")
    names = set(re.findall(r"org\.opencontainers\.image\.([a-z.]+)=", labels))
    assert names == {"title", "description", "licenses", "version", "revision", "base.name"}
    assert set(re.findall(r"DEVSECOPS_EDA_VERSION:-([^}]+)", (DEPLOY / "compose.yaml").read_text()))
    assert f"DEVSECOPS_EDA_VERSION:-{version}}}" in (DEPLOY / "compose.yaml").read_text()


def test_what_is_copied_is_sent_to_the_builder_and_nothing_else_is(tmp_path: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    sent = {rule[1:] for rule in rules if rule.startswith("!")}
    copied: set[str] = set()
    for one in instructions(tmp_path):
        if one["instruction"] == "COPY" and not one["value"].startswith("--from"):
            copied |= {word.split("/")[0] for word in one["value"].split()[:-1]}
    assert copied == sent
    for name in sent:
        assert (ROOT / name).exists()
        assert not fnmatch.fnmatch(name, "*secret*")


NAMES = {key.environment for key in KEYS if key.environment} | {CONFIG_VARIABLE}


def test_every_variable_is_a_setting(tmp_path: Path) -> None:
    environment = [one["value"] for one in instructions(tmp_path) if one["instruction"] == "ENV"]
    named = set(re.findall(r"\b(DEVSECOPS_EDA_\w+)=", " ".join(environment)))
    for one in OURS.values():
        named |= set(one["environment"])
    assert len(named) > 6
    assert named - NAMES == set()


def test_the_configuration_is_taken_and_names_the_folders_of_the_image() -> None:
    around = Surroundings({}, Path("/"), Path("/var/lib/devsecops-eda"), lambda _path: "secret")
    settings = parse_settings(CONFIGURATION, file=Path("/etc/x.toml"), around=around).settings
    made = set(re.findall(r"/var/lib/devsecops-eda/(\w+)", DOCKERFILE)) - {"scanners"}
    database = settings.checks["safety"].database
    assert database is not None
    assert database.parts[4] in made
    for one in OURS.values():
        for volume in one.get("volumes", ()):
            assert volume.split(":")[1].removeprefix("/var/lib/devsecops-eda/") in made


def test_what_a_service_names_is_there() -> None:
    for kind in ("secrets", "configs", "volumes"):
        declared = set(COMPOSE[kind])
        named: set[str] = set()
        for one in SERVICES.values():
            for used in one.get(kind, ()):
                source = used["source"] if isinstance(used, dict) else used.split(":")[0]
                if kind == "volumes" and source.startswith("."):
                    assert (DEPLOY / source).is_dir()
                else:
                    named.add(source)
        assert named == declared
    for config in COMPOSE["configs"].values():
        assert (DEPLOY / config["file"]).is_file()
    for one in SERVICES.values():
        for name, awaited in one.get("depends_on", {}).items():
            other = SERVICES[name]
            healthy = awaited["condition"] == "service_healthy"
            assert healthy == ("healthcheck" in other and "disable" not in other["healthcheck"])


def test_every_broker_user_has_a_password_and_every_program_its_own_user() -> None:
    users = {user["name"] for user in DEFINITIONS["users"]}
    assert users == set(SERVICES["definitions"]["secrets"])
    for name, one in OURS.items():
        if name == "definitions":
            continue
        url = one["environment"]["DEVSECOPS_EDA_BROKER_URL"]
        user = url.partition("//")[2].partition("@")[0]
        assert user == f"devsecops-{name}"
        assert url.endswith("@rabbitmq:5672/devsecops")
        password = one["environment"]["DEVSECOPS_EDA_BROKER_PASSWORD_FILE"]
        assert password == f"/run/secrets/{user}"
        assert [secret for secret in one["secrets"] if secret in users] == [user]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_without_rights(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "user" not in service
    words = service["command"]
    if name == "definitions":
        words = words[0].removeprefix("devsecops-eda ").split()
    assert group.get_command(None, words[0]) is not None  # type: ignore[arg-type]
    loose = [one for one in service.get("security_opt", ()) if one.endswith("unconfined")]
    assert bool(loose) == name.startswith("worker-")


def test_no_port_is_open_to_other_hosts() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_program_is_scraped_where_it_runs() -> None:
    targets = set()
    for file in (DEPLOY / "prometheus" / "targets").glob("*.yml"):
        for group_ in YAML(typ="safe").load(file) or ():
            targets |= {tuple(one.split(":")) for one in group_["targets"]}
    programs = {name for name in OURS if name != "definitions"}
    assert {host for host, port in targets if port == "9109"} == programs
    assert {host for host, _ in targets} <= set(SERVICES)


def test_the_page_makes_every_password_that_is_asked_for() -> None:
    page = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
    said = re.search(r"for user in ((?:.|\n)*?)\ndo ", page)
    assert said is not None
    made = set(said[1].replace("\\", "").split()) | {"gate-database"}
    assert made == set(COMPOSE["secrets"])
