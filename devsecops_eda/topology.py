"""Every exchange, queue, binding, routing key and right: one table.

From it come the declarations, RabbitMQ's ``definitions.json``, users and permissions, and the
tables in the documentation. Nothing else in this package spells a name on the broker.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devsecops_eda.model import EventType, flow_word
from devsecops_eda.roles import MAY_SAY, PRIVILEGED, Role

EVENTS = "devsecops.events"
DEAD = "devsecops.dead"
REPLAY = "devsecops.replay"
GATE_CHECK = "approval"
"""The name of the check that the gate carries out."""

DELIVERY_LIMIT = 20
REASON_HEADER = "x-devsecops-reason"
DETAIL_HEADER = "x-devsecops-detail"
PATH_HEADER = "x-devsecops-path"
ORIGIN_HEADER = "x-devsecops-queue"
KEY_HEADER = "x-devsecops-routing-key"
USER_HEADER = "x-devsecops-user"
FIRST_HEADER = "x-devsecops-first-time"
LAST_HEADER = "x-devsecops-last-time"
DEATHS_HEADER = "x-devsecops-deaths"
DELIVERIES_HEADER = "x-devsecops-deliveries"

WORD_BUDGET = (12, 16, 136, 40, 16, 26)
"""Bytes per word: subject, predicate, repo, scope, class, flow."""
MAX_KEY_BYTES = 255
EMPTY = "_"

_PLAIN = re.compile(r"[a-z0-9_:-]")


def word(text: str | None, *, budget: int) -> str:
    """Return ``text`` as one word of a routing key, at most ``budget`` bytes.

    Lower case, ``/`` becomes ``:``, every other byte outside ``[a-z0-9_:-]`` is percent-encoded;
    what is over-long is cut and given a tail of its hash, so that two of them stay two.
    """
    if not text:
        return EMPTY
    lowered = text.lower().replace("/", ":")
    encoded = "".join(
        char if _PLAIN.fullmatch(char) else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in lowered
    )
    if len(encoded) <= budget:
        return encoded
    # Half of a short word at most: a tail of 17 bytes would not fit into a word of 16.
    tail = "~" + hashlib.sha256(lowered.encode()).hexdigest()[: min(16, budget // 2 - 1)]
    return encoded[: budget - len(tail)] + tail


def routing_key(
    type_: EventType,
    *,
    repo: str | None = None,
    scope: str | None = None,
    klass: str | None = None,
    flow: str | None = None,
) -> str:
    """Return the six-word routing key of an event; ``flow`` is the correlation id."""
    subject, predicate = type_.value.split(".")
    texts = (subject, predicate, repo, scope, klass)
    words = [word(text, budget=size) for text, size in zip(texts, WORD_BUDGET[:5], strict=True)]
    return ".".join([*words, flow_word(flow) if flow else EMPTY])


@dataclass(frozen=True, slots=True)
class Exchange:
    """One durable exchange."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What makes ``exchange`` copy a message into ``queue``."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """One durable quorum queue with the arguments that the promise rests on."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=dict)


EXCHANGES = (Exchange(EVENTS, "topic"), Exchange(DEAD, "fanout"), Exchange(REPLAY, "direct"))

DEAD_QUEUE = Queue(
    DEAD,
    {
        "x-queue-type": "quorum",
        # Each look at the letters gives them back. From 4.0 on that counts, and without a limit
        # of ours the broker would drop a letter that was looked at twenty times.
        "x-delivery-limit": 2**31 - 1,
    },
)


def queue_name(check: str) -> str:
    """Return the name of the queue of ``check``."""
    return f"devsecops.check.{check}"


def reply_queue(*, user: str, flow: str, waiter: str) -> str:
    """Return the name of a waiter's own reply queue."""
    return f"devsecops.reply.{user}.{flow_word(flow)}.{waiter}"


WAITED_FOR = ("decision.made", "scan.*", "approval.*", "override.*", "listing.made")


def reply_keys(*, repo: str | None, flow: str) -> tuple[str, ...]:
    """Return the binding keys of a waiter: answers and progress of one flow of one repository.

    Without ``repo`` the flow is one that asks about all repositories.
    """
    about = f"{word(repo, budget=WORD_BUDGET[2])}.*.*.{flow_word(flow)}.#"
    return tuple(f"{said}.{about}" for said in WAITED_FOR)


