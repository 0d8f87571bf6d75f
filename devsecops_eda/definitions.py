"""The topology table as RabbitMQ's ``definitions.json``: what stands there, and who may what.

RabbitMQ looks for its patterns anywhere in a name, and its ``$`` also matches before a last line
break; so ours begin with ``\\A`` and end with ``\\z``. A user without a row in
``topic_permissions`` may say everything, so everybody has one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.roles import MAY_SAY, Role
from devsecops_eda.topology import (
    DEAD,
    EVENTS,
    GATE_CHECK,
    WAITED_FOR,
    WORD_BUDGET,
    Identities,
    Topology,
    queue_name,
    word,
)

NOTHING = "^$"
"""RabbitMQ's own way to say: no name at all."""
ANYTHING = ".*"
_WORD = r"[!-\-/-~]+"
"""Visible ASCII without the dot: any word of a routing key."""
_FLOW = "[a-z2-7]{26}"
_WAITER = "[0-9a-f]{16}"
_PLAIN_WORD = r"[a-z0-9_:%~-]+"
"""Any word that is none of AMQP's wildcards."""
_OURS = r"\Adevsecops\."

HELD_TO_REPOSITORIES = frozenset({Role.CI, Role.BUILDER, Role.APPROVER})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """One broker user and his role: ``check`` for a scan worker, ``repos`` for all who ask.

    ``repos`` None is any repository, and the questions that are about all of them.
    """

    name: str
    role: Role
    check: str | None = None
    repos: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do: patterns of names, and of routing keys on the events exchange."""

    configure: str
    write: str
    read: str
    topic_write: str
    topic_read: str


def accounts(
    checks: Sequence[str],
    identities: Identities,
    *,
    ci: Mapping[str, Sequence[str]],
    builders: Mapping[str, Sequence[str]] | None = None,
    approvers: Mapping[str, Sequence[str] | None] | None = None,
    operators: Sequence[str] = (),
) -> tuple[Account, ...]:
    """Return the users of a broker: the gate, one per check, and those of jobs and people.

    CI users, builders and approvers come with their repositories; an approver with None is held
    to none.

    Raises:
        ConfigurationError: one user would have two roles, of which the broker keeps the last.
    """
    found = [
        Account(identities.gate, Role.GATE, GATE_CHECK),
        *(Account(identities.worker(check), Role.SCAN_WORKER, check) for check in checks),
        *(Account(name, Role.CI, repos=tuple(repos)) for name, repos in ci.items()),
        *(
            Account(name, Role.BUILDER, repos=tuple(repos))
            for name, repos in (builders or {}).items()
        ),
        *(
            Account(name, Role.APPROVER, repos=None if repos is None else tuple(repos))
            for name, repos in (approvers or {}).items()
        ),
        *(Account(name, Role.OPERATOR) for name in operators),
    ]
    for name, times in Counter(account.name for account in found).items():
        if times > 1:
            roles = [account.role.value for account in found if account.name == name]
            raise ConfigurationError(
                f"the broker user {name} would be {' and '.join(roles)}; one user has one role"
            )
    return tuple(found)


def rights(account: Account) -> Rights:
    """Return the rights of a user, all of them made from the table."""
    match account.role:
        case Role.SCAN_WORKER | Role.GATE:
            assert account.check is not None
            return Rights(
                configure=NOTHING,
                write=_whole(_either(map(re.escape, (EVENTS, DEAD)))),
                read=_whole(re.escape(queue_name(account.check))),
                topic_write=_sayable(account),
                topic_read=NOTHING,
            )
        case Role.CI | Role.BUILDER | Role.APPROVER:
            own = rf"devsecops\.reply\.{re.escape(account.name)}\.{_FLOW}\.{_WAITER}"
            # Binding a queue wants write on the queue and read on the exchange.
            exchange = re.escape(EVENTS)
            heard = _either(map(re.escape, WAITED_FOR))
            return Rights(
                configure=_whole(own),
                write=_whole(_either((exchange, own))),
                read=_whole(_either((exchange, own))),
                topic_write=_sayable(account),
                topic_read=_whole(rf"{heard}\.{_repos(account)}\.\*\.\*\.{_FLOW}\.#"),
            )
        case Role.OPERATOR:
            return Rights(
                configure=_OURS,
                write=_OURS,
                read=_OURS,
                topic_write=_sayable(account),
                topic_read=ANYTHING,
            )


def definitions(
    topology: Topology,
    *,
    vhost: str,
    users: Sequence[Account] = (),
    password_hashes: Mapping[str, str] | None = None,
) -> Json:
    """Return the document that RabbitMQ 3.10 and later import.

    Without ``password_hashes`` (see `password_hash`) a user is there but cannot log in; importing
    it again would take a password away that was set meanwhile.
    """
    hashes = password_hashes or {}
    document = {"vhosts": [{"name": vhost}], **_objects(topology, vhost)}
    if users:
        document["users"] = [_user(account, hashes.get(account.name, "")) for account in users]
        document["permissions"] = [_permission(account, vhost) for account in users]
        document["topic_permissions"] = [_topic_permission(account, vhost) for account in users]
    return document


def password_hash(password: str, *, salt: bytes) -> str:
    """Return RabbitMQ's salted SHA-256 of ``password``; ``salt`` is four random bytes.

    https://www.rabbitmq.com/docs/passwords#computing-password-hash
    """
    if len(salt) != 4:
        raise ValueError("the salt is four bytes")
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode("ascii")


def _objects(topology: Topology, vhost: str) -> Json:
    there = {"vhost": vhost, "durable": True, "auto_delete": False}
    return {
        "exchanges": [
            {"name": one.name, "type": one.kind, "internal": False, "arguments": {}, **there}
            for one in topology.exchanges
        ],
        "queues": [
            {"name": one.name, "arguments": dict(one.arguments), **there} for one in topology.queues
        ],
        "bindings": [
            {
                "source": one.exchange,
                "vhost": vhost,
                "destination": one.queue,
                "destination_type": "queue",
                "routing_key": one.key,
                "arguments": {},
            }
            for one in topology.bindings
        ],
    }


def _user(account: Account, hash_: str) -> Json:
    return {
        "name": account.name,
        "password_hash": hash_,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["monitoring"] if account.role is Role.OPERATOR else [],
    }


def _permission(account: Account, vhost: str) -> Json:
    may = rights(account)
    patterns = {"configure": may.configure, "write": may.write, "read": may.read}
    return {"user": account.name, "vhost": vhost, **patterns}


def _topic_permission(account: Account, vhost: str) -> Json:
    may = rights(account)
    patterns = {"exchange": EVENTS, "write": may.topic_write, "read": may.topic_read}
    return {"user": account.name, "vhost": vhost, **patterns}


def _sayable(account: Account) -> str:
    """Return the pattern of the routing keys this user may publish to."""
    types = [type_.value for type_, roles in MAY_SAY.items() if account.role in roles]
    scope = _WORD
    if account.role is Role.SCAN_WORKER:
        scope = re.escape(word(account.check, budget=WORD_BUDGET[3]))
    about = _repos(account) if account.role in HELD_TO_REPOSITORIES else _WORD
    return _whole(rf"{_either(map(re.escape, types))}\.{about}\.{scope}\.{_WORD}\.{_WORD}")


def _repos(account: Account) -> str:
    if account.repos is None:
        return _PLAIN_WORD
    return _either(re.escape(word(repo, budget=WORD_BUDGET[2])) for repo in account.repos)


def _either(patterns: Iterable[str]) -> str:
    """Return a pattern for any of these; for none of them one that nothing matches."""
    return f"(?:{'|'.join(patterns) or '(?!)'})"


def _whole(pattern: str) -> str:
    return rf"\A{pattern}\z"
