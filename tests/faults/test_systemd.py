"""The units under a real systemd: stop, kill, watchdog, memory limit, credentials, timers.

Needs root: a systemd is started in namespaces of its own, and the program installed into it.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest

from devsecops_eda import topology
from devsecops_eda.model import Event, EventType, Outcome, OutcomeStatus
from devsecops_eda.policy import default_policy_text
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.deployed import GATE, Deployed, install, worker
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.systemd import CommandError, Systemd
from tests.rig.trial import BAD, CHECKS
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

ADVISORIES = Path(__file__).parents[2] / "examples" / "advisories"
NAP = worker("nap")
WATCHDOG_S = 12
HUNG_FOR_S = 1.5 * WATCHDOG_S
ALONE = "".join(f"[checks.{name}]\nenabled = false\n" for name in ("commit", "semgrep", "safety"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    installed, folder = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("machine")
    install(installed)
    with Systemd(folder, over=installed) as started:
        # What an operator does after `make install`, as docs/systemd.md has it.
        started.run("systemd-sysusers")
        started.run("systemd-tmpfiles", "--create", "devsecops-eda.conf")
        started.run("systemctl", "daemon-reload")
        yield started


@pytest.fixture
def deployed(
    machine: Systemd, vhost: Vhost, programs: Programs, tmp_path: Path
) -> Iterator[Deployed]:
    with Site(vhost, programs, tmp_path, checks=("nap",)) as site:
        made = Deployed(machine, site)
        yield made
        made.tear_down()


@pytest.fixture
def committed(deployed: Deployed) -> Callable[..., str]:
    """Commit one file and set the host up on it; return the sha."""

    def commit(file: str = "quick", *, checks: str = "[checks.nap]\nslots = 1\n") -> str:
        sha = deployed.site.commit({file: ""})
        deployed.set_up(checks + ALONE)
        return sha

    return commit


def statuses(deployed: Deployed, event: Event) -> list[OutcomeStatus]:
    """How the check ended on ``event``, as often as it was told."""
    told = deployed.site.tap.events(EventType.SCAN_COMPLETED, EventType.SCAN_FAILED)
    return [
        one.data.status
        for one in told
        if one.causationid == event.id and isinstance(one.data, Outcome)
    ]


def waiting(deployed: Deployed) -> int:
    """How many events wait in the queue of the check, given back ones too."""
    with pika.BlockingConnection(pika.URLParameters(deployed.site.url)) as connection:
        declared = connection.channel().queue_declare(topology.queue_name("nap"), passive=True)
        return int(declared.method.message_count)


def test_stopping_a_worker_finishes_the_scan_that_runs(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("20.nap")
    deployed.start(NAP)
    event = deployed.site.push(sha)
    deployed.await_scan(NAP, "sleep 20")
    deployed.stop(NAP)
    assert statuses(deployed, event) == [OutcomeStatus.COMPLETED]
    assert deployed.machine.show(NAP, "Result") == "success"
    assert deployed.machine.show(NAP, "ExecMainStatus") == "0"
    assert waiting(deployed) == 0, "it was scanned, and yet given back"


def test_a_stop_that_would_take_too_long_gives_the_event_back_and_leaves_nothing(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("600.nap")
    deployed.drop_in(NAP, "TimeoutStopSec=3s")
    deployed.start(NAP)
    event = deployed.site.push(sha)
    deployed.await_scan(NAP, "sleep 600")
    deployed.stop(NAP)
    assert deployed.machine.show(NAP, "Result") == "timeout"
    assert statuses(deployed, event) == []
    eventually(lambda: waiting(deployed) == 1, timeout_s=30, what="the event is back")
    assert deployed.machine.in_unit(NAP) == ()


@pytest.mark.parametrize("unit", [NAP, GATE])
def test_a_main_process_that_stands_still_is_started_again(
    deployed: Deployed, committed: Callable[..., str], unit: str
) -> None:
    sha = committed()
    deployed.drop_in(unit, f"WatchdogSec={WATCHDOG_S}s", "RestartSec=1s")
    deployed.start(NAP, GATE)
    before = deployed.main_pid(unit)
    deployed.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", unit)
    eventually(
        lambda: deployed.main_pid(unit) not in (0, before),
        timeout_s=HUNG_FOR_S,
        what=f"{unit} started again",
    )
    assert deployed.restarts(unit) == 1
    assert "Failed with result 'watchdog'" in deployed.machine.journal(unit)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60)


def test_a_main_loop_that_hangs_is_started_again_and_says_where_it_hung(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    committed()
    deployed.drop_in(NAP, f"WatchdogSec={WATCHDOG_S}s", "RestartSec=1s")
    deployed.misplay(NAP, "loop", "worker nap")
    deployed.start(NAP)
    eventually(lambda: deployed.restarts(NAP) == 1, timeout_s=60, what="started again")
    said = deployed.machine.journal(NAP)
    assert "Fatal Python error: Aborted" in said
    assert "in hang_here" in said


def test_a_gate_whose_timer_died_is_started_again(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    committed()
    deployed.drop_in(GATE, f"WatchdogSec={WATCHDOG_S}s", "RestartSec=1s")
    deployed.misplay(GATE, "timer", "gate")
    deployed.start(GATE)
    eventually(lambda: deployed.restarts(GATE) == 1, timeout_s=60, what="started again")
    assert "Failed with result 'watchdog'" in deployed.machine.journal(GATE)


def test_a_service_that_is_well_is_left_alone(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed(f"{2 * WATCHDOG_S}.nap")
    for unit in (NAP, GATE):
        deployed.drop_in(unit, f"WatchdogSec={WATCHDOG_S}s")
    deployed.start(NAP, GATE)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60 + 2 * WATCHDOG_S)
    assert [deployed.restarts(unit) for unit in (NAP, GATE)] == [0, 0]
    assert statuses(deployed, event) == [OutcomeStatus.COMPLETED]


def test_whoever_is_killed_is_started_again_and_its_event_done_once(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("5.nap")
    deployed.start(NAP, GATE)
    event = deployed.site.push(sha)
    deployed.await_scan(NAP, "sleep 5")
    deployed.machine.run("systemctl", "kill", "--signal=KILL", NAP)
    deployed.site.await_decisions([event], timeout_s=90)
    assert deployed.restarts(NAP) == 1
    assert statuses(deployed, event) == [OutcomeStatus.COMPLETED]


def test_a_scanner_over_the_memory_limit_becomes_an_outcome_and_the_worker_lives(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("1500.mb")
    deployed.drop_in(NAP, "MemoryMax=600M", "MemorySwapMax=0")
    deployed.start(NAP, GATE)
    before = deployed.main_pid(NAP)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=120)
    assert statuses(deployed, event) == [OutcomeStatus.FAILED]
    assert deployed.main_pid(NAP) == before


def test_a_broker_that_is_away_is_no_failed_start_and_no_hung_loop(
    machine: Systemd,
    rabbit_of_its_own: Callable[..., RabbitNode],
    programs: Programs,
    tmp_path: Path,
) -> None:
    node = rabbit_of_its_own()
    vhost = Vhost(node, "away")
    node.management.add_vhost(vhost.name)
    with Site(vhost, programs, tmp_path, checks=("nap",)) as site:
        deployed = Deployed(machine, site)
        sha = site.commit({"quick": ""})
        deployed.set_up("[checks.nap]\n" + ALONE)
        for unit in (NAP, GATE):
            deployed.drop_in(unit, f"WatchdogSec={WATCHDOG_S}s", f"TimeoutStartSec={WATCHDOG_S}s")
        node.shut_down()
        machine.run("systemctl", "start", "--no-block", NAP, GATE)
        outwaited(deployed, "activating")
        node.start()
        eventually(lambda: states(deployed) == {"active"}, timeout_s=60, what="both are up")
        node.shut_down()
        outwaited(deployed, "active")
        node.start()
        event = site.push(sha)
        site.await_decisions([event], timeout_s=90)
        assert [deployed.restarts(unit) for unit in (NAP, GATE)] == [0, 0]
        deployed.tear_down()


def states(deployed: Deployed) -> set[str]:
    return {deployed.machine.show(unit, "ActiveState") for unit in (NAP, GATE)}


def outwaited(deployed: Deployed, state: str) -> None:
    """Return when both have waited for the broker longer than any time they were given."""
    for unit in (NAP, GATE):
        # Celery waits 2 s, then 4, 6, 8: by then 20 s are over.
        eventually(
            lambda unit=unit: deployed.machine.journal(unit).count("again in 8.00 seconds") > 0,  # type: ignore[misc]
            timeout_s=90,
            what=f"{unit} waits",
        )
        assert deployed.machine.show(unit, "StatusText") == "waiting for the broker"
    assert states(deployed) == {state}


def test_the_real_scanners_work_as_units_have_them(
    machine: Systemd, vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    state = "/var/lib/devsecops-eda"
    policy = default_policy_text()
    with Site(vhost, programs, tmp_path, checks=CHECKS, policy=policy) as site:
        deployed = Deployed(machine, site)
        site.commit({"readme": ""})
        pins = "requests==2.30.0\n"
        sha = site.commit({"app.py": BAD, "requirements.txt": pins}, branch="topic")
        deployed.set_up(f"[checks.safety]\ndatabase = '{state}/advisories'\n")
        machine.run("devsecops-eda", "scanners", "install", environ=os.environ)
        now = datetime.now(UTC).isoformat()
        imported = ("data", "import", str(ADVISORIES), "--into", f"{state}/advisories")
        machine.run("devsecops-eda", *imported, "--date", now)
        deployed.start(*map(worker, CHECKS), GATE)
        event = site.push(sha, ref="refs/heads/topic", target="main")
        site.await_decisions([event], timeout_s=180)
        found = {
            one.data.check: {finding.rule for finding in one.data.findings}
            for one in site.tap.events(EventType.SCAN_COMPLETED)
            if one.causationid == event.id and isinstance(one.data, Outcome)
        }
        deployed.tear_down()
        failed = [one.data for one in site.tap.events(EventType.SCAN_FAILED)]
    assert failed == []
    assert set(found) == set(CHECKS)
    assert found["semgrep"]
    assert found["safety"]


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
        ("nobody", "/var/lib/devsecops-eda/evidence"),
    ):
        with pytest.raises(CommandError):
            deployed.machine.run("runuser", "-u", user, "--", "test", "-r", file)


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


def test_the_timers_do_what_they_are_there_for(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed()
    machine = deployed.machine
    deployed.start(NAP, GATE)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60)
    machine.run("systemctl", "start", "devsecops-eda-rescan.service")
    (asked,) = deployed.site.tap.events(EventType.SCAN_REQUESTED)
    assert asked.subject == event.subject
    eventually(lambda: statuses(deployed, asked), timeout_s=60, what="it was looked at again")
    report = "/var/lib/devsecops-eda/evidence/aa/" + "a" * 64
    machine.write(report, "old")
    machine.run("sh", "-c", f"touch -d '2 years ago' {report}")
    machine.run("chown", "-R", "devsecops-eda-worker:devsecops-eda", "/var/lib/devsecops-eda")
    machine.run("chmod", "0770", "/var/lib/devsecops-eda/evidence/aa")
    machine.run("systemctl", "start", "devsecops-eda-evidence-prune.service")
    assert not machine.path(report).exists()
    machine.run("systemctl", "start", "devsecops-eda-data-age.service")


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
