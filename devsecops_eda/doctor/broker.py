"""How it stands with a broker, judged by what was seen of it; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from devsecops_eda.broker import Standing
from devsecops_eda.doctor.finding import Finding, fail, not_checked, ok, some, warn
from devsecops_eda.doctor.management import NotToldError
from devsecops_eda.doctor.seen import Managed, Rows, Seen
from devsecops_eda.topology import DEAD, GATE_CHECK, Binding, Identities, Topology, queue_name

APPLY = "run `devsecops-eda topology apply` as a user who may make queues"

_LOSING = ("message-ttl", "expires", "max-length", "max-length-bytes")
"""What a policy can say that makes a queue lose what stands in it."""


def topology_findings(seen: Seen) -> Iterator[Finding]:
    """Yield whether exchanges and queues stand, with our arguments."""
    gone = [f"exchange {name}" for name, differs in seen.exchanges.items() if differs is None]
    gone += [f"queue {name}" for name, standing in seen.queues.items() if standing is None]
    if gone:
        yield fail("queues", f"{some(gone)} {_is(gone)} not there", APPLY)
    differing = [text for text in seen.exchanges.values() if text]
    standing = [one for one in seen.queues.values() if one is not None]
    differing += [one.differs for one in standing if one.differs]
    for text in differing:
        yield fail("queues", text, "see there; apply the topology again afterwards")
    if any(one.differs is None for one in standing):
        yield not_checked(
            "queues", "this user may not compare arguments; an operator may", "ask as an operator"
        )
    elif not gone and not differing:
        yield ok("queues", f"{len(seen.exchanges)} exchanges and {len(standing)} queues stand")


def consumer_findings(
    seen: Seen, topology: Topology, *, required: Collection[str]
) -> Iterator[Finding]:
    """Yield on which queues nobody works; ``required`` are the checks that a policy rests on."""
    worked_on = 0
    for name in topology.names:
        standing = seen.queues.get(queue_name(name))
        if standing is None:
            if name in required:
                yield fail("consumers", f"the policy requires {name}, which has no queue", APPLY)
        elif standing.consumers == 0:
            yield _idle(name, standing, needed=name in required or name == GATE_CHECK)
        else:
            worked_on += 1
    for name in sorted(set(required) - set(topology.names)):
        yield fail(
            "consumers",
            f"the policy requires {name}, which is configured nowhere here",
            f"configure [checks.{name}], apply the topology and start its worker",
        )
    if worked_on == len(topology.names):
        yield ok("consumers", f"somebody works on each of {len(topology.names)} queues")


def _idle(name: str, standing: Standing, *, needed: bool) -> Finding:
    program = "gate" if name == GATE_CHECK else f"worker {name}"
    wait = f", {standing.messages} events wait" if standing.messages else ""
    text = f"nobody works on {queue_name(name)}{wait}"
    mend = f"start `devsecops-eda {program}`"
    if not needed:
        return warn("consumers", f"{text}; no rule of the policy requires it", mend)
    if name == GATE_CHECK:
        return fail("consumers", f"{text}: nothing is decided", mend)
    return fail("consumers", f"{text}, and the policy requires it", mend)


def dead_letter_findings(seen: Seen) -> Iterator[Finding]:
    """Yield how many letters stand there."""
    standing = seen.queues.get(DEAD)
    if standing is None:
        yield not_checked("dead letters", f"there is no queue {DEAD}")
    elif standing.messages:
        number = standing.messages
        yield warn(
            "dead letters",
            f"{number} message{_s(number)} {'was' if number == 1 else 'were'} refused",
            "`devsecops-eda dead list` says which and why; replay them, or drop them",
        )
    else:
        yield ok("dead letters", "there are none")
    if standing is not None and standing.consumers:
        yield warn(
            "dead letters",
            f"somebody consumes {DEAD}: letters vanish before an operator sees them",
            "let alarms bind a queue of their own to the events message.dead_lettered.#",
        )


def alarm_finding(managed: Managed, *, reached: bool) -> Finding:
    """Return whether the broker takes messages, of which ``reached`` by AMQP is a part."""
    if isinstance(managed.alarm, NotToldError):
        return not_checked("broker", str(managed.alarm), managed.alarm.mend)
    if managed.alarm:
        return fail(
            "broker",
            "the broker is in a memory or disk alarm and takes no messages",
            "free memory or disk on its nodes; `rabbitmq-diagnostics alarms` says which",
        )
    if not reached:
        return not_checked("broker", "no alarm is told of, but AMQP did not get there: see queues")
    return ok("broker", "it takes messages")


def timeout_finding(
    timeout_s: float | NotToldError | None, *, longest_s: float, default_s: float, who: str
) -> Finding:
    """Return whether the broker waits longer than the longest time an event may be held.

    ``who`` is the check that may hold one so long; a timeout of None is none at all.
    """
    held = f"{who} may hold an event for {longest_s:g} s"
    wanted_ms = int(max(default_s, 1.1 * longest_s) * 1000)
    mend = f"set consumer_timeout = {wanted_ms} in the rabbitmq.conf of every node"
    if isinstance(timeout_s, NotToldError):
        if longest_s > default_s:
            text = f"{held}, RabbitMQ's default is {default_s:g} s; what holds here is not known"
            return warn("consumer timeout", text, f"{mend}, if it is not set there")
        text = f"{timeout_s}; RabbitMQ's default of {default_s:g} s is enough ({held})"
        return not_checked("consumer timeout", text, "run it on the broker's host as its user")
    if timeout_s is None:
        return ok("consumer timeout", f"the broker has none; {held}")
    if timeout_s < longest_s:
        text = f"the broker takes an event back after {timeout_s:g} s, and {held}"
        return fail("consumer timeout", f"{text}: it would be scanned again and again", mend)
    return ok("consumer timeout", f"the broker waits {timeout_s:g} s; {held}")


def policy_timeout_s(managed: Managed, topology: Topology) -> float | None:
    """Return the shortest consumer timeout that a policy gives a queue of a check, else None."""
    names = [queue_name(name) for name in topology.names]
    policies = () if isinstance(managed.policies, NotToldError) else managed.policies
    found = [
        row["definition"]["consumer-timeout"] / 1000
        for row in policies
        if isinstance(row.get("definition"), dict)
        and isinstance(row["definition"].get("consumer-timeout"), int)
        and any(_matches(row.get("pattern"), name) for name in names)
    ]
    return min(found, default=None)


def binding_findings(managed: Managed, topology: Topology) -> Iterator[Finding]:
    """Yield which bindings are missing, and which bring what a queue does not want."""
    if isinstance(managed.bindings, NotToldError):
        yield not_checked("bindings", str(managed.bindings), managed.bindings.mend)
        return
    ours = {queue.name for queue in topology.queues}
    there = {
        Binding(str(row.get("source")), str(row.get("destination")), str(row.get("routing_key")))
        for row in managed.bindings
        if row.get("source") and row.get("destination_type") == "queue"
    }
    wanted = set(topology.bindings)
    missing = [f"{one.exchange} to {one.queue} ({one.key or 'all'})" for one in wanted - there]
    if missing:
        yield fail("bindings", f"no binding brings {some(missing)}", APPLY)
    strange = [f"{one.key} into {one.queue}" for one in there - wanted if one.queue in ours]
    if strange:
        yield warn(
            "bindings",
            f"bindings bring {some(strange)}, which its door refuses",
            "remove them: each such event ends in the dead letters",
        )
    if not missing and not strange:
        yield ok("bindings", f"{len(wanted)} bindings stand, and no other")


def leftover_findings(managed: Managed, topology: Topology) -> Iterator[Finding]:
    """Yield queues of checks that nobody configured here, and policies that lose messages."""
    ours = {queue.name for queue in topology.queues}
    if not isinstance(managed.queues, NotToldError):
        names = {str(row.get("name")) for row in managed.queues}
        strange = [name for name in names - ours if name.startswith(queue_name(""))]
        if strange:
            yield warn(
                "queues",
                f"{some(strange)} {_is(strange)} configured nowhere here; events pile up there if"
                " nobody works on them",
                "configure the check on this host too, or delete the queue",
            )
    if not isinstance(managed.policies, NotToldError):
        for row in managed.policies:
            yield from _policy(row, ours)


def _policy(row: Mapping[str, Any], ours: Collection[str]) -> Iterator[Finding]:
    definition = row.get("definition")
    losing = [key for key in _LOSING if isinstance(definition, dict) and key in definition]
    # A full queue of ours refuses what comes; only the dead letters would drop the oldest.
    always = [key for key in losing if not key.startswith("max-length")]
    hit = {name for name in ours if _matches(row.get("pattern"), name)}
    if not (always and hit) and not (losing and DEAD in hit):
        return
    yield fail(
        "queues",
        f"the policy {row.get('name')} ({some(losing)}) lets {some(hit)} lose messages",
        "narrow its pattern, so that it does not match devsecops.*",
    )


def speaker_findings(managed: Managed, identities: Identities) -> Iterator[Finding]:
    """Yield who works on a queue as a user whose word is not believed."""
    if isinstance(managed.consumers, NotToldError) or identities.sole_user:
        return
    for row in managed.consumers:
        queue = str((row.get("queue") or {}).get("name"))
        user = (row.get("channel_details") or {}).get("user")
        check = queue.removeprefix(queue_name(""))
        if check == queue or not isinstance(user, str):
            continue
        wanted = identities.gate if check == GATE_CHECK else identities.worker(check)
        if user != wanted:
            yield fail(
                "consumers",
                f"the worker on {queue} connects as {user}; what it says is refused, for only"
                f" {wanted} is believed",
                f"let it connect as {wanted}, or name {user} in the configuration of every host",
            )


def clock_of_broker(managed: Managed) -> Finding:
    """Return how well the broker's clock goes with ours."""
    if isinstance(managed.ahead, NotToldError):
        return not_checked("clock", str(managed.ahead), managed.ahead.mend)
    return clock_finding(managed.ahead.total_seconds(), of="the broker's")


def clock_finding(ahead_s: float, *, of: str) -> Finding:
    """Return how well another clock goes with ours."""
    way = "ahead of" if ahead_s > 0 else "behind"
    text = f"{of} clock is {abs(ahead_s):.0f} s {way} this machine's"
    mend = (
        "let every host keep time (chrony, systemd-timesyncd); events 5 minutes ahead are refused"
    )
    if abs(ahead_s) > 60:
        return fail("clock", text, mend)
    if abs(ahead_s) > 5:
        return warn("clock", text, mend)
    return ok("clock", f"{of} clock goes with this machine's")


def _matches(pattern: object, name: str) -> bool:
    try:
        return re.search(str(pattern).replace(r"\z", r"\Z"), name) is not None
    except re.error:
        return False


def named(rows: Rows | NotToldError, key: str) -> dict[str, Mapping[str, Any]]:
    """Return rows by the text under ``key``; none where they were not told."""
    if isinstance(rows, NotToldError):
        return {}
    return {str(row.get(key)): row for row in rows}


def _is(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
