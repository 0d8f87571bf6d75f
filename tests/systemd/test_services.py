"""Worker and gate under a real systemd: stop, kill, watchdog, memory limit, a broker away.

Needs root: a systemd is started in namespaces of its own, and the program installed into it.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from devsecops_eda.model import OutcomeStatus
from tests.conftest import Vhost
from tests.rig.broker import RabbitNode
from tests.rig.deployed import ALONE, GATE, Deployed, worker
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.systemd import Systemd
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

NAP = worker("nap")
WATCHDOG_S = 12
HUNG_FOR_S = 1.5 * WATCHDOG_S


def test_stopping_a_worker_finishes_the_scan_that_runs(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("20.nap")
    deployed.start(NAP)
    event = deployed.site.push(sha)
    deployed.await_scan(NAP, "sleep 20")
    deployed.stop(NAP)
    assert deployed.statuses(event) == [OutcomeStatus.COMPLETED]
    assert deployed.machine.show(NAP, "Result") == "success"
    assert deployed.machine.show(NAP, "ExecMainStatus") == "0"
    assert deployed.waiting() == 0, "it was scanned, and yet given back"


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
    assert deployed.statuses(event) == []
    eventually(lambda: deployed.waiting() == 1, timeout_s=30, what="the event is back")
    assert deployed.machine.in_unit(NAP) == ()


def test_who_cannot_wait_for_a_stop_gives_the_event_back_at_once(
    deployed: Deployed, committed: Callable[..., str]
) -> None:
    sha = committed("600.nap")
    deployed.start(NAP)
    event = deployed.site.push(sha)
    deployed.await_scan(NAP, "sleep 600")
    machine = deployed.machine
    machine.run("systemctl", "stop", "--no-block", NAP)
    eventually(
        lambda: machine.show(NAP, "SubState") == "stop-sigterm", timeout_s=30, what="it stops"
    )
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=QUIT", NAP)
    eventually(lambda: deployed.main_pid(NAP) == 0, timeout_s=60, what="it has ended")
    eventually(lambda: deployed.waiting() == 1, timeout_s=30, what="the event is back")
    assert deployed.statuses(event) == []
    assert machine.in_unit(NAP) == ()


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
    assert "Failed with result 'watchdog'" in deployed.journal(unit)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=60)


@pytest.mark.parametrize(("unit", "arguments"), [(NAP, "worker nap"), (GATE, "gate")])
def test_a_main_loop_that_hangs_is_started_again_and_says_where_it_hung(
    deployed: Deployed, committed: Callable[..., str], unit: str, arguments: str
) -> None:
    committed()
    deployed.drop_in(unit, f"WatchdogSec={WATCHDOG_S}s", "RestartSec=1s")
    deployed.misplay(unit, "loop", arguments)
    deployed.start(unit)
    eventually(lambda: deployed.restarts(unit) == 1, timeout_s=60, what="started again")
    said = deployed.journal(unit)
    assert "Failed with result 'watchdog'" in said
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
    assert "Failed with result 'watchdog'" in deployed.journal(GATE)


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
    assert deployed.statuses(event) == [OutcomeStatus.COMPLETED]


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
    assert deployed.statuses(event) == [OutcomeStatus.COMPLETED]
    # The journal says of which event and flow, and that it was the second try.
    lines = deployed.journal(NAP).splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    told = [one for one in logged if one.get("action") == "told"]
    assert [(one["event"], one["flow"], one["check"], one["attempt"]) for one in told] == [
        (event.id, event.correlationid, "nap", 2)
    ]


@pytest.mark.parametrize(
    ("limit", "status"), [("600M", OutcomeStatus.FAILED), ("3G", OutcomeStatus.COMPLETED)]
)
def test_a_scanner_over_the_memory_limit_becomes_an_outcome_and_the_worker_lives(
    deployed: Deployed, committed: Callable[..., str], limit: str, status: OutcomeStatus
) -> None:
    if not deployed.machine.limits_memory:
        pytest.skip("the cgroups here limit no memory")
    sha = committed("1500.mb")
    deployed.drop_in(NAP, f"MemoryMax={limit}", "MemorySwapMax=0")
    deployed.start(NAP, GATE)
    before = deployed.main_pid(NAP)
    event = deployed.site.push(sha)
    deployed.site.await_decisions([event], timeout_s=120)
    assert deployed.statuses(event) == [status]
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
        outwaited(deployed, "activating", time=1)
        node.start()
        eventually(lambda: states(deployed) == {"active"}, timeout_s=60, what="both are up")
        node.shut_down()
        outwaited(deployed, "active", time=2)
        node.start()
        event = site.push(sha)
        site.await_decisions([event], timeout_s=90)
        assert [deployed.restarts(unit) for unit in (NAP, GATE)] == [0, 0]
        deployed.tear_down()


def states(deployed: Deployed) -> set[str]:
    return {deployed.machine.show(unit, "ActiveState") for unit in (NAP, GATE)}


def outwaited(deployed: Deployed, state: str, *, time: int) -> None:
    """Return when both wait, for the first or second time, longer than they were ever given."""
    for unit in (NAP, GATE):
        # Celery waits 2 s, then 4, 6, 8: by then 20 s are over.
        eventually(
            lambda unit=unit: deployed.journal(unit).count("again in 10.00 s") >= time,  # type: ignore[misc]
            timeout_s=120,
            what=f"{unit} waits",
        )
        assert deployed.machine.show(unit, "StatusText") == "waiting for the broker"
    assert states(deployed) == {state}
