"""The event that the options of `emit` describe, and how a job that waits says so."""

from __future__ import annotations

import io
import json
from typing import Any

import click
import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.ci_waiting import heartbeat
from devsecops_eda.cli.emitted import event_of, given_in
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.telling import Conversation
from devsecops_eda.codec.payloads import to_data
from devsecops_eda.model import EventType
from tests.rig.waiting import eventually

SHA, ARTIFACT = "1" * 40, "sha256:" + "2" * 64
FLOW = "5f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d10"
COMMIT = {"kind": "commit", "repo": "a", "revision": SHA}
BUILT = {"kind": "artifact", "repo": "a", "revision": ARTIFACT}


@pytest.mark.parametrize(
    ("type_", "given", "data"),
    [
        (
            EventType.DEPLOYMENT_REQUESTED,
            {"sha": SHA, "environment": "prod", "target": "refs/heads/main"},
            {"subject": COMMIT, "environment": "prod", "target": "main"},
        ),
        (
            EventType.DEPLOYMENT_REQUESTED,
            {"artifact": ARTIFACT, "environment": "prod", "requester": "ada", "reason": "r"},
            {"subject": BUILT, "environment": "prod", "requester": "ada", "reason": "r"},
        ),
        (
            EventType.ARTIFACT_PUBLISHED,
            {"artifact": ARTIFACT, "built_from": SHA, "name": "app:1"},
            {"subject": BUILT, "built_from": COMMIT, "name": "app:1"},
        ),
    ],
)
def test_options_and_a_file_make_the_same_event(
    type_: EventType, given: dict[str, Any], data: dict[str, Any]
) -> None:
    event = event_of(type_, {"repo": "a", "gate": "merge", **given}, None)
    assert {name: value for name, value in to_data(event.data).items() if value} == data
    file = given_in(io.BytesIO(json.dumps(data).encode()), {"gate": "merge"})
    assert event_of(type_, file, None).data == event.data


@pytest.mark.parametrize(
    ("type_", "given", "says"),
    [
        (EventType.DEPLOYMENT_REQUESTED, {"sha": SHA}, "--environment"),
        (EventType.DEPLOYMENT_REQUESTED, {"environment": "prod"}, "--sha or --artifact"),
        (
            EventType.DEPLOYMENT_REQUESTED,
            {"environment": "prod", "sha": SHA, "artifact": ARTIFACT},
            "--sha or --artifact",
        ),
        (EventType.DEPLOYMENT_REQUESTED, {"environment": "p", "artifact": SHA}, "no revision"),
        (EventType.ARTIFACT_PUBLISHED, {"artifact": ARTIFACT}, "--built-from"),
        (EventType.ARTIFACT_PUBLISHED, {"artifact": ARTIFACT, "built_from": "main"}, "revision"),
    ],
)
def test_what_is_missing_or_wrong_is_told(
    type_: EventType, given: dict[str, str], says: str
) -> None:
    with pytest.raises(click.UsageError, match=says):
        event_of(type_, {"repo": "a", "gate": "merge", **given}, None)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("commit.pushed", "--environment", "prod"), "--environment does not go with commit"),
        (("commit.pushed", "--built-from", SHA), "--built-from does not go with commit.pushed"),
        (("scan.requested", "--requester", "ada"), "--requester does not go with scan"),
        (("artifact.published", "--artifact", ARTIFACT, "--wait", "1m"), "artifact.published"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    argv: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["emit", *argv, "--repo", "a", "--sha", SHA]) == ExitCode.USAGE
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_quiet_wait_gives_a_sign_of_life_and_a_busy_one_none(
    capfd: pytest.CaptureFixture[str],
) -> None:
    said = ""

    def beats() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return said.count("still waiting, for 0 min") >= 2

    about = Conversation(form="text", flow=FLOW, repo="a", gate="merge")
    with heartbeat(about, quiet_s=0.05):
        eventually(beats, timeout_s=20, what="two signs of life")
    about.said_at += 3600
    with heartbeat(about, quiet_s=0.05):
        pass
    assert capfd.readouterr().err.count("still waiting") <= 1
