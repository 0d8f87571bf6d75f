"""Where the broker is, as whom we speak to it, and what its refusal to let us in means."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pika
from pika.exceptions import (
    AMQPConnectionError,
    AuthenticationError,
    ConnectionClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from devsecops_eda.errors import (
    BrokerUnreachableError,
    ConfigurationError,
    DevSecOpsError,
    NotAuthorisedError,
)
from devsecops_eda.settings import BrokerSettings

PORTS = {"amqp": 5672, "amqps": 5671}
HEARTBEAT_S = 10
"""A dead peer is noticed after one and a half of these; pika adds 5 s."""

_EXPIRED = 10
_NOT_FOR_THIS_HOST = (62, 64)
"""Verify codes of OpenSSL (openssl-verification-options(1))."""


@dataclass(frozen=True, slots=True)
class Address:
    """One broker and one user of it. Its text never shows the password."""

    host: str
    port: int
    vhost: str
    user: str
    password: str = field(repr=False)
    tls: bool = False
    ca_file: Path | None = None

    def __str__(self) -> str:
        scheme = "amqps" if self.tls else "amqp"
        return f"{scheme}://{self.user}@{self.host}:{self.port}/{self.vhost.removeprefix('/')}"

    def parameters(self, host: str, *, timeout_s: float) -> pika.ConnectionParameters:
        """Return pika's parameters to connect to ``host``, an address that our host stands for.

        Raises:
            ConfigurationError: the CA file cannot be used.
        """
        return pika.ConnectionParameters(
            host=host,
            port=self.port,
            virtual_host=self.vhost,
            credentials=pika.PlainCredentials(self.user, self.password),
            ssl_options=pika.SSLOptions(self._context(), self.host) if self.tls else None,
            heartbeat=HEARTBEAT_S,
            connection_attempts=1,
            socket_timeout=timeout_s,
            stack_timeout=timeout_s,
            client_properties={"product": "devsecops-eda"},
        )

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"the broker's ca_file {self.ca_file} cannot be used: {error}"
            ) from error


def address_of(broker: BrokerSettings) -> Address:
    """Return the address that the settings name.

    Raises:
        ConfigurationError: their URL is none for a broker.
    """
    return parse_url(broker.url, ca_file=broker.ca_file)


def parse_url(url: str, *, ca_file: Path | None = None) -> Address:
    """Return the address that an ``amqp://`` or ``amqps://`` URL names; pure.

    Raises:
        ConfigurationError: it is no such URL. The message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # Without `from error`: its text may show a part of the password.
        del error
        raise ConfigurationError("the broker's URL cannot be read: is the port a number?") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigurationError(
            "the broker's URL must look like amqps://user:password@host:5671/vhost"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "the broker's URL must not have options after ? or #;"
            " such characters in a password are percent-encoded"
        )
    # As everywhere with RabbitMQ: no path is the vhost "/", else it is one percent-encoded word.
    vhost = unquote(parts.path.removeprefix("/")) or "/"
    return Address(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        vhost=vhost,
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        tls=parts.scheme == "amqps",
        ca_file=ca_file,
    )


def connection_error(error: BaseException | None, address: Address) -> DevSecOpsError:
    """Return our error for whatever kept pika from connecting, or cut the connection; pure."""
    for cause in _causes(error):
        if isinstance(cause, DevSecOpsError):
            return cause
        if isinstance(cause, ssl.SSLError):
            return _tls_error(cause, address)
        if isinstance(cause, ProbableAuthenticationError | AuthenticationError):
            return NotAuthorisedError(f"{address}: the broker refused this user or its password")
        if isinstance(cause, ProbableAccessDeniedError):
            return _vhost_error(address)
        if isinstance(cause, ConnectionClosedByBroker) and cause.reply_code in (403, 530):
            return _vhost_error(address)
        if isinstance(cause, IncompatibleProtocolError):
            return BrokerUnreachableError(
                f"{address}: what listens there does not speak AMQP: is it a TLS port (amqps)?"
            )
        if isinstance(cause, socket.gaierror):
            return BrokerUnreachableError(f"{address}: the host name has no address")
        if isinstance(cause, ConnectionRefusedError):
            return BrokerUnreachableError(f"{address}: nobody listens there")
        if isinstance(cause, TimeoutError):
            return BrokerUnreachableError(f"{address}: no answer in time")
    why = f" ({type(error).__name__})" if error is not None else ""
    return BrokerUnreachableError(f"{address}: the connection was lost{why}")


def _vhost_error(address: Address) -> NotAuthorisedError:
    return NotAuthorisedError(
        f"{address}: the broker has no vhost {address.vhost!r}, or this user may not use it"
    )


def _tls_error(error: ssl.SSLError, address: Address) -> DevSecOpsError:
    if not isinstance(error, ssl.SSLCertVerificationError):
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return ConfigurationError(f"{address}: what listens there does not speak TLS")
        return BrokerUnreachableError(f"{address}: TLS failed: {error.reason or 'cut off'}")
    if error.verify_code in _NOT_FOR_THIS_HOST:
        return ConfigurationError(
            f"{address}: the broker's certificate is not for the host {address.host}"
        )
    if error.verify_code == _EXPIRED:
        return ConfigurationError(f"{address}: the broker's certificate has expired")
    store = f"the ca_file {address.ca_file}" if address.ca_file else "this machine's CA store"
    return ConfigurationError(
        f"{address}: the broker's certificate does not come from {store}: {error.verify_message}"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and all that pika wrapped in it, outermost first."""
    if error is None:
        return
    yield error
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), error.__cause__]
    if isinstance(error, AMQPConnectionError):
        inner += [arg for arg in error.args if isinstance(arg, BaseException)]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
