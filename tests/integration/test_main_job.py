"""A commit goes in, a decision comes out: the real commands on a real RabbitMQ."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest

from devsecops_eda import topology
from devsecops_eda.model import EventType
from tests.conftest import Vhost
from tests.rig.programs import Program, Programs
from tests.rig.site import REPO, Site
from tests.rig.trial import BAD, CHECKS, GOOD, real_site
from tests.rig.waiting import eventually

STRICTER = """\
rules:
  - id: no-json
    languages: [python]
    severity: HIGH
    message: JSON is read.
    pattern: json.loads(...)
    metadata:
      title: JSON is read
      category: security
      confidence: HIGH
      cwe: ["CWE-20: Improper Input Validation"]
      help: It is a rule of a test.
      fix: Do not.
"""


@pytest.fixture
def trial(vhost: Vhost, programs: Programs, tmp_path: Path) -> Iterator[Site]:
    """A site with the real checks, its own copy of the rules and fresh advisories."""
    with real_site(vhost, programs, tmp_path) as site:
        yield site


@pytest.fixture
def up(trial: Site, programs: Programs) -> Program:
    program = programs.devsecops_eda("--config", trial.config, "--log-format", "text", "up")
    program.wait_for("are up", timeout_s=90)
    # What is said to `up` holds for gate and workers: in JSON they would log else.
    assert "INFO" in program.log
    assert '{"time"' not in program.log
    return program


@pytest.fixture
def emit(trial: Site, programs: Programs) -> Callable[..., Program]:
    def run(sha: str, branch: str, *more: str, command: str = "emit") -> Program:
        words: list[str | Path] = [command]
        if command == "emit":
            words.append("commit.pushed")
        return programs.run(
            *("--config", trial.config, *words, "--repo", REPO, "--sha", sha),
            *("--branch", branch, "--target", "main", "--wait", "5m", *more),
            timeout_s=310,
        )

    return run


def test_the_main_job(
    trial: Site, up: Program, emit: Callable[..., Program], tmp_path: Path
) -> None:
    trial.commit({"app.py": "x = 1\n"})
    bad = trial.commit({"app.py": BAD}, branch="topic")

    denied = emit(bad, "topic")
    assert denied.exit_code == 1, denied.log + up.log
    assert "python-unsafe-pickle" in denied.log
    assert "app.py:5" in denied.log

    good = trial.commit({"app.py": GOOD}, branch="topic")
    allowed = emit(good, "topic")
    assert allowed.exit_code == 0, allowed.log + up.log

    # Told again: the same flow, the same decision, no new scan.
    scans = len(trial.tap.events())
    again = emit(good, "topic", "--format", "json")
    assert again.exit_code == 0
    decided = trial.tap.events(EventType.DECISION_MADE)
    assert len({e.id for e in decided if str(e.subject).endswith(good)}) == 1
    assert len(trial.tap.events()) > scans

    (tmp_path / "rules" / "python" / "no-json.yaml").write_text(STRICTER)
    rescanned = emit(good, "topic", "--check", "semgrep", command="rescan")
    assert rescanned.exit_code == 1, rescanned.log + up.log
    assert "no-json" in rescanned.log

    eventually(
        lambda: tuple(sorted(trial.vhost.queues())) == _table_and_tap(),
        timeout_s=10,
        what="no queue but those of the table is left",
    )
    assert up.end(timeout_s=60) == 0


def test_a_producer_in_any_language_may_push(trial: Site, up: Program) -> None:
    """Plain pika, no code of ours: structured mode, and a binary-mode CloudEvent."""
    trial.commit({"app.py": "x = 1\n"})
    first = trial.commit({"app.py": GOOD}, branch="topic")
    second = trial.commit({"app.py": BAD}, branch="topic")
    flows = {
        first: "5f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d10",
        second: "6f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d11",
    }
    with pika.BlockingConnection(pika.URLParameters(trial.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for sha, flow in flows.items():
            data = {"repo": REPO, "ref": "refs/heads/topic", "sha": sha, "target": "main"}
            attributes = {
                "specversion": "1.0",
                "id": f"push-{sha[:8]}",
                "source": "https://forge.example/hooks",
                "type": "devsecops.commit.pushed.v1",
                "subject": f"{REPO}@{sha}",
                "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "correlationid": flow,
            }
            key = topology.routing_key(EventType.COMMIT_PUSHED, repo=REPO, scope="topic", flow=flow)
            if sha == first:
                body = json.dumps({**attributes, "data": data}).encode()
                properties = pika.BasicProperties(
                    content_type="application/cloudevents+json", delivery_mode=2
                )
            else:
                body = json.dumps(data).encode()
                properties = pika.BasicProperties(
                    content_type="application/json",
                    delivery_mode=2,
                    headers={f"ce-{name}": value for name, value in attributes.items()},
                )
            channel.basic_publish(topology.EVENTS, key, body, properties, mandatory=True)

    def verdicts() -> dict[str, str]:
        made = trial.tap.events(EventType.DECISION_MADE)
        return {e.correlationid: e.data.verdict.value for e in made}  # type: ignore[union-attr]

    wanted = {flows[first]: "allow", flows[second]: "deny"}
    eventually(lambda: verdicts() == wanted, timeout_s=120, what=f"{wanted}, {up.log[-2000:]}")
    assert trial.dead() == []


def _table_and_tap() -> tuple[str, ...]:
    table = (queue.name for queue in topology.Topology(CHECKS).queues)
    return tuple(sorted((*table, "tap")))
