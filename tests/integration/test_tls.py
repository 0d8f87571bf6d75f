"""Over TLS the broker is who it says it is, and each way it can be somebody else has a sentence."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import trustme

from devsecops_eda.broker import Address, Deadline, Link, declare, outgoing, parse_url, publish_once
from devsecops_eda.client import commit_pushed
from devsecops_eda.errors import BrokerUnreachableError, ConfigurationError
from devsecops_eda.topology import Topology
from tests.rig.broker import RabbitNode
from tests.rig.ports import free_ports


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@contextmanager
def server(certificate: trustme.LeafCert) -> Iterator[int]:
    """Shake hands over TLS with one caller after another; give the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(caller, server_side=True).close()
                except OSError:
                    caller.close()

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def opening(port: int, *, ca_file: Path | None) -> None:
    address = parse_url(f"amqps://rig:hunter2@localhost:{port}/", ca_file=ca_file)
    Link.open(address, Deadline.after(10)).close()


def test_a_message_goes_over_tls(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    certificate = authority.issue_cert("localhost")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    certificate.private_key_pem.write_to_path(str(key))
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    settings = {
        "listeners.ssl.1": f"127.0.0.1:{port}",
        "ssl_options.cacertfile": str(ca_file),
        "ssl_options.certfile": str(chain),
        "ssl_options.keyfile": str(key),
    }
    with RabbitNode(settings=settings) as node:
        plain = parse_url(node.url())
        address = Address(
            "localhost", port, "/", plain.user, plain.password, tls=True, ca_file=ca_file
        )
        declare(Topology(("semgrep",)), address)
        event = commit_pushed("acme/app", ref="main", sha="1" * 40, now=datetime.now(UTC))
        publish_once(address, outgoing(event, mandatory=True), timeout_s=10)
        with pytest.raises(ConfigurationError, match="does not come from this machine's CA store"):
            opening(port, ca_file=None)
        with pytest.raises(ConfigurationError, match="does not speak TLS"):
            opening(plain.port, ca_file=ca_file)
        url = f"amqp://rig:hunter2@localhost:{port}/"
        with pytest.raises(BrokerUnreachableError):
            Link.open(parse_url(url), Deadline.after(10))


def test_a_certificate_of_somebody_else_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    stranger = trustme.CA().issue_cert("localhost")
    with (
        server(stranger) as port,
        pytest.raises(ConfigurationError, match="does not come from the ca_file"),
    ):
        opening(port, ca_file=ca_file)


def test_a_certificate_for_another_host_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    other = authority.issue_cert("broker.example.org")
    with (
        server(other) as port,
        pytest.raises(ConfigurationError, match="is not for the host localhost"),
    ):
        opening(port, ca_file=ca_file)


def test_an_expired_certificate_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    old = authority.issue_cert(
        "localhost",
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2021, 1, 1, tzinfo=UTC),
    )
    with server(old) as port, pytest.raises(ConfigurationError, match="has expired"):
        opening(port, ca_file=ca_file)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        opening(5671, ca_file=file)


def test_the_right_certificate_of_something_else_than_rabbitmq_is_unreachable(
    authority: trustme.CA, ca_file: Path
) -> None:
    with server(authority.issue_cert("localhost")) as port, pytest.raises(BrokerUnreachableError):
        opening(port, ca_file=ca_file)
