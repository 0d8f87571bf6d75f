"""What of the client and the broker can be said without either."""

import ssl
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pika
import pytest

from devsecops_eda import codec
from devsecops_eda.broker import Address, Outgoing, RefusedError, outgoing, parse_url, refused
from devsecops_eda.broker.address import connection_error
from devsecops_eda.broker.confirms import Confirms
from devsecops_eda.broker.declaring import explained
from devsecops_eda.broker.messages import NackedError, ReturnedError
from devsecops_eda.client import (
    Client,
    Spool,
    commit_pushed,
    decision_requested,
    flow_of_push,
    scan_requested,
)
from devsecops_eda.client.waiting import Question
from devsecops_eda.errors import (
    BrokerUnreachableError,
    ConfigurationError,
    NotAuthorisedError,
    PublishError,
    PublishRefusedError,
    TopologyMismatchError,
    TransientError,
    UnavailableError,
    UnroutableError,
)
from devsecops_eda.model import Event, Subject, Verdict, flow_of
from tests.rig.standin import decision_made

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHA = "1" * 40
SUBJECT = Subject.commit("acme/app", SHA)
ADDRESS = parse_url("amqps://ci:s3cr3t@broker.example.org/devsecops")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://u:p@h", Address("h", 5672, "/", "u", "p")),
        ("amqp://u:p@h/", Address("h", 5672, "/", "u", "p")),
        ("amqp://u:p@h/%2F", Address("h", 5672, "/", "u", "p")),
        ("amqp://u:p@h/a%2Fb", Address("h", 5672, "a/b", "u", "p")),
        ("amqps://u:p%40%2F@h:1/v", Address("h", 1, "v", "u", "p@/", tls=True)),
        ("amqp://[::1]:5", Address("::1", 5, "/", "guest", "guest")),
    ],
)
def test_a_url_names_an_address(url: str, expected: Address) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hunter2@h",
        "amqp://",
        "amqp://u:hunter2@h:port",
        "amqp://u:hunter2/x@h",
        "amqp://u:hunter2#@h",
        "amqp://u:p@h?heartbeat=hunter2",
        "hunter2",
    ],
)
def test_a_wrong_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url(url)
    shown = f"{caught.value!r} {caught.value.__cause__} {caught.getrepr(style='value')}"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "hunter2" not in shown


def test_an_address_never_shows_its_password() -> None:
    assert str(ADDRESS) == "amqps://ci@broker.example.org:5671/devsecops"
    assert "s3cr3t" not in repr(ADDRESS) + str(ADDRESS)


def _tls(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = code, "told by OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (_tls(62), ConfigurationError, "not for the host broker.example.org"),
        (_tls(10), ConfigurationError, "has expired"),
        (_tls(20), ConfigurationError, "this machine's CA store: told by OpenSSL"),
        (ConnectionRefusedError(), BrokerUnreachableError, "nobody listens"),
        (TimeoutError(), BrokerUnreachableError, "no answer in time"),
        (pika.exceptions.ProbableAuthenticationError("x"), NotAuthorisedError, "password"),
        (pika.exceptions.ProbableAccessDeniedError("x"), NotAuthorisedError, "devsecops"),
        (pika.exceptions.ConnectionClosedByBroker(530, "x"), NotAuthorisedError, "vhost"),
        (pika.exceptions.ConnectionClosedByBroker(320, "x"), BrokerUnreachableError, "lost"),
        (pika.exceptions.StreamLostError("x"), BrokerUnreachableError, "lost"),
        (None, BrokerUnreachableError, "lost"),
    ],
)
def test_what_keeps_us_from_connecting_has_a_class_and_a_sentence(
    error: Exception | None, kind: type[Exception], says: str
) -> None:
    wrapped = pika.exceptions.AMQPConnectionError(error) if error else None
    for one in (error, wrapped):
        found = connection_error(one, ADDRESS)
        assert type(found) is kind
        assert says in str(found)
        assert "s3cr3t" not in str(found)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (403, "ACCESS_REFUSED - access to topic", NotAuthorisedError),
        (406, "PRECONDITION_FAILED - user_id property set to 'x'", NotAuthorisedError),
        (404, "NOT_FOUND - no exchange", UnroutableError),
        (406, "PRECONDITION_FAILED - message size", PublishRefusedError),
    ],
)
def test_a_channel_closed_over_a_publish_says_why(
    code: int, text: str, kind: type[Exception]
) -> None:
    assert type(refused(RefusedError(code, text), ADDRESS)) is kind


def test_a_declaration_that_differs_says_what_and_how_to_mend_it() -> None:
    text = (
        "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/':"
        " received the value '20' of type 'signedint' but current is none"
    )
    error = explained(RefusedError(406, text), "queue q", ADDRESS)
    assert isinstance(error, TopologyMismatchError)
    assert "queue q exists with another x-delivery-limit" in str(error)
    assert "ours is the value '20' of type 'signedint', there it is none" in str(error)
    assert isinstance(explained(RefusedError(406, "?"), "queue q", ADDRESS), TopologyMismatchError)
    assert isinstance(explained(RefusedError(403, "?"), "queue q", ADDRESS), NotAuthorisedError)


