"""The commands of a CI job: they tell, wait, print and leave with the exit code that says it."""

import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.broker import Address, declare, outgoing, parse_url, publish_once
from devsecops_eda.client import flow_of_push
from devsecops_eda.model import Event, EventType, Subject, Verdict
from devsecops_eda.topology import Topology, queue_name
from tests.conftest import Vhost
from tests.rig.programs import DEVSECOPS_EDA, Program, Programs
from tests.rig.standin import StandIn, decision_made, messages, scan_completed
from tests.rig.waiting import eventually

REPO = "acme/app"
SHA = "1" * 40
SUBJECT = Subject.commit(REPO, SHA)
FLOW = flow_of_push(REPO, ref="main", sha=SHA)
ABOUT = ("--repo", REPO, "--sha", SHA)
PUSH = ("emit", "commit.pushed", *ABOUT)


class Cli:
    """Starts our command with one configuration."""

    def __init__(self, programs: Programs, tmp_path: Path, url: str) -> None:
        self._programs = programs
        self._file = tmp_path / "devsecops-eda.toml"
        self.write(url)

    def write(self, url: str) -> None:
        text = f'state_dir = "{self._file.parent}"\n[broker]\nurl = "{url}"\nsole_user = "rig"\n'
        self._file.write_text(text)

    def __call__(self, *argv: str) -> Program:
        return self._programs.start(DEVSECOPS_EDA, "--config", str(self._file), *argv)


@pytest.fixture
def address(vhost: Vhost) -> Address:
    declare(Topology(("commit", "semgrep")), parse_url(vhost.url))
    return parse_url(vhost.url)


@pytest.fixture
def cli(programs: Programs, tmp_path: Path, vhost: Vhost) -> Cli:
    return Cli(programs, tmp_path, vhost.url)


def gate(verdict: Verdict) -> Callable[[Event], Iterable[Event]]:
    """Return a gate that hears of one scan and then says ``verdict``."""

    def answer(event: Event) -> Iterable[Event]:
        if event.type in (EventType.COMMIT_PUSHED, EventType.SCAN_REQUESTED):
            yield scan_completed(event, SUBJECT, check="semgrep")
        if event.type in (EventType.COMMIT_PUSHED, EventType.DECISION_REQUESTED):
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=verdict)

    return answer


CODES = {Verdict.ALLOW: 0, Verdict.DENY: 1, Verdict.ERROR: 3, Verdict.PENDING: 8}


@pytest.mark.parametrize("verdict", CODES)
def test_the_exit_code_says_the_verdict(cli: Cli, address: Address, verdict: Verdict) -> None:
    with StandIn(address, gate(verdict)):
        told = cli(*PUSH, "--wait", "5s" if verdict is Verdict.PENDING else "60s")
        assert told.wait() == CODES[verdict], told.log
    lines = told.log.splitlines()
    assert lines[0] == f"flow {FLOW}  {REPO}@{SHA}  gate merge"
    assert "  semgrep: no findings" in lines
    assert any(line.startswith(verdict.value.upper()) for line in lines), told.log
    if verdict is Verdict.PENDING:
        assert f"devsecops-eda wait --repo {REPO} --gate merge --flow {FLOW}" in lines[-1]


def test_json_is_one_document_with_a_version(cli: Cli, address: Address) -> None:
    with StandIn(address, gate(Verdict.DENY)):
        told = cli(*PUSH, "--wait", "60s", "--format", "json")
        assert told.wait() == 1, told.log
    document = json.loads(told.log[told.log.index("{") :])
    assert document["version"] == 1
    assert document["flow"] == FLOW
    assert document["verdict"] == "deny"
    assert document["decision"]["gate"] == "merge"


def test_without_wait_the_event_is_published_once_per_push(cli: Cli, address: Address) -> None:
    for branch in ("main", "refs/heads/main"):
        told = cli(*PUSH, "--branch", branch, "--target", "release")
        assert told.wait() == 0, told.log
    found = messages(address, queue_name("semgrep"))
    assert len(found) == 2
    # The same push told twice is the same event, whichever way its branch is written.
    assert len({properties.message_id for _, properties in found}) == 1
    assert len({json.dumps({**json.loads(body), "time": ""}) for body, _ in found}) == 1


