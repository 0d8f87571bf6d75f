"""The systemd units: well formed, closed up, and with times that fit what the program does."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from devsecops_eda.cli import group
from devsecops_eda.scanning import longest_s, the_check
from devsecops_eda.settings import KEYS, Settings
from devsecops_eda.worker.celery_app import EX_OUR_BUG, TURNS_EVERY_S
from tests.rig.provide import find_program

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
TIMERS = sorted(UNITS.glob("*.timer"))
WORKER, GATE = UNITS / "devsecops-eda-worker@.service", UNITS / "devsecops-eda-gate.service"
PROGRAM = "/usr/local/bin/devsecops-eda"
THRESHOLDS = {service.name: 1.5 for service in SERVICES} | {WORKER.name: 3.0}
SPANS = {"s": 1, "min": 60, "h": 3600}


@pytest.fixture(scope="module")
def analyze() -> str:
    found = find_program("systemd-analyze")
    assert found, "systemd-analyze is missing: `make rig` gets it"
    return str(found)


def lines(unit: Path, key: str) -> list[str]:
    """All values of a key, in order, as systemd would take them."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def value(unit: Path, key: str) -> str:
    (only,) = lines(unit, key)
    return only


def seconds(span: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", span).groups()  # type: ignore[union-attr]
    return int(number) * SPANS[unit]


def verified(analyze: str, unit: Path, folder: Path) -> tuple[int, str]:
    """What systemd says of a unit that lies in ``folder`` with all the others."""
    name = unit.name.replace("@.", "@semgrep.")
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=one", folder / name],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    # The program is not installed here; everything else is as it will be.
    for one in (*SERVICES, *TIMERS):
        (tmp_path / one.name).write_text(one.read_text().replace(PROGRAM, "/bin/true"))
    return tmp_path


@pytest.mark.parametrize("unit", [*SERVICES, *TIMERS], ids=lambda one: one.name)
def test_systemd_finds_nothing_wrong(analyze: str, unit: Path, units: Path) -> None:
    assert verified(analyze, unit, units) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("KillMode=mixed", "KillMod=mixed"),
        ("WatchdogSec=60s", "WatchdogSec=soon"),
        ("ExecStart=/bin/true", "ExecStart=/bin/no-such-program"),
        ("Type=notify", "Type=notifies"),
    ],
)
def test_systemd_would_find_what_is_wrong(
    analyze: str, units: Path, right: str, wrong: str
) -> None:
    file = units / GATE.name
    assert right in file.read_text()
    file.write_text(file.read_text().replace(right, wrong))
    code, said = verified(analyze, GATE, units)
    assert said, code


def exposure(analyze: str, unit: Path, *, threshold: float) -> tuple[int, str]:
    """Whether systemd finds a unit more open than ``threshold``, and what it says."""
    done = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={round(10 * threshold)}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.name)
def test_no_service_is_more_open_than_it_must_be(analyze: str, unit: Path, tmp_path: Path) -> None:
    code, said = exposure(analyze, unit, threshold=THRESHOLDS[unit.name])
    assert "Overall exposure level" in said
    assert code == 0, said
    # Without its walls the same unit is found out.
    opened = tmp_path / unit.name
    opened.write_text(re.sub(r"(?m)^(Protect|Private|Restrict|System).*\n", "", unit.read_text()))
    assert exposure(analyze, opened, threshold=THRESHOLDS[unit.name])[0] != 0


def test_the_page_says_how_closed_they_are(analyze: str) -> None:
    levels: dict[Path, float] = {}
    for unit in SERVICES:
        code, text = exposure(analyze, unit, threshold=10)
        found = re.search(r"exposure level for \S+ ([\d.]+)", text)
        assert found is not None, (code, text)
        levels[unit] = float(found[1])
    chores = max(level for unit, level in levels.items() if unit not in (WORKER, GATE))
    page = (UNITS.parents[1] / "docs" / "systemd.md").read_text(encoding="utf-8")
    said = re.search(
        r"says ([\d.]+) for the worker, ([\d.]+) for the gate and at most ([\d.]+)", page
    )
    assert said is not None
    # Another version of systemd weighs a little otherwise.
    assert [float(one) for one in said.groups()] == pytest.approx(
        [levels[WORKER], levels[GATE], chores], abs=0.2
    )


