"""`devsecops-eda flow`: one flow as the gate's ledger has it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.flow_steps import steps_of
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import HeardRow, Message, open_ledger
from devsecops_eda.model import Event
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository
from tests.judged import (
    CHECKS,
    NOW,
    POLICY,
    REPO,
    NoEvidence,
    commit_told,
    pushed,
    semgrep_failed,
    semgrep_told,
    take,
)

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class Host:
    """The gate's host: a configuration and a ledger in a file."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "gate.toml"
        self.config.write_text(f'[gate]\ndatabase = "sqlite:///{folder}/gate.db"\n')
        self.ledger = open_ledger(f"sqlite:///{folder}/gate.db")
        self.gate = Gate(
            ledger=self.ledger,
            policy=load_policy(POLICY, file="test.yaml", checks=CHECKS),
            checks=CHECKS,
            repositories={REPO: Repository(key=REPO, url="/nowhere")},
            evidence=NoEvidence(),
        )

    def flow(self, *asked: str) -> int:
        return run(["--config", str(self.config), "flow", *asked])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def told(host: Host, push: Event) -> None:
    took = (
        (push, 0.02),
        (replace(commit_told(push), time=NOW + seconds(0.5)), 0.52),
        (replace(semgrep_told(push), time=NOW + seconds(4)), 4.02),
    )
    said: list[Message] = []
    for event, at in took:
        said = take(host.gate, event, now=NOW + seconds(at))
    host.gate.published(tuple(said), NOW + seconds(4.03))


def test_a_flow_is_shown_as_causes_and_lags(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    push = pushed()
    told(host, push)
    assert host.flow(push.correlationid) == 0
    head, span, _, *lines = capsys.readouterr().out.splitlines()
    assert head == f"flow {push.correlationid}: {push.subject}"
    assert span == "4 events in 4.000 s from 2026-03-01T12:00:00.020000Z, by the gate's clock"
    assert [" ".join(line.split()) for line in lines] == [
        "at after cause on the way event",
        "0.000 0.020 |# | commit.pushed topic (by ci)",
        "0.500 0.500 0.020 |===# | + scan.completed commit: completed (by ci)",
        "4.000 4.000 0.020 |=======================#| + scan.completed semgrep: completed (by ci)",
        "4.000 0.000 | #| + decision.made merge: allow (sent after 0.010 s)",
    ]
    # Each below its cause.
    words = ("commit.", "+ scan", "+ scan", "+ decision")
    places = [line.index(word) for line, word in zip(lines[1:], words, strict=True)]
    assert places[1] == places[2]
    assert places[0] <= places[1] < places[3]


def test_what_came_before_its_cause_has_no_way_and_moves_no_column(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    push = pushed()
    take(host.gate, commit_told(push), now=NOW)
    # As a push that was refused and came back from the dead letters.
    take(host.gate, push, now=NOW + seconds(350))
    assert host.flow(push.correlationid) == 0
    *_, head, scan, came = capsys.readouterr().out.splitlines()
    assert "-350.000" in scan
    assert f"|{'#':<24}|" in scan
    assert scan.index("+ scan") == came.index("commit.") == head.index("event")


def test_programs_get_all_of_it(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    push = replace(pushed(), traceparent=TRACE)
    told(host, push)
    take(host.gate, push, now=NOW + seconds(60))
    assert host.flow(push.correlationid.upper(), "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["flow"]) == (1, push.correlationid)
    first, *_, last = document["events"]
    assert first == {
        "type": "commit.pushed",
        "id": push.id,
        "said_by": "ci",
        "source": "urn:ci",
        "subject": push.subject,
        "detail": "topic",
        "cause": None,
        "time": "2026-03-01T12:00:00Z",
        "recorded_at": "2026-03-01T12:00:00.020000Z",
        "since_start_s": 0.0,
        "after_cause_s": None,
        "on_the_way_s": 0.02,
        "told_again_at": "2026-03-01T12:01:00Z",
        "sent_at": None,
        "traceparent": TRACE,
    }
    assert (last["said_by"], last["on_the_way_s"], last["type"]) == ("gate", None, "decision.made")
    assert last["cause"] == document["events"][2]["id"]


def test_what_failed_and_what_is_not_said_yet_shows(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    push = pushed()
    take(host.gate, push, commit_told(push), semgrep_failed(push))
    assert host.flow(push.correlationid) == 0
    text = capsys.readouterr().out
    assert "+ scan.failed semgrep: timeout" in text
    assert "decision.made merge: error  (not sent yet)" in text


def test_a_flow_that_is_not_there_is_an_error_and_none_is_made(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    assert host.flow(str(uuid4())) == 2
    assert "holds nothing of flow" in capsys.readouterr().err
    assert host.flow("no-uuid") == 2
    assert "is no correlation id" in capsys.readouterr().err


def test_an_event_that_this_release_cannot_read_is_named_all_the_same() -> None:
    row = HeardRow("scan.dreamt", "one", "urn:x", "ci", NOW, NOW, b'{"not": "ours"}')
    (step,) = steps_of([row], [])
    assert (step.type, step.detail) == ("scan.dreamt", "cannot be read by this release")
    assert step.on_the_way_s is None


def test_nothing_in_an_event_moves_the_terminal(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    push = pushed()
    host.gate.take(push, user="ci\x1b[2J\n::error::x", now=NOW)
    assert host.flow(push.correlationid) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_where_there_is_no_ledger_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gate.toml"
    config.write_text(f'[gate]\ndatabase = "sqlite:///{tmp_path}/gate.db"\n')
    assert run(["--config", str(config), "flow", str(uuid4())]) == 2
    assert not (tmp_path / "gate.db").exists()
    assert "gate.db" in capsys.readouterr().err
