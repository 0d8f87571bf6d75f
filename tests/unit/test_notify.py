"""What systemd is told, and when the watchdog is fed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsecops_eda.notify import TELLS_PER_WATCHDOG, WAITING_TOLD_EVERY_S, Pulse, Systemd
from tests.rig.ear import Ear

WATCHDOG_S = 64.0
PAUSE_S = WATCHDOG_S / TELLS_PER_WATCHDOG


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["file", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    names = {"file": str(tmp_path / "notify"), "abstract": f"@devsecops-eda-test-{os.getpid()}"}
    made = Ear(names[request.param])
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def systemd_of(ear: Ear, **more: str) -> Systemd:
    return Systemd.of({"NOTIFY_SOCKET": ear.address, **more})


def test_systemd_is_told_what_it_understands(ear: Ear) -> None:
    systemd = systemd_of(ear)
    systemd.ready("taking\nevents")
    systemd.waiting("the broker is away")
    systemd.alive()
    systemd.stopping()
    assert ear.heard() == [
        ["READY=1", "STATUS=taking events"],
        ["EXTEND_TIMEOUT_USEC=30000000", "STATUS=the broker is away"],
        ["WATCHDOG=1"],
        ["STOPPING=1", "STATUS=finishing what runs"],
    ]


def test_nobody_is_told_where_no_systemd_started_us() -> None:
    systemd = Systemd.of({"WATCHDOG_USEC": "1000000"})
    systemd.ready("taking events")
    assert systemd.watchdog_s is None


def test_a_systemd_that_is_gone_stops_no_work(tmp_path: Path) -> None:
    Systemd(str(tmp_path / "nobody")).ready("taking events")


@pytest.mark.parametrize(
    ("given", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_where_it_names_us(
    given: dict[str, str], watchdog_s: float | None
) -> None:
    assert Systemd.of({"NOTIFY_SOCKET": "/nowhere", **given}).watchdog_s == watchdog_s


def test_it_is_fed_while_every_part_goes_round(ear: Ear, clock: Clock) -> None:
    pulse = Pulse(Systemd(ear.address, watchdog_s=WATCHDOG_S), "loop", "timer", monotonic=clock)
    for _ in range(3):
        pulse.beat("loop")
        pulse.beat("timer")
        clock.now += PAUSE_S
    assert ear.heard() == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize("dead", ["loop", "timer"])
def test_it_starves_when_one_part_stands_still(ear: Ear, clock: Clock, dead: str) -> None:
    pulse = Pulse(Systemd(ear.address, watchdog_s=WATCHDOG_S), "loop", "timer", monotonic=clock)
    (other,) = {"loop", "timer"} - {dead}
    pulse.beat(dead)
    for _ in range(100):
        pulse.beat(other)
        clock.now += PAUSE_S
    assert ear.heard() == [["WATCHDOG=1"]]


def test_a_loop_that_turns_fast_does_not_flood_systemd(ear: Ear, clock: Clock) -> None:
    pulse = Pulse(Systemd(ear.address, watchdog_s=WATCHDOG_S), "loop", monotonic=clock)
    for _ in range(1025):
        pulse.beat("loop")
        clock.now += WATCHDOG_S / 1024
    assert len(ear.heard()) == TELLS_PER_WATCHDOG + 1


def test_whoever_waits_is_alive_and_says_for_what_now_and_then(ear: Ear, clock: Clock) -> None:
    pulse = Pulse(Systemd(ear.address, watchdog_s=WATCHDOG_S), "loop", monotonic=clock)
    for _ in range(11):
        pulse.wait("loop", "waiting for the broker")
        clock.now += WAITING_TOLD_EVERY_S / 5
    heard = ear.heard()
    assert heard.count(["WATCHDOG=1"]) == 1
    assert len([one for one in heard if one[-1] == "STATUS=waiting for the broker"]) == 3


def test_a_part_that_nobody_named_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Pulse(Systemd(), "loop").beat("lop")
