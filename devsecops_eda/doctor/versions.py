"""RabbitMQ's versions, and what each of them does not protect; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from devsecops_eda.doctor.finding import Finding, fail, not_checked, ok, warn

Version = tuple[int, int, int]

OLDEST: Version = (3, 10, 0)
"""Older ones do not dead-letter at least once from a quorum queue."""

_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class Unprotected:
    """What versions from ``since`` on and before ``until`` leave to us, and how to live with it."""

    text: str
    mend: str
    since: Version = (0, 0, 0)
    until: Version | None = None

    def concerns(self, version: Version) -> bool:
        """Return whether ``version`` is one of them."""
        return self.since <= version and (self.until is None or version < self.until)


UNPROTECTED = (
    Unprotected(
        "rights on routing keys can be got round with the headers CC and BCC: whoever may publish"
        " under one key reaches queues bound to any other",
        "gate and workers refuse such messages; let no other consumer of devsecops.events take"
        " them, or move to RabbitMQ 4.0.5",
        until=(4, 0, 5),
    ),
    Unprotected(
        "the consumer timeout is a setting of each node, of no queue and no policy",
        "keep consumer_timeout in the rabbitmq.conf of every node of the cluster alike",
        until=(3, 12, 0),
    ),
    Unprotected(
        "a quorum queue has no delivery limit unless it is declared with one: a message that kills"
        " its consumer comes back for ever",
        "`devsecops-eda topology apply` declares ours with one; give it to queues of your own",
        until=(4, 0, 0),
    ),
    Unprotected(
        "a sender can write a history of his own into the header x-death",
        "`devsecops-eda dead` believes no more of it than the broker writes itself; tools of your"
        " own should not either",
        until=(4, 0, 0),
    ),
    Unprotected(
        "a message that comes back twenty times, though nothing failed, is dropped from a queue"
        " without a limit of its own: also one that is only looked at",
        "the dead letters are declared with a limit that nobody reaches; give one to queues of"
        " your own",
        since=(4, 0, 0),
    ),
)
"""What was found by trying, version by version."""


def parse_version(text: str) -> Version | None:
    """Return a version as numbers, None where ``text`` is none; what follows them is left out."""
    match = _NUMBERS.match(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def version_findings(product: str, text: str) -> Iterator[Finding]:
    """Yield what the broker's version means."""
    version = parse_version(text)
    if "rabbitmq" not in product.lower() or version is None:
        yield fail(
            "versions",
            f"the broker says that it is {product or 'nothing'} {text}",
            "point broker.url at a RabbitMQ 3.10 or newer",
        )
        yield not_checked("protection", "that is no version of RabbitMQ")
        return
    if version < OLDEST:
        yield fail(
            "versions",
            f"RabbitMQ {text} loses dead letters when a node fails",
            "move to RabbitMQ 3.10 or newer",
        )
    else:
        yield ok("versions", f"RabbitMQ {text}")
    for one in UNPROTECTED:
        if one.concerns(version):
            yield warn("protection", f"RabbitMQ {text}: {one.text}", one.mend)
