"""Ten minutes of healthy load under the rules as shipped: nobody is woken, all is shown."""

from __future__ import annotations

import json
import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsecops_eda.client import Client
from devsecops_eda.model import Verdict
from tests.rig.leftovers import descendants
from tests.rig.monitored import CHECKS, Monitored, clock_is_set
from tests.rig.prometheus import Prometheus, shipped_rules
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.monitoring, pytest.mark.timeout(1200)]

QUIET_S = 600.0
EVERY_S = 3.0
"""So often somebody pushes."""
ANSWER_S = 60.0
DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "devsecops.json"
RATE_INTERVAL = "1m"
"""What Grafana makes of $__rate_interval: four times the interval of the scrapes, at least."""
GOOD = {"new.py": "import json\n", "requirements.txt": "itsdangerous==2.1.2\n"}
BAD = {"new.py": "import pickle\n\n\ndef load(request):\n    return pickle.loads(request.data)\n"}
BEHIND = {"requirements.txt": "pyyaml==5.3\n"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    with Monitored(tmp_path_factory.mktemp("quiet"), recycle=True) as made:
        yield made


def one_flow(site: Monitored, client: Client, number: int) -> Verdict:
    """Push a commit and return what is decided of it: every third is denied."""
    files, verdict = (
        (GOOD, Verdict.ALLOW),
        (GOOD, Verdict.ALLOW),
        (BAD if number % 2 else BEHIND, Verdict.DENY),
    )[number % 3]
    branch = f"topic-{number}"
    sha = site.commit({**files, "number.txt": str(uuid.uuid4())}, branch=branch)
    decision = client.ask(site.pushed(sha, branch=branch), timeout_s=ANSWER_S)
    assert decision is not None, f"{branch} is not decided"
    assert decision.verdict is verdict, decision
    return decision.verdict


def healthy_load(site: Monitored) -> Counter[Verdict]:
    """Let somebody push every EVERY_S seconds for QUIET_S; return what was decided."""
    decided: Counter[Verdict] = Counter()
    begun, over = time.monotonic(), threading.Event()
    with site.client() as client:
        for number in range(int(QUIET_S / EVERY_S)):
            # The pace of the load; whoever is late does not wait.
            over.wait(max(0.0, begun + number * EVERY_S - time.monotonic()))
            if time.monotonic() - begun > QUIET_S:
                break
            decided[one_flow(site, client, number)] += 1
    return decided


def pool_children(site: Monitored) -> dict[str, set[int]]:
    """Return the children of each worker's pool."""
    return {
        check: {
            one.pid
            for one in descendants(site.running[check].pid)
            if one.parent == site.running[check].pid and "tests.rig.recycling" in one.command
        }
        for check in CHECKS
    }


def shown() -> Iterator[tuple[str, str]]:
    """Yield every expression of every panel, as Grafana would ask it."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
            assert "$" not in expr, expr
            yield f"{panel['title']} {target['refId']}", expr


def recorded() -> Iterator[tuple[str, str]]:
    for _, content in shipped_rules():
        for group in content["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    yield rule["record"], rule["record"]


def empty(prometheus: Prometheus) -> list[str]:
    """Return what of dashboard and recording rules shows nothing, or no number."""
    found = []
    for name, expr in (*shown(), *recorded()):
        values = [sample.value for sample in prometheus.query(expr)]
        if not any(map(math.isfinite, values)):
            found.append(f"{name}: {values}")
    return found


def test_ten_minutes_of_healthy_load_wake_nobody_and_every_panel_shows_something(
    site: Monitored,
) -> None:
    host = [site.watch_host()] if clock_is_set() else []
    if not host:
        print("nobody sets the clock of this machine, of which ClockOffset would tell: not watched")
    prometheus = site.prometheus("shipped", node=host)
    eventually(lambda: not prometheus.unwell(), timeout_s=60, what="all targets were scraped")
    children, begun = pool_children(site), time.monotonic()
    decided = healthy_load(site)
    took_s = time.monotonic() - begun
    assert prometheus.unwell() == []
    assert prometheus.were("firing", over_s=took_s) == set()
    assert empty(prometheus) == []
    print(f"{took_s:.0f} s, {dict(decided)}, pending: {prometheus.were('pending', over_s=took_s)}")
    assert took_s > QUIET_S - EVERY_S - ANSWER_S
    assert decided[Verdict.ALLOW] > decided[Verdict.DENY] > QUIET_S / EVERY_S / 10
    # Not every child: where one is enough, the other has little to do.
    later = pool_children(site)
    assert all(children[check] - later[check] for check in CHECKS), (children, later)
