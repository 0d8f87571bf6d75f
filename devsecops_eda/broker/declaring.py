"""Making the broker look like the topology table, and explaining where it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from devsecops_eda.broker.address import Address
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.link import Link
from devsecops_eda.broker.messages import RefusedError
from devsecops_eda.errors import (
    BrokerUnreachableError,
    DevSecOpsError,
    NotAuthorisedError,
    TopologyMismatchError,
)
from devsecops_eda.topology import Topology

# RabbitMQ: "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/':
# received the value '20' of type 'signedint' but current is none"
_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']*)' for (?P<kind>queue|exchange) '(?P<name>[^']*)'"
    r".*?: received (?P<ours>.*) but current is (?P<theirs>.*)",
    re.DOTALL,
)


def declare(topology: Topology, address: Address, *, timeout_s: float = 30.0) -> None:
    """Make every exchange, queue and binding of ``topology``; what is there already stays.

    ``timeout_s`` is the whole time.

    Raises:
        TopologyMismatchError: something exists with other arguments; says which, and the mend.
        NotAuthorisedError: this user may not do that; says what.
        BrokerUnreachableError: no connection, lost, or not done in time.
    """
    deadline = Deadline.after(timeout_s)
    link = Link.open(address, deadline)
    try:
        for what, method, arguments in _steps(topology):
            try:
                link.call(deadline, method, **arguments)
            except RefusedError as refusal:
                raise explained(refusal, what, address) from refusal
    finally:
        link.close()


def _steps(topology: Topology) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what is made, by which method of the channel, with which arguments."""
    for exchange in topology.exchanges:
        arguments: dict[str, Any] = {"exchange": exchange.name, "exchange_type": exchange.kind}
        yield f"exchange {exchange.name}", "exchange_declare", {**arguments, "durable": True}
    for queue in topology.queues:
        arguments = {"queue": queue.name, "arguments": dict(queue.arguments)}
        yield f"queue {queue.name}", "queue_declare", {**arguments, "durable": True}
    for binding in topology.bindings:
        arguments = {"queue": binding.queue, "exchange": binding.exchange}
        what = f"binding {binding.exchange} -> {binding.queue} ({binding.key or 'all'})"
        yield what, "queue_bind", {**arguments, "routing_key": binding.key}


def explained(refusal: RefusedError, what: str, address: Address) -> DevSecOpsError:
    """Return our error for a declaration the broker refused: what differs, and the mend; pure."""
    if refusal.code == 403:
        return NotAuthorisedError(
            f"{address}: this user may not make the {what}; an operator applies the topology"
            f" ({refusal.text})"
        )
    if refusal.code != 406:
        return BrokerUnreachableError(f"{address}: the {what} was not made: {refusal.text}")
    found = _INEQUIVALENT.search(refusal.text)
    if found is None:
        return TopologyMismatchError(f"{address}: the {what} differs: {refusal.text}")
    mend = (
        "move its messages elsewhere (shovel), delete it and apply again"
        if found["kind"] == "queue"
        else "delete it and apply again; its bindings are made anew"
    )
    return TopologyMismatchError(
        f"{address}: {found['kind']} {found['name']} exists with another {found['argument']}:"
        f" ours is {found['ours']}, there it is {found['theirs']}. Arguments of a"
        f" {found['kind']} cannot be changed: {mend}"
    )