def check_queue(check: str) -> Queue:
    """Return the queue of ``check`` with the arguments no policy may change."""
    return Queue(
        queue_name(check),
        {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-delivery-limit": DELIVERY_LIMIT,
        },
    )


_TAKEN_BY_THE_GATE = (
    EventType.COMMIT_PUSHED,
    EventType.DECISION_REQUESTED,
    EventType.DEPLOYMENT_REQUESTED,
    EventType.ARTIFACT_PUBLISHED,
    EventType.APPROVAL_VOTED,
    EventType.WAIVER_REQUESTED,
    EventType.WAIVER_GRANTED,
    EventType.WAIVER_REVOKED,
    EventType.OVERRIDE_REQUESTED,
    EventType.OVERRIDE_REVIEWED,
    EventType.LISTING_REQUESTED,
)


def check_keys(check: str) -> tuple[str, ...]:
    """Return the binding keys of ``check`` on the events exchange."""
    if check == GATE_CHECK:
        # Not what the gate itself says of approvals, waivers and overrides: it knows that.
        return ("scan.#", *(f"{type_.value}.#" for type_ in _TAKEN_BY_THE_GATE))
    return ("commit.pushed.#", f"scan.requested.*.{word(check, budget=WORD_BUDGET[3])}.#")


@dataclass(frozen=True, slots=True)
class Topology:
    """What stands on the broker for these checks (the gate's queue always does)."""

    checks: tuple[str, ...]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the exchanges."""
        return EXCHANGES

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all that has a queue, the gate's last."""
        return (*self.checks, GATE_CHECK)

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Return the queues: dead letters first, then one per check."""
        return (DEAD_QUEUE, *(check_queue(name) for name in self.names))

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Return all bindings."""
        events = [
            Binding(EVENTS, queue_name(name), key)
            for name in self.names
            for key in check_keys(name)
        ]
        replays = [Binding(REPLAY, queue_name(name), queue_name(name)) for name in self.names]
        return (Binding(DEAD, DEAD, ""), *events, *replays)

    def matching(self, key: str) -> tuple[str, ...]:
        """Return the checks whose bindings match ``key``, as a topic exchange would."""
        return tuple(
            name
            for name in self.names
            if any(matches(pattern, key) for pattern in check_keys(name))
        )


def matches(pattern: str, key: str) -> bool:
    """Return whether a topic exchange would route ``key`` to a binding with ``pattern``."""

    def match(wanted: Sequence[str], given: Sequence[str]) -> bool:
        if not wanted:
            return not given
        head, rest = wanted[0], wanted[1:]
        if head == "#":
            return any(match(rest, given[start:]) for start in range(len(given) + 1))
        return bool(given) and head in ("*", given[0]) and match(rest, given[1:])

    return match(pattern.split("."), key.split("."))


@dataclass(frozen=True, slots=True)
class Identities:
    """Which broker users are which role.

    ``workers`` maps a check to its user; ``builders`` are those whose word on the origin of an
    artifact is taken. ``sole_user``, for a trial on one broker user, may say everything.
    """

    gate: str = "devsecops-gate"
    workers: Mapping[str, str] = field(default_factory=dict)
    builders: frozenset[str] = frozenset()
    sole_user: str | None = None

    def may_say(self, user: str | None, type_: EventType, *, check: str | None = None) -> bool:
        """Return whether the broker-validated ``user`` may say a privileged ``type_``.

        ``check`` is the check an outcome speaks of: the worker of one cannot speak for another.
        What people say may be said by any user: whether he is entitled to it is the gate's to
        judge and to record.
        """
        if type_ not in PRIVILEGED:
            return True
        if not user:
            return False
        if user == self.sole_user:
            return True
        match MAY_SAY[type_]:
            case roles if Role.APPROVER in roles:
                return True
            case roles if Role.BUILDER in roles:
                return user in self.builders
            case roles if Role.GATE in roles:
                return user == self.gate
            case _:
                return check is not None and user == self.worker(check)

    def worker(self, check: str) -> str:
        """Return the broker user of the worker of ``check``."""
        return self.workers.get(check, f"devsecops-worker-{check}")