class Account:
    """Keeps what `Confirms` settles."""

    def __init__(self, count: int) -> None:
        self.settled: dict[int, str] = {}
        self.confirms = Confirms(self._settle)
        self._promises: list[Future[None]] = [Future() for _ in range(count)]
        for number, promise in enumerate(self._promises, 1):
            properties = {"message_id": f"m{number % 2}"}
            self.confirms.sent(Outgoing("e", "k", b"", properties, mandatory=True), promise)

    def _settle(self, promise: Future[None], error: Exception | None) -> None:
        self.settled[self._promises.index(promise) + 1] = type(error).__name__

    def confirm(self, tag: int, *, multiple: bool = False, nack: bool = False) -> None:
        kind = pika.spec.Basic.Nack if nack else pika.spec.Basic.Ack
        self.confirms.on_confirm(SimpleNamespace(method=kind(tag, multiple)))

    def comes_back(self, message_id: str) -> None:
        method = pika.spec.Basic.Return(exchange="e", routing_key="k")
        self.confirms.on_return(None, method, pika.BasicProperties(message_id=message_id), b"")


def test_confirms_come_one_by_one_or_many_at_once_and_only_once() -> None:
    account = Account(5)
    account.confirm(2)
    account.confirm(3, multiple=True)
    account.confirm(3, multiple=True)
    account.confirm(5, nack=True)
    fine = type(None).__name__
    assert account.settled == {2: fine, 1: fine, 3: fine, 5: NackedError.__name__}


def test_a_return_counts_for_the_oldest_message_like_it() -> None:
    account = Account(4)
    account.comes_back("m0")
    account.comes_back("m1")
    account.confirm(4, multiple=True)
    returned = {number for number, word in account.settled.items() if word != "NoneType"}
    assert returned == {1, 2}
    assert account.settled[1] == ReturnedError.__name__


def push(ref: str = "main", target: str | None = None) -> Event:
    return commit_pushed("acme/app", ref=ref, sha=SHA, target=target, now=NOW)


def test_the_same_push_told_twice_is_the_same_event() -> None:
    again = commit_pushed("acme/app", ref="refs/heads/main", sha=SHA, now=NOW + timedelta(hours=1))
    assert again.id == push().id
    assert again.source == push().source
    assert again.correlationid == push().correlationid == flow_of(push().id)
    assert codec.content_digest(again) == codec.content_digest(push())
    other = push(target="refs/heads/release")
    assert other.id != push().id
    assert codec.content_digest(other) == codec.content_digest(push(target="release"))
    assert flow_of_push("acme/app", ref="main", sha=SHA) == push().correlationid


def test_every_event_of_ours_passes_the_door() -> None:
    events = (
        push(ref="topic", target="main"),
        scan_requested(SUBJECT, check="semgrep", ref="main", now=NOW, reason="new rules"),
        decision_requested("acme/app", flow=push().correlationid, gate="merge", now=NOW),
    )
    for event in events:
        assert codec.decode(codec.encode(event)) == event
        message = outgoing(event)
        assert message.key == codec.key_of(event)
        assert message.properties["message_id"] == event.id


def test_a_new_fact_has_an_id_of_its_own_in_order_of_time() -> None:
    first = scan_requested(SUBJECT, check="semgrep", now=NOW)
    second = scan_requested(SUBJECT, check="semgrep", now=NOW)
    assert first.id < second.id
    assert UUID(first.id).version == 7
    assert first.correlationid != second.correlationid


def test_only_a_final_decision_about_the_same_thing_answers() -> None:
    flow = push().correlationid
    question = Question("acme/app", flow, "merge", str(SUBJECT))

    def answers(
        subject: Subject = SUBJECT, gate: str = "merge", verdict: Verdict = Verdict.DENY
    ) -> bool:
        event = decision_made(subject, flow=flow, verdict=verdict, gate=gate)
        return question.answered_by(event) is not None

    assert answers()
    assert answers(verdict=Verdict.ERROR)
    assert not answers(verdict=Verdict.PENDING)
    assert not answers(gate="deploy")
    assert not answers(subject=Subject.commit("acme/app", "2" * 40))
    assert question.answered_by(push()) is None


def test_the_spool_gives_back_what_it_kept_oldest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.flush(lambda event: None) == 0
    events = [push(ref=f"topic-{number}") for number in range(3)]
    for event in events:
        spool.keep(event)
    sent: list[Event] = []
    assert spool.flush(sent.append) == 3
    assert sent == events
    assert spool.waiting() == ()
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_what_could_not_be_sent_stays_and_what_never_can_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.keep(push(ref="one"))
    spool.keep(push(ref="two"))
    (tmp_path / "00000000000000000000-x.event.json").write_bytes(b"{")

    def away(event: Event) -> None:
        raise BrokerUnreachableError("away")

    def never(event: Event) -> None:
        raise PublishRefusedError("no")

    with pytest.raises(TransientError):
        spool.flush(away)
    assert len(spool.waiting()) == 2
    with pytest.raises(PublishError):
        spool.flush(never)
    assert len(spool.waiting()) == 1
    assert len(list(tmp_path.glob("*.refused"))) == 2


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        Spool(tmp_path / "file").keep(push())


def test_a_client_connects_to_nobody_before_it_is_needed() -> None:
    with Client("amqp://u:p@127.0.0.1:1/") as client:
        assert client.user == "u"
        with pytest.raises(ConfigurationError, match="spool"):
            client.flush()
