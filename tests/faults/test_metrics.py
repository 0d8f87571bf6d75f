"""Metrics of a real worker whose pool children are recycled after each task, and killed."""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Vhost
from tests.rig.leftovers import processes
from tests.rig.programs import Program, Programs
from tests.rig.scraped import ANYWHERE, Scrape, Watched
from tests.rig.site import Site
from tests.rig.waiting import eventually

TASKS, KILLS = 1000, 50


def children_of(program: Program) -> list[int]:
    return [
        one.pid
        for one in processes()
        if one.parent == program.pid and "tests.rig.cast" in one.command
    ]


@pytest.mark.faults_full
@pytest.mark.timeout(2400)
def test_a_thousand_recycled_and_fifty_killed_pool_children_leave_numbers_that_are_right(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    watched_worker = f"[worker]\nmetrics = {ANYWHERE}"
    with Site(vhost, programs, tmp_path, checks=["swift"], worker=watched_worker) as site:
        site.start_gate()
        worker = site.start_worker("swift", recycle=True)
        watched = Watched.of(worker)
        before = watched.scrape()
        events = [site.push(sha) for sha in site.commits(TASKS)]
        last, kills, chance = before, 0, random.Random(TASKS)

        def strike() -> bool:
            """Kill one child, look at the numbers, and say whether all is decided."""
            nonlocal last, kills
            children = children_of(worker)
            if kills < KILLS and children:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(children), signal.SIGKILL)
                    kills += 1
            now = watched.scrape()
            assert last.falls(now) == []
            assert now.value("devsecops_slots", state="all") == 2
            assert now.value("devsecops_slots", state="busy") <= 2
            last = now
            return len(site.decisions()) >= TASKS

        eventually(strike, timeout_s=2000, what="all are decided", interval_s=2)
        site.await_decisions(events, timeout_s=60)
        assert kills == KILLS
        numbers_are_right(site, before, watched)


def numbers_are_right(site: Site, before: Scrape, watched: Watched) -> None:
    def at_rest() -> Scrape | None:
        now = watched.scrape()
        return now if now.value("devsecops_slots", state="busy") == 0 else None

    after = eventually(at_rest, timeout_s=60, what="nothing is worked on")
    assert after is not None
    assert watched.scrape_s() < 0.1
    scans = after.value("devsecops_scans_total", check="swift")
    # Whoever was killed between his scan and his end has it done again by another.
    assert TASKS <= scans <= TASKS + KILLS
    told = sum(each["swift"] for each in site.outcomes().values())
    published = after.value("devsecops_publishes_total", result="confirmed")
    assert told - KILLS <= published <= told
    assert after.value("devsecops_lost_reports_total") == 0
    assert after.value("devsecops_redeliveries_total") <= KILLS
    # New are the histograms of the stages and what was published: as after the first task.
    assert after.series - before.series < 150
    assert site.dead() == []