@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.name)
def test_every_command_of_a_unit_exists_with_its_options(unit: Path) -> None:
    program, *words = value(unit, "ExecStart").split()
    assert program == PROGRAM
    command: click.Command = group
    context = click.Context(group)
    for word in words:
        if word.startswith("-"):
            assert word in {name for param in command.params for name in param.opts}
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            assert found is not None
            command, context = found, click.Context(found, parent=context)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda one: one.name)
def test_every_credential_is_one_that_the_program_looks_for(unit: Path) -> None:
    known = {key.credential for key in KEYS if key.credential}
    loaded = [one.partition(":")[0] for one in lines(unit, "LoadCredential")]
    assert set(loaded) <= known
    assert all(":/etc/devsecops-eda/credentials/" in one for one in lines(unit, "LoadCredential"))


@pytest.mark.parametrize("unit", TIMERS, ids=lambda one: one.name)
def test_every_timer_has_its_service_and_makes_up_for_a_night_that_was_off(unit: Path) -> None:
    assert unit.with_suffix(".service") in SERVICES
    assert value(unit, "Persistent") == "yes"


def test_a_worker_that_stops_may_finish_the_longest_scan() -> None:
    settings = Settings(state_dir=Path("/var/lib/devsecops-eda"))
    longest = max(longest_s(settings, the_check(name)) for name in settings.checks)
    assert value(WORKER, "KillMode") == "mixed"
    assert seconds(value(WORKER, "TimeoutStopSec")) >= longest


def test_a_gate_that_starts_or_stops_may_wait_out_what_is_away() -> None:
    settings = Settings(state_dir=Path("/var/lib/devsecops-eda-gate"))
    assert value(GATE, "KillMode") == "mixed"
    for key in ("TimeoutStartSec", "TimeoutStopSec"):
        assert seconds(value(GATE, key)) > settings.transient_wait_s


@pytest.mark.parametrize("unit", [WORKER, GATE], ids=lambda one: one.name)
def test_a_hung_service_is_noticed_but_no_busy_one(unit: Path) -> None:
    watchdog_s = seconds(value(unit, "WatchdogSec"))
    assert value(unit, "Type") == "notify"
    assert watchdog_s > 10 * TURNS_EVERY_S
    # SIGABRT, then at most this, then the new start: together within half a watchdog.
    spent_s = sum(seconds(value(unit, key)) for key in ("TimeoutAbortSec", "RestartSec"))
    assert spent_s <= watchdog_s / 2


@pytest.mark.parametrize("unit", [WORKER, GATE], ids=lambda one: one.name)
def test_what_a_new_start_would_make_worse_is_not_started_again(unit: Path) -> None:
    assert value(unit, "Restart") == "always"
    assert value(unit, "RestartPreventExitStatus").split() == ["2", str(EX_OUR_BUG)]


def test_the_gate_makes_no_namespaces_and_a_worker_all_that_its_sandbox_needs() -> None:
    assert value(GATE, "RestrictNamespaces") == "yes"
    needed = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}
    assert set(value(WORKER, "RestrictNamespaces").split()) == needed


def test_workers_and_gate_are_two_users_who_share_a_group() -> None:
    text = (UNITS / "devsecops-eda.sysusers").read_text()
    users = re.findall(r"^u (\S+) -:devsecops-eda ", text, re.MULTILINE)
    assert len(users) == 2
    assert {value(unit, "User") for unit in SERVICES} == set(users)
    assert {value(unit, "Group") for unit in SERVICES} == {"devsecops-eda"}


@pytest.mark.parametrize("unit", [*SERVICES, *TIMERS], ids=lambda one: one.name)
def test_no_key_stands_twice_by_mistake(unit: Path) -> None:
    several = {"SystemCallFilter", "LoadCredential", "Environment"}
    keys = re.findall(r"^([A-Za-z]+)=", unit.read_text(), re.MULTILINE)
    assert sorted({key for key in keys if keys.count(key) > 1} - several) == []
    parser = ConfigParser(strict=False, interpolation=None)
    parser.read(unit)
    assert {"Unit"} < set(parser.sections())
