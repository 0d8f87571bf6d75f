"""A host as installed: who may read what, wrong configuration, timers, the real scanners."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devsecops_eda.model import Decision, EventType, Outcome, OutcomeStatus, Verdict
from devsecops_eda.policy import default_policy_text
from tests.conftest import Vhost
from tests.rig.deployed import GATE, LIBRARY, Deployed, worker
from tests.rig.programs import Programs
from tests.rig.site import POLICY, Site
from tests.rig.systemd import CommandError, Systemd
from tests.rig.trial import BAD, CHECKS
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

ADVISORIES = Path(__file__).parents[2] / "examples" / "advisories"
NAP = worker("nap")
CHORES = tuple(f"devsecops-eda-{name}" for name in ("rescan", "evidence-prune", "data-age"))
EVIDENCE = "/var/lib/devsecops-eda/evidence"
NO_FINDINGS = """\
  - id: none-found
    kind: findings
    gates: [merge]
    check: nap
    at_most: {low: 0}
    where: 'f.path.endsWith(".found")'
    within: 5m
"""


def test_nothing_that_is_installed_knows_where_it_was_put_together(installed: Path) -> None:
    texts = (path for path in installed.rglob("*") if path.is_file() and not path.is_symlink())
    name = str(installed).encode()
    assert [str(path) for path in texts if name in path.read_bytes()] == []
    link = installed / "usr/local/bin/devsecops-eda"
    assert link.resolve() == installed / f".{LIBRARY}" / "bin" / "devsecops-eda"


def test_nobody_reads_what_is_anothers(deployed: Deployed, committed: Callable[..., str]) -> None:
    committed()
    deployed.start(NAP, GATE)
    ledger = "/var/lib/devsecops-eda-gate/gate.db"
    deployed.machine.run("test", "-e", ledger)
    for user, file in (
        ("devsecops-eda-worker", ledger),
        ("devsecops-eda-worker", "/etc/devsecops-eda/credentials/broker_url.gate"),
        ("devsecops-eda-gate", "/etc/devsecops-eda/credentials/broker_url.nap"),
        ("nobody", "/etc/devsecops-eda/devsecops-eda.toml"),
        ("nobody", EVIDENCE),
    ):
        with pytest.raises(CommandError):
            deployed.machine.run("runuser", "-u", user, "--", "test", "-r", file)


def test_the_gate_reads_what_a_worker_keeps_and_evaluates_predicates_on_it(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    deployed.site.policy.write_text(POLICY + NO_FINDINGS)
    sha = committed("400.found")
    deployed.start(NAP, GATE)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60)
    assert deployed.statuses(event) == [OutcomeStatus.COMPLETED]
    kept = [one for one in deployed.evidence() if one.is_file()]
    assert {one.stat().st_mode & 0o777 for one in kept} == {0o660}
    (made,) = deployed.site.tap.events(EventType.DECISION_MADE)
    assert isinstance(made.data, Decision)
    assert made.data.verdict is Verdict.DENY, made.data.requirements


def test_a_service_without_its_credential_does_not_start(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    committed()
    deployed.machine.path("/etc/devsecops-eda/credentials/broker_url.nap").unlink()
    with pytest.raises(CommandError):
        deployed.start(NAP)
    assert deployed.main_pid(NAP) == 0


def test_what_is_configured_wrongly_is_not_started_over_and_over(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    committed(checks="[checks.nap]\nslots = 0\n")
    with pytest.raises(CommandError, match="slots"):
        deployed.start(NAP)
    assert deployed.machine.show(NAP, "ActiveState") == "failed"
    assert deployed.restarts(NAP) == 0


def test_the_timers_start_what_does_what_they_are_there_for(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed()
    machine = deployed.machine
    deployed.start(NAP, GATE)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60)
    report = f"{EVIDENCE}/aa/{'a' * 64}"
    machine.write(report, "old")
    machine.run("sh", "-c", f"touch -d '2 years ago' {report}")
    machine.run("chown", "-R", "devsecops-eda-worker:devsecops-eda", EVIDENCE)
    machine.run("chmod", "0770", f"{EVIDENCE}/aa")
    with soon(machine, *CHORES):
        for name in CHORES:
            ended_well(machine, name)
    (asked,) = deployed.site.tap.events(EventType.SCAN_REQUESTED)
    assert asked.subject == event.subject
    eventually(lambda: deployed.statuses(asked), timeout_s=60, what="it was looked at again")
    assert not machine.path(report).exists()
    # The same night again asks for nothing new, and what is young stays.
    kept = [one for one in deployed.evidence() if one.is_file()]
    for name in CHORES:
        machine.run("systemctl", "start", f"{name}.service")
    assert {one.id for one in deployed.site.tap.events(EventType.SCAN_REQUESTED)} == {asked.id}
    assert [one for one in deployed.evidence() if one.is_file()] == kept


@contextmanager
def soon(machine: Systemd, *chores: str) -> Iterator[None]:
    """Start the timers of chores, as they are shipped but for their hour: it is now."""
    text = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nAccuracySec=100ms\nRandomizedDelaySec=0\n"
    timers = [f"{name}.timer" for name in chores]
    for timer in timers:
        machine.write(f"/etc/systemd/system/{timer}.d/soon.conf", text)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", *timers)
    try:
        yield
    finally:
        machine.run("systemctl", "stop", *timers)
        for timer in timers:
            shutil.rmtree(machine.path(f"/etc/systemd/system/{timer}.d"))
        machine.run("systemctl", "daemon-reload")


def ended_well(machine: Systemd, name: str) -> None:
    """Return once a chore that its timer started has ended, and ended well."""
    service = f"{name}.service"

    def ended() -> bool:
        started = machine.show(service, "ExecMainStartTimestampMonotonic") != "0"
        return started and machine.show(service, "ActiveState") in ("inactive", "failed")

    eventually(ended, timeout_s=60, what=f"the timer started {service}")
    assert machine.show(service, "Result") == "success", machine.journal(service)
    assert machine.show(f"{name}.timer", "LastTriggerUSec") not in ("", "n/a")


def test_every_timer_has_a_next_time(machine: Systemd) -> None:
    timers = [f"{name}.timer" for name in CHORES]
    machine.run("systemctl", "start", *timers)
    try:
        for timer in timers:
            assert machine.show(timer, "NextElapseUSecRealtime") not in ("", "n/a")
    finally:
        machine.run("systemctl", "stop", *timers)


def test_data_that_is_too_old_is_a_failed_unit(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    committed()
    config = "/etc/devsecops-eda/stale.toml"
    deployed.machine.write(config, "[checks.safety]\ndatabase = 'none'\n")
    deployed.drop_in("devsecops-eda-data-age.service", f"Environment=DEVSECOPS_EDA_CONFIG={config}")
    with pytest.raises(CommandError):
        deployed.machine.run("systemctl", "start", "devsecops-eda-data-age.service")
    assert deployed.machine.show("devsecops-eda-data-age.service", "ExecMainStatus") == "3"


def test_the_real_scanners_work_as_units_have_them(
    machine: Systemd, vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    state = "/var/lib/devsecops-eda"
    policy = default_policy_text()
    with (
        Site(vhost, programs, tmp_path, checks=CHECKS, policy=policy) as site,
        ExitStack() as stack,
    ):
        deployed = Deployed(machine, site)
        site.commit({"readme": ""})
        pins = "requests==2.30.0\n"
        sha = site.commit({"app.py": BAD, "requirements.txt": pins}, branch="topic")
        deployed.set_up(f"[checks.safety]\ndatabase = '{state}/advisories'\n")
        stack.callback(deployed.tear_down)
        machine.run("devsecops-eda", "scanners", "install", environ=os.environ)
        now = datetime.now(UTC).isoformat()
        # The project may lie below /tmp, and the machine has one of its own.
        shutil.copytree(ADVISORIES, machine.path("/srv/advisories"))
        imported = ("data", "import", "/srv/advisories", "--into", f"{state}/advisories")
        machine.run("devsecops-eda", *imported, "--date", now)
        machine.run("systemctl", "start", "devsecops-eda-data-age.service")
        deployed.start(*map(worker, CHECKS), GATE)
        event = site.push(sha, ref="refs/heads/topic", target="main")
        site.await_decisions([event], timeout_s=180)
        found = {
            one.data.check: {finding.rule for finding in one.data.findings}
            for one in site.tap.events(EventType.SCAN_COMPLETED)
            if one.causationid == event.id and isinstance(one.data, Outcome)
        }
        failed = [one.data for one in site.tap.events(EventType.SCAN_FAILED)]
    assert failed == []
    assert set(found) == set(CHECKS)
    assert found["semgrep"]
    assert found["safety"]
