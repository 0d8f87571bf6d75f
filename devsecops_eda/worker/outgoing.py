"""What the publisher is given for a recorded message or a dead letter."""

from __future__ import annotations

from typing import Any

from devsecops_eda import codec
from devsecops_eda.broker import Outgoing, outgoing
from devsecops_eda.ledger import Message
from devsecops_eda.topology import DEAD
from devsecops_eda.worker.refusing import DeadLetter


def repeated(message: Message) -> Outgoing:
    """Return what the ledger recorded, with the bytes of the first time."""
    return outgoing(codec.decode(message.body), body=message.body)


def buried(letter: DeadLetter) -> Outgoing:
    """Return a dead letter as a message; one that no queue takes is an error."""
    properties: dict[str, Any] = {
        **letter.properties,
        "headers": dict(letter.headers),
        "delivery_mode": 2,
    }
    return Outgoing(DEAD, "", letter.body, properties, mandatory=True)
