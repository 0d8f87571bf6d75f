"""All that is looked at, one check after the other; what fails to be looked at says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devsecops_eda.broker import address_of
from devsecops_eda.checks import Check
from devsecops_eda.doctor import broker, gate, host, rights, versions
from devsecops_eda.doctor.finding import CHECKS, Examined, Finding, fail, not_checked
from devsecops_eda.doctor.management import Management, NotToldError
from devsecops_eda.doctor.node import consumer_timeout_s
from devsecops_eda.doctor.seen import Managed, Seen, ask, look, untold
from devsecops_eda.errors import (
    BrokerUnreachableError,
    ConfigurationError,
    DevSecOpsError,
    NotAuthorisedError,
)
from devsecops_eda.policy import Policy
from devsecops_eda.scanning import CONSUMER_TIMEOUT_S, load_checks, longest_s
from devsecops_eda.settings import Loaded, Settings
from devsecops_eda.topology import GATE_CHECK, Topology


@dataclass(frozen=True, slots=True)
class Options:
    """What is left out, how long the broker is asked, and where its rabbitmqctl is."""

    skip: Collection[str] = ()
    timeout_s: float = 30.0
    rabbitmqctl: Path | None = None


def examine(loaded: Loaded, options: Options, *, clock: Callable[[], datetime]) -> Examined:
    """Look at the installation that these settings are of. Raises nothing of ours."""
    settings = loaded.settings
    policy, read = gate.read_policy(settings)
    required = gate.required_checks(policy, settings)
    seen, unseen = _look(settings, options)
    managed = _managed(settings, options)
    found = [
        *_managed_findings(settings, managed, reached=seen is not None),
        *(unseen if seen is None else _stands(settings, seen, managed, required, options)),
        read,
        *_gate(settings, policy),
        *_host(loaded, required, options, clock),
    ]
    order = list(CHECKS)
    kept = [one for one in found if one.check not in options.skip]
    kept.sort(key=lambda one: order.index(one.check))
    return Examined(tuple(kept), looked=seen is not None)


def _look(settings: Settings, options: Options) -> tuple[Seen | None, tuple[Finding, ...]]:
    """Return what AMQP tells, else why it does not."""
    topology = Topology(tuple(settings.checks))
    try:
        address = address_of(settings.broker)
        return look(address, topology, timeout_s=options.timeout_s), ()
    except DevSecOpsError as error:
        return None, tuple(_unseen(error))


def _managed_findings(settings: Settings, managed: Managed, *, reached: bool) -> Iterator[Finding]:
    """Yield what the management API tells."""
    checks, identities = tuple(settings.checks), settings.identities
    topology = Topology(checks)
    yield from host.transport_findings(settings)
    yield broker.alarm_finding(managed, reached=reached)
    yield broker.clock_of_broker(managed)
    yield from broker.binding_findings(managed, topology)
    yield from broker.leftover_findings(managed, topology)
    yield from broker.speaker_findings(managed, identities)
    yield from rights.rights_findings(managed, identities, checks=checks)


def _stands(
    settings: Settings,
    seen: Seen,
    managed: Managed,
    required: Collection[str],
    options: Options,
) -> Iterator[Finding]:
    """Yield what AMQP tells."""
    topology = Topology(tuple(settings.checks))
    yield from versions.version_findings(seen.product, seen.version)
    yield from broker.topology_findings(seen)
    yield from broker.consumer_findings(seen, topology, required=required)
    yield from broker.dead_letter_findings(seen)
    yield _timeout(settings, seen, managed, options)


def _unseen(error: DevSecOpsError) -> Iterator[Finding]:
    match error:
        case NotAuthorisedError():
            yield fail(
                "queues",
                str(error),
                "ask as an operator: name its user in broker.url and its password in"
                " broker.password_file (DEVSECOPS_EDA_BROKER_PASSWORD_FILE)",
            )
        case BrokerUnreachableError():
            yield not_checked("queues", str(error), "start it, or mend broker.url")
        case ConfigurationError():
            yield fail("queues", str(error), "mend [broker] in the configuration")
        case _:
            yield not_checked("queues", str(error))
    for check in ("protection", "consumers", "dead letters", "consumer timeout"):
        yield not_checked(check, "the broker could not be looked at")


def _managed(settings: Settings, options: Options) -> Managed:
    if not settings.broker.management_url:
        return untold(NotToldError("broker.management_url is not configured"))
    try:
        address = address_of(settings.broker)
        return ask(Management(settings.broker, address, timeout_s=options.timeout_s))
    except NotToldError as error:
        return untold(error)
    except ConfigurationError as error:
        return untold(NotToldError(str(error)))


def _timeout(settings: Settings, seen: Seen, managed: Managed, options: Options) -> Finding:
    held = {name: longest_s(settings, check) for name, check in _checks(settings).items()}
    # The gate waits for its ledger and then for the broker.
    held[GATE_CHECK] = 2 * settings.transient_wait_s
    who = max(held, key=lambda name: held[name])
    timeout_s: float | NotToldError | None
    try:
        address = address_of(settings.broker)
        timeout_s = consumer_timeout_s(options.rabbitmqctl, address, cluster=seen.cluster)
    except NotToldError as error:
        timeout_s = error
    by_policy_s = broker.policy_timeout_s(managed, Topology(tuple(settings.checks)))
    if by_policy_s is not None:
        # What a policy says goes before what a node says.
        timeout_s = by_policy_s
    return broker.timeout_finding(
        timeout_s, longest_s=held[who], default_s=CONSUMER_TIMEOUT_S, who=who
    )


def _gate(settings: Settings, policy: Policy | None) -> Iterator[Finding]:
    if policy is not None:
        yield from gate.policy_findings(policy, settings)
    yield from gate.people_findings(policy, settings)
    yield from gate.ledger_findings(settings)
    yield gate.evidence_finding(settings)


def _host(
    loaded: Loaded,
    required: Collection[str],
    options: Options,
    clock: Callable[[], datetime],
) -> Iterable[Finding]:
    settings = loaded.settings
    yield from host.version_findings()
    yield host.configuration_finding(loaded)
    yield host.state_finding(settings)
    yield from host.repository_findings(settings.repositories)
    if "sandbox" not in options.skip:
        yield host.sandbox_finding(settings.sandbox)
    checks = _checks(settings)
    yield from host.scanner_findings(settings, checks, required=required)
    if "data" not in options.skip:
        yield from host.data_findings(settings, checks, required=required, now=clock())


def _checks(settings: Settings) -> dict[str, Check]:
    """Return those configured checks that are installed here."""
    try:
        return {name: one for name, one in load_checks().items() if name in settings.checks}
    except ConfigurationError:
        return {}
