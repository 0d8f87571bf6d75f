"""A pool whose children are recycled and killed, without a broker: counts, then serves.

Run as ``python -m tests.rig.recycled ENDED KILLED``; prints what scrapes over HTTP showed, and how
long they took, as JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from devsecops_eda.metrics import Gathering, Meters, Program, table
from devsecops_eda.metrics.table import Stage
from devsecops_eda.settings import Listen
from devsecops_eda.watch import Endpoint
from tests.rig.scraped import Scrape, Watched
from tests.rig.waiting import eventually

AT_ONCE = 20


class Pool:
    """Children that report, each for one task or until it is killed."""

    def __init__(self, meters: Meters, recorder: Gathering) -> None:
        self._meters = meters
        self._recorder = recorder
        self._children: list[int] = []

    def recycle(self) -> None:
        """Let one child do one task and end."""
        self._fork(self._one_task)
        if len(self._children) >= AT_ONCE:
            os.waitpid(self._children.pop(0), 0)

    def kill(self) -> None:
        """Kill a child in the midst of its reports."""
        before = self._reported()
        child = self._fork(self._for_ever)
        eventually(
            lambda: self._reported() != before, timeout_s=10, what="a report", interval_s=0.001
        )
        os.kill(child, signal.SIGKILL)

    def end(self) -> None:
        """Wait for all that were forked."""
        for child in self._children:
            os.waitpid(child, 0)

    def _fork(self, work: Callable[[], None]) -> int:
        child = os.fork()
        if not child:
            work()
            os._exit(0)
        self._children.append(child)
        return child

    def _reported(self) -> float | None:
        return self._meters.last(table.FINDINGS, "slow", "high")

    def _one_task(self) -> None:
        self._recorder.count(table.SCANS, "slow", "completed")
        self._recorder.observe(table.STAGE_SECONDS, 0.2, Stage.SCANNER, "ok")

    def _for_ever(self) -> None:
        while True:
            self._recorder.count(table.FINDINGS, "slow", "high")


def scrapes(ended: int, killed: int) -> tuple[list[Scrape], float]:
    """Recycle ``ended`` children and kill ``killed`` more.

    Return what was scraped meanwhile, and how long a scrape takes after that.
    """
    meters = Meters(Program.WORKER, queue="q", words={"check": ["slow"]})
    listen = Listen("127.0.0.1", 0)
    endpoint = Endpoint(listen, metrics=meters.scraped, health=lambda: None, ready=dict)
    with endpoint, Gathering(meters) as recorder:
        watched, pool = Watched(endpoint.port), Pool(meters, recorder)
        found = [watched.scrape()]
        for number in range(ended):
            pool.recycle()
            if number % 250 == 0:
                found.append(watched.scrape())
        for _ in range(killed):
            pool.kill()
        pool.end()
        eventually(
            lambda: watched.scrape().value("devsecops_scans_total") >= ended,
            timeout_s=10,
            what="all reports are counted",
        )
        return [*found, watched.scrape()], watched.scrape_s()


def main(ended: int, killed: int) -> None:
    """Print what is seen from outside."""
    folder = Path("/proc/self/fd")
    descriptors = len(list(folder.iterdir()))
    found, took_s = scrapes(ended, killed)
    first, last = found[0], found[-1]
    seen = {
        "scans": last.value("devsecops_scans_total", result="completed"),
        "observed": last.value("devsecops_stage_seconds_count"),
        "findings": last.value("devsecops_findings_total", severity="high"),
        "lost": last.value("devsecops_lost_reports_total"),
        "grown": last.series - first.series,
        "took_s": took_s,
        "falls": [fall for one, two in pairwise(found) for fall in one.falls(two)],
        "descriptors": len(list(folder.iterdir())) - descriptors,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