def test_the_data_of_an_event_can_come_from_a_file(
    cli: Cli, address: Address, tmp_path: Path
) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"repo": REPO, "ref": "topic", "sha": "2" * 40, "target": "main"}))
    told = cli("emit", "commit.pushed", "--data", str(data), "--sha", SHA)
    assert told.wait() == 0, told.log
    ((body, _),) = messages(address, queue_name("semgrep"))
    assert json.loads(body)["data"] == {
        "repo": REPO,
        "ref": "refs/heads/topic",
        "sha": SHA,
        "target": "main",
    }


def test_wait_finds_the_flow_of_a_push(cli: Cli, address: Address) -> None:
    with StandIn(address, gate(Verdict.ALLOW)):
        for which in (("--sha", SHA), ("--flow", FLOW)):
            waited = cli("wait", "--repo", REPO, *which, "--timeout", "60s")
            assert waited.wait() == 0, waited.log
            assert waited.log.startswith(f"flow {FLOW}")


def test_rescan_returns_the_new_decision(cli: Cli, address: Address) -> None:
    with StandIn(address, gate(Verdict.DENY)) as standin:
        again = cli(
            "rescan", *ABOUT, "--check", "semgrep", "--reason", "new rules", "--wait", "60s"
        )
        assert again.wait() == 1, again.log
    kinds = [event.type for event in standin.heard]
    assert kinds[:2] == [EventType.SCAN_REQUESTED, EventType.SCAN_COMPLETED]
    assert EventType.DECISION_REQUESTED in kinds[2:]
    assert len({event.correlationid for event in standin.heard}) == 1
    assert standin.heard[0].correlationid != FLOW


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("emit",), "TYPE"),
        (("emit", "commit.pushed", "--repo", REPO), "--sha"),
        (("emit", "commit.pushed", "--repo", REPO, "--sha", "main"), "no revision of a commit"),
        (("emit", "commit.pushed", "--repo", "a b", "--sha", SHA), "/data/repo"),
        (("emit", "commit.pushed", *ABOUT, "--flow", FLOW), "--flow"),
        (("emit", "commit.pushed", *ABOUT, "--wait", "soon"), "15m"),
        (("emit", "scan.completed", *ABOUT), "commit.pushed"),
        (("wait", "--repo", REPO), "--flow or --sha"),
        (("wait", "--repo", REPO, "--flow", "x"), "UUID"),
        (("rescan", "--repo", REPO, "--check", "semgrep"), "--sha"),
    ],
)
def test_wrong_usage_is_told_without_a_broker(
    programs: Programs, tmp_path: Path, argv: tuple[str, ...], says: str
) -> None:
    told = Cli(programs, tmp_path, "amqp://rig:x@127.0.0.1:1/")(*argv)
    assert told.wait() == 2, told.log
    assert says in told.log
    assert "Traceback" not in told.log


def test_a_broker_away_could_not_evaluate_or_is_spooled(
    programs: Programs, tmp_path: Path, vhost: Vhost, address: Address
) -> None:
    cli = Cli(programs, tmp_path, "amqp://rig:hunter2@127.0.0.1:1/")
    away = cli(*PUSH, "--wait", "2s")
    assert away.wait() == 3
    kept = cli(*PUSH, "--spool", "--timeout", "2s")
    assert kept.wait() == 0
    assert "spooled" in kept.log
    assert "hunter2" not in away.log + kept.log
    cli.write(vhost.url)
    sent = cli("emit", "--flush")
    assert sent.wait() == 0, sent.log
    assert "sent 1" in sent.log
    assert len(messages(address, queue_name("semgrep"))) == 1


def test_a_user_who_may_not_say_it_is_not_authorised(
    programs: Programs, tmp_path: Path, vhost: Vhost, address: Address
) -> None:
    del address
    nobody = vhost.add_user("nobody", read=".*")
    refused = Cli(programs, tmp_path, vhost.url_of(nobody))(*PUSH)
    assert refused.wait() == 4, refused.log
    assert "Traceback" not in refused.log


