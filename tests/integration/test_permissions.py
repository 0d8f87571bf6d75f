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
from devsecops_eda.model import (
    ApprovalVoted,
    ArtifactPublished,
    DeadLettered,
    Event,
    EventType,
    Subject,
    Verdict,
    flow_word,
)
from devsecops_eda.roles import Role
from devsecops_eda.topology import (
    DEAD,
    EVENTS,
    REPLAY,
    Identities,
    Topology,
    queue_name,
    reply_keys,
    reply_queue,
)
from tests.conftest import Vhost
from tests.examples import golden
from tests.rig.standin import NOW, StandIn, decision_made, scan_completed

REPO = "acme/app"
SUBJECT = Subject.commit(REPO, "1" * 40)
PUSH = commit_pushed(REPO, ref="main", sha="1" * 40, now=NOW)
FLOW = PUSH.correlationid
TOPOLOGY = Topology(("semgrep", "safety"))
WAITER = "0123456789abcdef"
ROLES = ("worker", "gate", "ci", "builder", "approver", "held", "operator")


@dataclass(frozen=True, slots=True)
class Users:
    """One user of each role, as `topology export --users` makes them; `held` to one repository."""

    worker: Address
    gate: Address
    ci: Address
    builder: Address
    approver: Address
    held: Address
    operator: Address

    @property
    def identities(self) -> Identities:
        return Identities(
            gate=self.gate.user,
            workers={"semgrep": self.worker.user},
            builders=frozenset({self.builder.user}),
        )


@pytest.fixture
def users(vhost: Vhost) -> Users:
    declare(TOPOLOGY, parse_url(vhost.url))
    made = {name: vhost.add_user(name) for name in ROLES}
    accounts = (
        Account(made["worker"].name, Role.SCAN_WORKER, "semgrep"),
        Account(made["gate"].name, Role.GATE, "approval"),
        Account(made["ci"].name, Role.CI, repos=(REPO,)),
        Account(made["builder"].name, Role.BUILDER, repos=(REPO,)),
        Account(made["approver"].name, Role.APPROVER, repos=None),
        Account(made["held"].name, Role.APPROVER, repos=(REPO,)),
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
        **{name: golden(*name.split("/")) for name in (*GATE_SAYS, *PEOPLE_SAY, *OTHERS)},
        "vote in another repository": of_another_repository(golden("approval.voted", "approve")),
        "artifact of another repository": of_another_repository(
            golden("artifact.published", "image")
        ),
    }


def of_another_repository(event: Event) -> Event:
    """Return the event about `evil/app`, as somebody would say it who has no rights there."""
    data = event.data
    assert isinstance(data, ApprovalVoted | ArtifactPublished)
    subject = replace(data.subject, repo="evil/app")
    if isinstance(data, ApprovalVoted):
        return replace(event, data=replace(data, subject=subject), subject=str(subject))
    built_from = replace(data.built_from, repo="evil/app")
    return replace(event, data=ArtifactPublished(subject, built_from), subject=str(subject))


GATE_SAYS = frozenset(
    (
        *("approval.requested/first_round", "approval.granted/short", "approval.denied/short"),
        *("approval.expired/short", "waiver.expiring/advisory", "waiver.expired/advisory"),
        *("override.activated/short", "override.refused/short", "override.expired/short"),
        *("listing.made/waivers", "listing.made/approvals"),
    )
)
PEOPLE_SAY = frozenset(
    (
        *("approval.voted/approve", "waiver.requested/advisory", "waiver.granted/short"),
        *("waiver.revoked/short", "override.requested/incident", "override.reviewed/justified"),
    )
)
LISTS = frozenset({"listing.requested/outcomes_of_a_flow"})
LISTS_ALL = frozenset({"listing.requested/open_approvals"})
DEPLOYS = frozenset({"deployment.requested/commit"})
PUBLISHES = frozenset({"artifact.published/image"})
CLEARS_UP = frozenset({"message.replayed/future_time", "message.dropped/future_time"})
OTHERS = LISTS | LISTS_ALL | DEPLOYS | PUBLISHES | CLEARS_UP


def test_each_may_say_what_its_role_says_and_nothing_else(users: Users) -> None:
    elsewhere = {"question about another repository"}
    job = {"push", "question"} | DEPLOYS | LISTS
    held = {"question"} | PEOPLE_SAY | LISTS
    may = {
        "worker": {"outcome", "dead letter"},
        "gate": {"decision", "request", "dead letter", "dead letter of another check"} | GATE_SAYS,
        "ci": job,
        "builder": job | PUBLISHES,
        "approver": held | elsewhere | LISTS_ALL | {"vote in another repository"},
        "held": held,
        "operator": {"request", "question", "dead letter", "dead letter of another check"}
        | elsewhere
        | LISTS
        | LISTS_ALL
        | CLEARS_UP,
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
    assert [role for role in ROLES if takes(getattr(users, role), plain)] == ["operator"]
    buried = replace(plain, exchange=DEAD)
    can = [role for role in ROLES if takes(getattr(users, role), buried)]
    assert can == ["worker", "gate", "operator"]
    around = replace(plain, exchange="", key=queue_name("approval"))
    assert not [role for role in ROLES if takes(getattr(users, role), around)]


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
    read = {role: {one for one in queues if opens(getattr(users, role), one)} for role in ROLES}
    assert read == {
        "worker": {queue_name("semgrep")},
        "gate": {queue_name("approval")},
        **{role: set() for role in ("ci", "builder", "approver", "held")},
        "operator": set(queues),
    }


@pytest.mark.parametrize("role", ROLES[:-1])
def test_who_is_at_daily_work_makes_nothing(users: Users, role: str) -> None:
    address: Address = getattr(users, role)
    with pytest.raises(NotAuthorisedError):
        declare(TOPOLOGY, address)
    for name in ("devsecops.check.other", "celery", "devsecops.reply.other.x.y"):
        with (
            pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection,
            pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"),
        ):
            connection.channel().queue_declare(name, durable=True)


def binds(address: Address, key: str) -> bool:
    """Return whether this user may bind a reply queue of its own to ``key``."""
    with pika.BlockingConnection(address.parameters(address.host, timeout_s=10)) as connection:
        channel = connection.channel()
        queue = reply_queue(user=address.user, flow=FLOW, waiter=WAITER)
        channel.queue_declare(queue, durable=True, arguments={"x-expires": 10_000})
        try:
            channel.queue_bind(queue, EVENTS, key)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True


@pytest.mark.parametrize(
    ("role", "elsewhere"), [("ci", False), ("builder", False), ("held", False), ("approver", True)]
)
def test_who_asks_hears_only_flows_of_his_repositories(
    users: Users, role: str, elsewhere: bool
) -> None:
    address: Address = getattr(users, role)
    assert all(binds(address, key) for key in reply_keys(repo=REPO, flow=FLOW))
    for repo in ("evil/app", None):
        heard = {binds(address, key) for key in reply_keys(repo=repo, flow=FLOW)}
        assert heard == {elsewhere}
    flow = flow_word(FLOW)
    for key in (
        *("#", "decision.#", "commit.pushed.#", "approval.#", "approval.*.*.*.*.*.#"),
        *(f"approval.*.*.*.*.{flow}.#", f"approval.*.#.*.*.{flow}.#", f"*.*.*.*.*.{flow}"),
    ):
        assert not binds(address, key), key


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
