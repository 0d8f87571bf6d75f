"""What was seen on a broker, gathered once; the judging of it asks nobody any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from devsecops_eda.broker import Address, Inquiry, Standing
from devsecops_eda.doctor.management import Management, NotToldError
from devsecops_eda.topology import Topology

Rows = Sequence[Mapping[str, Any]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What AMQP tells. A queue or exchange that is not there is None.

    Of an exchange it says in what it differs from ours, "" where in nothing.
    """

    product: str
    version: str
    cluster: str
    exchanges: Mapping[str, str | None]
    queues: Mapping[str, Standing | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What the management API tells ``user``; what it does not is an error that says why.

    ``ahead`` is the broker's clock; the last three are told to administrators only.
    """

    user: str = ""
    ahead: timedelta | NotToldError
    alarm: bool | NotToldError
    queues: Rows | NotToldError
    bindings: Rows | NotToldError
    policies: Rows | NotToldError
    consumers: Rows | NotToldError
    permissions: Rows | NotToldError
    topic_permissions: Rows | NotToldError
    users: Rows | NotToldError


def untold(why: NotToldError) -> Managed:
    """Return that nothing at all was told."""
    return Managed(
        ahead=why,
        alarm=why,
        queues=why,
        bindings=why,
        policies=why,
        consumers=why,
        permissions=why,
        topic_permissions=why,
        users=why,
    )


def look(address: Address, topology: Topology, *, timeout_s: float) -> Seen:
    """Return what stands on the broker at ``address``. Makes nothing, takes nothing.

    Raises:
        BrokerUnreachableError, NotAuthorisedError, ConfigurationError: it cannot be looked at.
    """
    with Inquiry(address, timeout_s=timeout_s) as inquiry:
        server = inquiry.server
        return Seen(
            product=_text(server.get("product")),
            version=_text(server.get("version")),
            cluster=_text(server.get("cluster_name")),
            exchanges={one.name: inquiry.exchange(one) for one in topology.exchanges},
            queues={one.name: inquiry.queue(one) for one in topology.queues},
        )


def ask(management: Management) -> Managed:
    """Return what the management API tells.

    Raises:
        NotToldError: it tells this user nothing at all, or is not there.
    """
    overview, vhost = management.get("overview"), management.vhost
    no_date = NotToldError("the management API gave no date")
    return Managed(
        user=management.user,
        ahead=overview.ahead if overview.ahead is not None else no_date,
        alarm=_told(management.alarm),
        queues=_told(lambda: management.rows("queues", vhost)),
        bindings=_told(lambda: management.rows("bindings", vhost)),
        policies=_told(lambda: management.rows("policies", vhost)),
        consumers=_told(lambda: management.rows("consumers", vhost)),
        permissions=_told(lambda: management.rows("vhosts", vhost, "permissions")),
        topic_permissions=_told(lambda: management.rows("vhosts", vhost, "topic-permissions")),
        users=_told(lambda: management.rows("users")),
    )


def _told(question: Callable[[], _T]) -> _T | NotToldError:
    try:
        return question()
    except NotToldError as error:
        return error


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