def test_ctrl_c_ends_the_wait_and_leaves_no_queue(cli: Cli, vhost: Vhost, address: Address) -> None:
    del address

    def replies() -> list[str]:
        return [name for name in vhost.queues() if ".reply." in name]

    waiting = cli(*PUSH, "--wait", "5m")
    eventually(replies, timeout_s=60, what="it waits")
    waiting.signal(signal.SIGINT)
    assert waiting.wait(timeout_s=20) == 130
    assert "the flow goes on" in waiting.log
    assert replies() == []


def test_a_flow_nobody_speaks_of_is_told_from_one_that_takes_long(
    cli: Cli, address: Address
) -> None:
    waited = cli("wait", "--repo", REPO, "--flow", FLOW, "--timeout", "2s")
    assert waited.wait() == 8, waited.log
    assert "nothing was heard of this flow" in waited.log
    assert "the flow goes on" not in waited.log


def test_what_the_gate_compares_with_is_not_shown_as_the_commit(cli: Cli, address: Address) -> None:
    base = Subject.commit(REPO, "2" * 40)

    def answer(event: Event) -> Iterable[Event]:
        if event.type is EventType.COMMIT_PUSHED:
            yield scan_completed(event, base, check="semgrep")
            yield decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.ALLOW)

    with StandIn(address, answer):
        told = cli(*PUSH, "--wait", "60s")
        assert told.wait() == 0, told.log
    assert "  semgrep on 222222222222, to compare with: no findings" in told.log.splitlines()


def test_a_check_that_nobody_configured_is_noted(cli: Cli, address: Address) -> None:
    told = cli("rescan", *ABOUT, "--check", "semgrp")
    assert told.wait() == 0, told.log
    assert "note: no check 'semgrp' is configured here; there are: commit" in told.log


@pytest.mark.parametrize("program", [("worker", "semgrep"), ("gate",)])
def test_a_program_that_the_broker_refuses_says_so_and_not_deny(
    cli: Cli, vhost: Vhost, program: tuple[str, ...]
) -> None:
    # No `address` here: nothing is declared.
    early = cli(*program)
    assert early.wait() == 2, early.log
    assert "`devsecops-eda topology apply` makes it" in early.log
    cli.write(vhost.url.replace(vhost.node.admin.password, "wrong"))
    refused = cli(*program)
    assert refused.wait() == 4, refused.log
    assert "Traceback" not in early.log + refused.log


def test_the_python_of_the_readme_gets_its_decision(
    address: Address, vhost: Vhost, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n", 1)[1].split("```", 1)[0].replace('"guest"', '"rig"')
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    with StandIn(address, gate(Verdict.DENY)):
        names["decide"](vhost.url, SHA)
    assert capsys.readouterr().out == "deny\n"


def test_tail_prints_what_is_said_and_by_whom(cli: Cli, address: Address) -> None:
    tail = cli("events", "tail", "decision.made.#", "--format", "json", "--count", "2")
    tail.wait_for("listening")
    publish_once(address, outgoing(scan_completed_of_nothing()), timeout_s=10)
    for number in (1, 2):
        said = decision_made(SUBJECT, flow=FLOW, verdict=Verdict.DENY, number=number)
        publish_once(address, outgoing(said), timeout_s=10)
    assert tail.wait() == 0
    first, second = (json.loads(line) for line in tail.log.splitlines()[1:])
    assert first["event"]["data"]["verdict"] == "deny"
    assert first["user"] == "rig"
    assert second["version"] == 1


def scan_completed_of_nothing() -> Event:
    return scan_completed(
        decision_made(SUBJECT, flow=FLOW, verdict=Verdict.DENY), SUBJECT, check="semgrep"
    )


def test_tail_shows_what_the_door_would_refuse(cli: Cli, address: Address) -> None:
    tail = cli("events", "tail", "--count", "1")
    tail.wait_for("listening")
    message = outgoing(decision_made(SUBJECT, flow=FLOW, verdict=Verdict.DENY))
    broken = type(message)(message.exchange, message.key, b"{", message.properties)
    publish_once(address, broken, timeout_s=10)
    assert tail.wait() == 0
    assert "refused decision.made.acme:app" in tail.log
    assert "not_json" in tail.log
