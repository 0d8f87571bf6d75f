"""Who may do what on a broker, compared with what the roles need; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from devsecops_eda.definitions import Account, rights
from devsecops_eda.doctor.broker import named
from devsecops_eda.doctor.finding import Finding, fail, not_checked, ok, some, warn
from devsecops_eda.doctor.management import ASK_OTHERWISE, NotToldError
from devsecops_eda.doctor.seen import Managed
from devsecops_eda.roles import Role
from devsecops_eda.topology import EVENTS, GATE_CHECK, REPLAY, Identities

ADMINISTRATOR = "name a user with the tag administrator in broker.management_url, for once"
EXPORT = "`devsecops-eda topology export --users` has the rights of each role: import it"


def rights_findings(
    managed: Managed, identities: Identities, *, checks: tuple[str, ...]
) -> Iterator[Finding]:
    """Yield what users may do that they need not, and what they need and may not."""
    if identities.sole_user:
        yield warn(
            "permissions",
            f"the user {identities.sole_user} may say everything (broker.sole_user)",
            f"that is for a trial: give each program a user of its own; {EXPORT}",
        )
    if isinstance(managed.permissions, NotToldError):
        yield not_checked(
            "permissions",
            f"{managed.permissions}" + (f" ({managed.user})" if managed.user else ""),
            ADMINISTRATOR
            if managed.permissions.mend == ASK_OTHERWISE
            else managed.permissions.mend,
        )
        return
    found = list(_findings(managed, identities, checks))
    yield from found
    if not found and not identities.sole_user:
        number = len(managed.permissions)
        yield ok("permissions", f"{number} users may do what their roles need")


def _findings(
    managed: Managed, identities: Identities, checks: tuple[str, ...]
) -> Iterator[Finding]:
    permissions = named(managed.permissions, "user")
    on_events = (
        {}
        if isinstance(managed.topic_permissions, NotToldError)
        else named(
            [row for row in managed.topic_permissions if row.get("exchange") == EVENTS], "user"
        )
    )
    tags = {name: _tags(row) for name, row in named(managed.users, "name").items()}
    if not identities.sole_user:
        accounts = [Account(identities.gate, Role.GATE, GATE_CHECK)]
        accounts += [Account(identities.worker(one), Role.SCAN_WORKER, one) for one in checks]
        for account in accounts:
            yield from _of_role(account, permissions, on_events)
    writers = {name for name, row in permissions.items() if _may(row, "write", EVENTS)}
    free = sorted(writers - set(on_events) - {identities.sole_user})
    if free:
        yield fail(
            "permissions",
            f"{some(free)} may publish under any routing key: without topic permissions on"
            f" {EVENTS} RabbitMQ allows everything",
            f"give each a row of topic permissions, or take its rights away; {EXPORT}",
        )
    replaying = {name for name, row in permissions.items() if _may(row, "write", REPLAY)}
    operators = {name for name in permissions if tags.get(name, set()) & _OPERATING}
    strange = replaying - operators - {identities.sole_user}
    if tags and strange:
        yield warn(
            "permissions",
            f"{some(strange)} may replay dead letters in the name of others",
            f"keep write on {REPLAY} to operators (tag monitoring or administrator)",
        )
    yield from _impersonators(tags)


_OPERATING = frozenset({"administrator", "monitoring"})


def _of_role(
    account: Account,
    permissions: Mapping[str, Mapping[str, Any]],
    on_events: Mapping[str, Mapping[str, Any]],
) -> Iterator[Finding]:
    role = "the gate" if account.role is Role.GATE else f"the worker of {account.check}"
    row = permissions.get(account.name)
    if row is None:
        yield fail(
            "permissions",
            f"there is no user {account.name} here, as which {role} is believed",
            f"name the user it has (broker.gate_user, checks.<name>.user), or make it; {EXPORT}",
        )
        return
    may = rights(account)
    wanted = {"configure": may.configure, "write": may.write, "read": may.read}
    differs = [name for name, pattern in wanted.items() if row.get(name) != pattern]
    topic = on_events.get(account.name)
    if topic is not None:
        on_topic = {"write": may.topic_write, "read": may.topic_read}
        differs += [f"topic {name}" for name, text in on_topic.items() if topic.get(name) != text]
    if differs:
        yield warn(
            "permissions",
            f"{account.name} ({role}) has other rights than its role: {', '.join(differs)}",
            EXPORT,
        )


def _impersonators(tags: Mapping[str, set[str]]) -> Iterator[Finding]:
    found = [name for name, words in tags.items() if "impersonator" in words]
    if found:
        yield fail(
            "permissions",
            f"{some(found)} may speak in the name of every other user (tag impersonator)",
            "take the tag away: all that is believed here rests on the broker's user",
        )


def _may(row: Mapping[str, Any], what: str, name: str) -> bool:
    # As RabbitMQ looks for it: anywhere in the name.
    try:
        return re.search(str(row.get(what)).replace(r"\z", r"\Z"), name) is not None
    except re.error:
        return False


def _tags(row: Mapping[str, Any]) -> set[str]:
    said = row.get("tags")
    return set(said.split(",") if isinstance(said, str) else said or ())
