"""What the gate rests on: policy, people, memory, and the store of reports."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devsecops_eda.cli.policy_source import configured_policy
from devsecops_eda.doctor.broker import clock_finding
from devsecops_eda.doctor.finding import Finding, fail, not_checked, ok, some, warn
from devsecops_eda.doctor.host import there
from devsecops_eda.errors import (
    InvalidPolicyError,
    InvalidSettingsError,
    MissingExtraError,
    UnavailableError,
)
from devsecops_eda.ledger.inspection import inspect_ledger
from devsecops_eda.model import Mode
from devsecops_eda.policy import Policy
from devsecops_eda.policy.model import ApprovalsRule, CheckRule
from devsecops_eda.settings import Settings

COMMIT = "commit"
"""The check that says who wrote a commit, on which baselines and approvals rest."""


def read_policy(settings: Settings) -> tuple[Policy | None, Finding]:
    """Return the policy that holds, None where it cannot be read, and how it stands."""
    try:
        policy = configured_policy(settings)
    except InvalidPolicyError as error:
        return None, fail(
            "policy",
            f"the policy is refused: {error}",
            "`devsecops-eda policy check` says where; without it no gate starts",
        )
    rules = len(policy.rules)
    return policy, ok(
        "policy", f"{policy.name}: {rules} rules at {some(policy.gate_names)}, {policy.digest[:23]}"
    )


def required_checks(policy: Policy | None, settings: Settings) -> frozenset[str]:
    """Return the checks that an enforced rule rests on, and ``commit`` where it runs."""
    if policy is None:
        return frozenset()
    enforced = [rule for rule in policy.rules if rule.mode is Mode.ENFORCE]
    named = {rule.check for rule in enforced if isinstance(rule, CheckRule)}
    return frozenset(named | ({COMMIT} & set(settings.checks)))


def policy_findings(policy: Policy, settings: Settings) -> Iterator[Finding]:
    """Yield what a policy that can be read asks in vain."""
    enforced = {gate for rule in policy.rules if rule.mode is Mode.ENFORCE for gate in rule.gates}
    open_gates = sorted(set(policy.gate_names) - enforced)
    if open_gates:
        yield warn(
            "policy",
            f"no enforced rule holds at {some(open_gates)}: it allows everything",
            "give it a rule with mode: enforce, or take the gate away",
        )
    longest_s = settings.transient_wait_s
    short = [
        rule.id
        for rule in policy.rules
        if isinstance(rule, CheckRule) and rule.within.total_seconds() <= longest_s
    ]
    if short:
        yield warn(
            "policy",
            f"{some(short)} waits no longer (within) than a worker waits for a service that is"
            f" away ({longest_s:g} s)",
            "make within longer than transient_wait, so that an outage does not become a missing"
            " scan",
        )


def people_findings(policy: Policy | None, settings: Settings) -> Iterator[Finding]:
    """Yield whether those whom the policy asks can vote."""
    people = settings.people
    asked = set()
    if policy is not None:
        for rule in policy.rules:
            if isinstance(rule, ApprovalsRule):
                asked |= set(rule.groups)
        asked |= set(policy.waivers.granters if policy.waivers else ())
        asked |= set(policy.break_glass.groups if policy.break_glass else ())
    mute = [one.name for one in people.persons if not one.users]
    wanted = [one for one in mute if people.groups_of(one) & asked]
    if wanted:
        yield warn(
            "people",
            f"{some(wanted)} may be asked and can say nothing: no broker user is theirs",
            "name it: [people.<name>] users",
        )
    nameless = [one.name for one in people.persons if not one.emails]
    if nameless and asked:
        yield warn(
            "people",
            f"{some(nameless)} has no address: a commit of theirs is of an unknown author",
            "name those in their commits: [people.<name>] emails",
        )
    empty = [group for group, members in people.groups.items() if not members]
    if empty:
        yield warn("people", f"nobody is in {some(empty)}", "name people, or take the group away")
    if not wanted and not (nameless and asked) and not empty:
        yield ok("people", f"{len(people.persons)} people in {len(people.groups)} groups")


def ledger_findings(settings: Settings) -> Iterator[Finding]:
    """Yield how the gate's memory stands. Nothing is made or brought up to date."""
    try:
        found = inspect_ledger(settings.gate.database)
    except MissingExtraError as error:
        yield not_checked("ledger", str(error), "install the extra where the gate runs")
        return
    except InvalidSettingsError as error:
        yield fail("ledger", str(error), "name a database of the gate's own: gate.database")
        return
    except UnavailableError as error:
        yield fail("ledger", str(error), "start the database, or mend gate.database")
        return
    if not found.known:
        yield fail(
            "ledger",
            f"{found.database} has tables of revision {found.revision}, this release knows"
            f" {found.newest} at most",
            "run the release that wrote them, or a newer one",
        )
    elif found.revision is None:
        yield warn(
            "ledger",
            f"{found.database} has no tables yet",
            "start the gate: it makes them; if it has run, gate.database names another place",
        )
    elif found.revision != found.newest:
        yield warn(
            "ledger",
            f"{found.database} has tables of revision {found.revision}, this release uses"
            f" {found.newest}",
            "start the gate of this release: it brings them up to date",
        )
    else:
        yield ok("ledger", f"{found.database}, revision {found.revision}")
    if found.clock is not None:
        ahead_s = (found.clock - datetime.now(UTC)).total_seconds()
        yield clock_finding(ahead_s, of="the database's")


def evidence_finding(settings: Settings) -> Finding:
    """Return whether reports can be kept and read. What is written is taken away again."""
    folder = Path(unquote(urlsplit(settings.evidence_url).path))
    mend = f"give {folder} to the user of workers (write) and gate (read)"
    if not there(folder):
        return warn(
            "evidence",
            f"{folder} is not there yet",
            "the first worker with a long report makes it; on several hosts they have to share it",
        )
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as probe:
            probe.write(b"devsecops-eda doctor")
            probe.flush()
            with Path(probe.name).open("rb") as opened:
                opened.read(64)
    except OSError as error:
        if os.access(folder, os.R_OK | os.X_OK):
            text = f"{folder} can be read and not written by this user ({error.strerror})"
            return warn("evidence", text, f"{mend}; the gate alone needs no more")
        return fail("evidence", f"{folder} cannot be used: {error.strerror}", mend)
    return ok("evidence", f"{folder} takes and gives")
