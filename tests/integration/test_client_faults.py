"""A client on a broker that goes away: nothing hangs, nothing told is lost, no password shows."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devsecops_eda.broker import declare, parse_url
from devsecops_eda.client import Client, commit_pushed
from devsecops_eda.errors import BrokerUnreachableError, NotAuthorisedError, TransientError
from devsecops_eda.model import Decision, Event, EventType, Subject, Verdict
from devsecops_eda.topology import Identities, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.programs import Programs
from tests.rig.standin import StandIn, decision_made, ends_within, messages
from tests.rig.waiting import eventually

REPO = "acme/app"
SHA = "1" * 40
ALONE = Identities(sole_user="rig")


def push(sha: str = SHA) -> Event:
    return commit_pushed(REPO, ref="main", sha=sha, now=datetime.now(UTC))


def allow_when_asked(event: Event) -> Iterable[Event]:
    if event.type is EventType.DECISION_REQUESTED:
        subject = Subject.commit(REPO, SHA)
        yield decision_made(subject, flow=event.correlationid, verdict=Verdict.ALLOW)


def test_a_broker_away_is_unreachable_in_time_and_the_spool_keeps_the_event(
    rabbit_of_its_own: Callable[..., RabbitNode], tmp_path: Path
) -> None:
    node = rabbit_of_its_own()
    address = parse_url(node.url())
    declare(Topology(("semgrep",)), address)
    node.keep(queue_name("semgrep"), queue_name("approval"))
    with Client(node.url(), spool=tmp_path / "spool") as client:
        node.kill()
        with ends_within(3), pytest.raises(BrokerUnreachableError):
            client.ask(push(), timeout_s=3)
        assert not client.publish_or_spool(push(), timeout_s=1)
        assert not client.publish_or_spool(push("2" * 40), timeout_s=1)
        node.start()
        assert client.publish_or_spool(push("3" * 40), timeout_s=60)
        assert client.flush() == 0
    sent = [properties.message_id for _, properties in messages(address, queue_name("semgrep"))]
    assert sent == [push(digit * 40).id for digit in "123"]


def test_a_wait_outlives_a_restart_of_the_broker(
    rabbit_of_its_own: Callable[..., RabbitNode],
) -> None:
    node = rabbit_of_its_own()
    address = parse_url(node.url())
    declare(Topology(("semgrep",)), address)
    node.keep(queue_name("semgrep"), queue_name("approval"))
    answers: list[Decision | None] = []
    failures: list[TransientError] = []

    with Client(node.url(), identities=ALONE) as client:

        def ask() -> None:
            try:
                answers.append(client.ask(push(), timeout_s=120))
            except TransientError as error:
                failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        eventually(
            lambda: [name for name in node.listened("/") if ".reply." in name],
            timeout_s=30,
            what="the waiter listens",
        )
        node.restart()
        with StandIn(address, allow_when_asked):
            asking.join(125)
    assert not failures
    (answer,) = answers
    assert answer is not None


def test_a_password_shows_nowhere(vhost: Vhost) -> None:
    wrong = replace(parse_url(vhost.url), password="hunter2-hunter2")
    url = f"amqp://{wrong.user}:{wrong.password}@{wrong.host}:{wrong.port}/{vhost.name}"
    with Client(url) as client, pytest.raises(NotAuthorisedError) as caught:
        client.ask(push(), timeout_s=10)
    assert "hunter2" not in str(caught.value)


def test_a_job_that_starts_before_its_broker_waits_for_it(
    rabbit_of_its_own: Callable[..., RabbitNode], programs: Programs, tmp_path: Path
) -> None:
    node = rabbit_of_its_own()
    address = parse_url(node.url())
    declare(Topology(("semgrep",)), address)
    node.keep(queue_name("semgrep"), queue_name("approval"))
    node.kill()
    config = tmp_path / "ci.toml"
    config.write_text(f'[broker]\nurl = "{node.url()}"\nsole_user = "rig"\n')
    words = ("emit", "commit.pushed", "--repo", REPO, "--sha", SHA, "--wait", "60s")
    job = programs.devsecops_eda("--config", config, *words, "--timeout", "50s")
    job.wait_for("nobody listens there: trying for 50 s")
    node.start()
    with StandIn(address, allow_when_asked):
        assert job.wait(timeout_s=90) == 0, job.log
