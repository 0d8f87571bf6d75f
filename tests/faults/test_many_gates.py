"""Several gates on one PostgreSQL, killed at random: one effective decision per key, all told."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest

from devsecops_eda import codec, topology
from devsecops_eda.client import commit_pushed
from devsecops_eda.evidence import open_evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import (
    CommitFacts,
    CommitPushed,
    Coverage,
    Decision,
    Event,
    EventType,
    Finding,
    Identity,
    Outcome,
    OutcomeStatus,
    Severity,
    Signature,
    Tool,
)
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository
from tests.conftest import Vhost
from tests.rig.programs import Program, Programs
from tests.rig.site import Site
from tests.rig.waiting import eventually

GATES = 4
REPOS = 16
CHECKS = ("commit", "semgrep")
POLICY = """\
version: 1
name: many
within: 24h
gates: {merge: {asked_by: [commit.pushed]}}
rules:
  - {id: read, kind: scan, gates: [merge], check: commit}
  - {id: code, kind: findings, gates: [merge], check: semgrep, at_most: {high: 1}}
"""


@dataclass(frozen=True)
class History:
    """What is told about one subject, in the order it happened."""

    events: tuple[Event, ...]

    @property
    def flow(self) -> str:
        return self.events[0].correlationid


def history(at: int, user: str, now: datetime) -> History:
    """A push and what two checks said, with some findings or none."""
    repo = f"many/repo-{at % REPOS}"
    push = commit_pushed(repo, ref="topic", sha=f"{at:040x}", target="main", now=now)
    return History((push, *(told(push, check, at, user, now) for check in CHECKS)))


def told(push: Event, check: str, at: int, user: str, now: datetime) -> Event:
    assert isinstance(push.data, CommitPushed)
    subject = push.data.subject
    findings = tuple(
        Finding("rule", "app.py", line, Severity.HIGH, "bad", f"f{at}-{line}", f"n{at}-{line}")
        for line in range(1, 1 + at % 4)
    )
    commit = CommitFacts(Signature("A", "a@example.org"), (), (), "d" * 40, (), "main")
    outcome = Outcome(
        check=check,
        subject=subject,
        status=OutcomeStatus.COMPLETED,
        cause=push.id,
        cause_time=push.time,
        tool=Tool(check, "1"),
        coverage=Coverage(1, 1),
        findings=findings if check == "semgrep" else (),
        rules_digest="sha256:" + "1" * 64,
        commit=commit if check == "commit" else None,
    )
    return Event(
        id=Identity(user, push.source, push.id).slot(check),
        source=f"urn:devsecops-eda:check:{check}",
        type=EventType.SCAN_COMPLETED,
        subject=str(subject),
        time=now,
        correlationid=push.correlationid,
        data=outcome,
        causationid=push.id,
    )


def alone(histories: list[History], folder: Path, user: str, now: datetime) -> dict[str, str]:
    """The decision that one gate makes, told everything once and in order, by flow."""
    evidence = folder / "alone"
    evidence.mkdir()
    gate = Gate(
        ledger=open_ledger("sqlite://"),
        policy=load_policy(POLICY, file="many.yaml", checks=CHECKS),
        checks=CHECKS,
        repositories={f"many/repo-{at}": _repository(at) for at in range(REPOS)},
        evidence=open_evidence(evidence.as_uri()),
    )
    made = {}
    for one in histories:
        for event in one.events:
            for message in gate.take(event, user=user, now=now):
                decision = codec.decode(message.body).data
                assert isinstance(decision, Decision)
                made[one.flow] = decision.id
    return made


def _repository(at: int) -> Repository:
    return Repository(key=f"many/repo-{at}", url="/nowhere")


@pytest.fixture
def site(vhost: Vhost, programs: Programs, tmp_path: Path, postgres_url: str) -> Iterator[Site]:
    tables = "".join(
        f'[repositories."many/repo-{at}"]\nurl = "https://git.example/{at}.git"\n'
        for at in range(REPOS)
    )
    with Site(vhost, programs, tmp_path, checks=CHECKS, policy=POLICY, tables=tables) as made:
        text = made.config.read_text()
        database = f"[gate]\ndatabase = {json.dumps(postgres_url)}\n"
        made.config.write_text(text.replace("[gate]\n", database))
        yield made


def tell(site: Site, events: list[Event]) -> None:
    """Publish events as they come, all confirmed."""
    with pika.BlockingConnection(pika.URLParameters(site.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            channel.basic_publish(
                topology.EVENTS,
                codec.key_of(event),
                codec.encode(event),
                pika.BasicProperties(**codec.properties_of(event), user_id=site.address.user),
            )


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "number", [pytest.param(150, id="150"), pytest.param(2000, marks=pytest.mark.faults_full)]
)
def test_four_gates_killed_at_random_decide_each_key_once_as_one_would_alone(
    site: Site, tmp_path: Path, number: int
) -> None:
    chance = random.Random(number)
    now = datetime.now(UTC)
    user = site.address.user
    histories = [history(at, user, now) for at in range(1, number + 1)]
    expected = alone(histories, tmp_path, user, now)
    assert len(expected) == number
    events = [event for one in histories for event in one.events for _ in range(2)]
    chance.shuffle(events)

    gates: list[Program] = [site.start_gate() for _ in range(GATES)]
    for start in range(0, len(events), 500):
        tell(site, events[start : start + 500])
        victim = chance.randrange(GATES)
        gates[victim].kill()
        gates[victim] = site.start_gate()

    def decided() -> bool:
        if len(site.decisions().keys() & expected.keys()) == number:
            return True
        # Kill on while there is something to decide.
        victim = chance.randrange(GATES)
        gates[victim].kill()
        gates[victim] = site.start_gate()
        return False

    eventually(decided, timeout_s=600, what=f"{number} flows decided", interval_s=4)
    made = site.decisions()
    for flow, decision in expected.items():
        ((event_id, bodies),) = made[flow].items()
        (body,) = bodies
        said = codec.decode(body).data
        assert isinstance(said, Decision)
        assert said.id == decision, f"{event_id} is another decision than one gate makes"
    assert site.dead() == []
