"""In short, for every run of the tests: a real Prometheus tells of a real worker's faults.

It watches no RabbitMQ, which is a fault too. The rules go sixty times faster than shipped.
"""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Vhost
from tests.monitoring.conftest import speak_of_another_repository
from tests.rig.ports import free_ports
from tests.rig.programs import Programs
from tests.rig.prometheus import FAST, Prometheus
from tests.rig.site import Site
from tests.rig.waiting import eventually

FIRES_S = 45.0


def test_a_real_prometheus_tells_of_a_killed_worker_and_of_a_refused_identity(
    vhost: Vhost, programs: Programs, tmp_path: Path
) -> None:
    of_gate, of_worker = (f"127.0.0.1:{port}" for port in free_ports(2))
    keys = {"gate": f'metrics = "{of_gate}"', "worker": f'[worker]\nmetrics = "{of_worker}"'}
    with Site(vhost, programs, tmp_path, checks=["commit"], **keys) as site:
        programs.devsecops_eda("--config", site.config, "gate")
        words = ("--config", site.config, "worker", "commit", "--slots", "1")
        worker = programs.devsecops_eda(*words)
        (folder := tmp_path / "prometheus").mkdir()
        targets = {"gate": [of_gate], "worker": [of_worker]}
        prometheus = Prometheus(programs, folder, targets, pace=FAST)
        # Before it has read who its targets are, it misses all of them.
        eventually(
            lambda: (
                len(prometheus.query("devsecops_broker_connected == 1")) == 2
                and not prometheus.query('ALERTS{alertname="WorkerGone"}')
            ),
            timeout_s=FIRES_S,
            what="both are scraped and connected",
        )
        worker.kill()
        speak_of_another_repository(site.address)
        prometheus.await_firing("IdentityRefused", "WorkerGone", "QueuesUnseen", timeout_s=FIRES_S)
        assert prometheus.told("WorkerGone") == [f"devsecops-worker {of_worker} does not answer"]
        programs.devsecops_eda(*words)
        eventually(
            lambda: "WorkerGone" not in prometheus.alerts(), timeout_s=FIRES_S, what="it is back"
        )
