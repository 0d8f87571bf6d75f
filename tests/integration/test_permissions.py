"""On a real broker every program has the rights of its role, and no other."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pika
import pika.exceptions
import pytest

from devsecops_eda.broker import Address, Outgoing, declare, outgoing, parse_url, publish_once
from devsecops_eda.client import Client, commit_pushed, decision_requested, scan_requested
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.errors import NotAuthorisedError, RefusalReason
from devsecops_eda.model import DeadLettered, Event, EventType, Subject, Verdict
from devsecops_eda.topology import (
    DEAD,
    EVENTS,
    REPLAY,
    Identities,
    Role,
    Topology,
    queue_name,
    reply_keys,
    reply_queue,
)
from tests.conftest import Vhost
from tests.rig.standin import NOW, StandIn, decision_made, scan_completed

REPO = "acme/app"
SUBJECT = Subject.commit(REPO, "1" * 40)
PUSH = commit_pushed(REPO, ref="main", sha="1" * 40, now=NOW)
FLOW = PUSH.correlationid
TOPOLOGY = Topology(("semgrep", "safety"))
WAITER = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Users:
    """One user of each role, as `topology export --users` makes them."""

    worker: Address
    gate: Address
    ci: Address
    operator: Address

    @property
    def identities(self) -> Identities:
        return Identities(gate=self.gate.user, workers={"semgrep": self.worker.user})


@pytest.fixture
def users(vhost: Vhost) -> Users:
    declare(TOPOLOGY, parse_url(vhost.url))
    made = {name: vhost.add_user(name) for name in ("worker", "gate", "ci", "operator")}
    accounts = (
        Account(made["worker"].name, Role.SCAN_WORKER, "semgrep"),
        Account(made["gate"].name, Role.GATE, "approval"),
        Account(made["ci"].name, Role.CI, repos=(REPO,)),
        Account(made["operator"].name, Role.OPERATOR),
    )
    document = definitions(TOPOLOGY, vhost=vhost.name, users=accounts)
    # The users have passwords; only their rights are taken from the document.
    vhost.grant(document)
    return Users(**{name: parse_url(vhost.url_of(login)) for name, login in made.items()})


def dead_lettered(check: str) -> Event:
    data = DeadLettered(queue_name(check), RefusalReason.NOT_JSON, "no JSON")
    return Event(
        id="00000000-0000-5000-b000-000000000000",
        source="urn:test",
        type=EventType.MESSAGE_DEAD_LETTERED,
        subject=queue_name(check),
        time=NOW,
        correlationid=FLOW,
        data=data,
    )


def every_event() -> dict[str, Event]:
    """Return one event of each kind, as others would say it too."""
    ask = decision_requested(REPO, flow=FLOW, gate="merge", now=NOW)
    other = commit_pushed("evil/app", ref="main", sha="1" * 40, now=NOW)
    return {
        "push": PUSH,
        "push of another repository": other,
        "question": ask,
        "question about another repository": decision_requested(
            "evil/app", flow=FLOW, gate="merge", now=NOW
        ),
        "request": scan_requested(SUBJECT, check="semgrep", now=NOW),
        "outcome": scan_completed(PUSH, SUBJECT, check="semgrep"),
        "outcome of another check": scan_completed(PUSH, SUBJECT, check="safety"),
        "decision": decision_made(SUBJECT, flow=FLOW, verdict=Verdict.ALLOW),
        "dead letter": dead_lettered("semgrep"),
        "dead letter of another check": dead_lettered("safety"),
    }


def test_each_may_say_what_its_role_says_and_nothing_else(users: Users) -> None:
    may = {
        "worker": {"outcome", "dead letter"},
        "gate": {"decision", "request", "dead letter", "dead letter of another check"},
        "ci": {"push", "question"},
        "operator": {
            *("request", "question", "question about another repository"),
            *("dead letter", "dead letter of another check"),
        },
    }
    for role, expected in may.items():
        said = {name for name, event in every_event().items() if says(users, role, event)}
        assert said == expected, role


def says(users: Users, role: str, event: Event) -> bool:
    return takes(getattr(users, role), outgoing(event))


def takes(address: Address, message: Outgoing) -> bool:
    """Return whether the broker takes ``message`` from this user."""
    try:
        publish_once(address, message, timeout_s=20)
    except NotAuthorisedError:
        return False
    return True


def test_a_line_break_after_an_allowed_key_is_not_allowed(users: Users) -> None:
    message = outgoing(PUSH)
    assert not takes(users.ci, replace(message, key=message.key + "\n"))


def test_nobody_speaks_in_the_name_of_somebody_else(users: Users) -> None:
    message = outgoing(PUSH)
    with pika.BlockingConnection(users.ci.parameters(users.ci.host, timeout_s=10)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        forged = pika.BasicProperties(**message.properties, user_id=users.gate.user)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="user_id"):
            channel.basic_publish(EVENTS, message.key, message.body, forged)


def test_only_the_operator_replays_and_only_programs_bury(users: Users) -> None:
    plain = Outgoing(REPLAY, queue_name("semgrep"), b"{}", {})
    assert [role for role in roles() if takes(getattr(users, role), plain)] == ["operator"]
    buried = replace(plain, exchange=DEAD)
    can = [role for role in roles() if takes(getattr(users, role), buried)]
    assert can == ["worker", "gate", "operator"]
    around = replace(plain, exchange="", key=queue_name("approval"))
    assert not [role for role in roles() if takes(getattr(users, role), around)]


def roles() -> tuple[str, ...]:
    return ("worker", "gate", "ci", "operator")


def opens(address: Address, queue: str) -> bool:
    """Return whether this user may read ``queue``."""
    with pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection:
        try:
            connection.channel().basic_get(queue)
        except pika.exceptions.ChannelClosedByBroker as error:
            return bool(error.reply_code != 403)
        return True


def test_each_reads_its_own_queue_only(users: Users) -> None:
    queues = [queue.name for queue in TOPOLOGY.queues]
    read = {role: {one for one in queues if opens(getattr(users, role), one)} for role in roles()}
    assert read == {
        "worker": {queue_name("semgrep")},
        "gate": {queue_name("approval")},
        "ci": set(),
        "operator": set(queues),
    }


@pytest.mark.parametrize("role", ["worker", "gate", "ci"])
def test_programs_in_daily_work_make_nothing(users: Users, role: str) -> None:
    address: Address = getattr(users, role)
    with pytest.raises(NotAuthorisedError):
        declare(TOPOLOGY, address)
    for name in ("devsecops.check.other", "celery", "devsecops.reply.other.x.y"):
        with (
            pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection,
            pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"),
        ):
            connection.channel().queue_declare(name, durable=True)


def test_a_ci_user_hears_only_flows_of_its_repositories(users: Users) -> None:
    address = users.ci

    def binds(key: str) -> bool:
        with pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection:
            channel = connection.channel()
            queue = reply_queue(user=address.user, flow=FLOW, waiter=WAITER)
            channel.queue_declare(queue, durable=True, arguments={"x-expires": 10_000})
            try:
                channel.queue_bind(queue, EVENTS, key)
            except pika.exceptions.ChannelClosedByBroker:
                return False
            return True

    assert all(binds(key) for key in reply_keys(repo=REPO, flow=FLOW))
    assert not any(binds(key) for key in reply_keys(repo="evil/app", flow=FLOW))
    assert not any(binds(key) for key in ("#", "decision.#", "commit.pushed.#"))


def test_with_these_rights_a_ci_job_gets_its_decision(users: Users, vhost: Vhost) -> None:
    def gate(event: Event) -> list[Event]:
        if event.type is not EventType.COMMIT_PUSHED:
            return []
        return [decision_made(SUBJECT, flow=event.correlationid, verdict=Verdict.ALLOW)]

    address = users.ci
    url = f"amqp://{address.user}:{address.password}@{address.host}:{address.port}/{vhost.name}"
    event = commit_pushed(REPO, ref="main", sha="1" * 40, now=datetime.now(UTC))
    with StandIn(users.gate, gate), Client(url, identities=users.identities) as client:
        decision = client.ask(event, timeout_s=30)
    assert decision is not None
    assert decision.verdict is Verdict.ALLOW
    assert set(vhost.queues()) == {queue.name for queue in TOPOLOGY.queues}
