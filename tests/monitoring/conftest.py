"""What the tests of monitoring share: one installation with faults, watched sixty times faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from devsecops_eda.broker import Address, outgoing, publish_once
from devsecops_eda.client import commit_pushed
from devsecops_eda.model import Event
from tests.rig.monitored import Monitored
from tests.rig.prometheus import FAST, Prometheus
from tests.rig.site import REPO
from tests.rig.waiting import NeverHappenedError, eventually

CALM_S = 120.0


@dataclass(frozen=True, slots=True)
class Live:
    """An installation on which faults are caused, and the Prometheus that must tell of them."""

    site: Monitored
    prometheus: Prometheus

    @contextmanager
    def fault(
        self, *names: str, also: frozenset[str] = frozenset()
    ) -> Iterator[Callable[[], None]]:
        """Give what waits until all the alerts fire; after the block the fault must be mended.

        Raises:
            AssertionError: one did not fire, another one did that is not in ``also``, or one still
                does CALM_S seconds after the block.
        """
        self._await_calm()
        begun = time.monotonic()
        yield partial(self.prometheus.await_firing, *names)
        self._await_calm()
        fired = self.prometheus.were("firing", over_s=time.monotonic() - begun)
        assert set(names) <= fired <= {*names, *also}
        print(f"{', '.join(names)}: fired and over after {time.monotonic() - begun:.0f} s")

    def _await_calm(self) -> None:
        def calm() -> bool:
            return not self.prometheus.alerts() | self.prometheus.alerts("pending")

        try:
            eventually(calm, timeout_s=CALM_S, what="no alert", interval_s=0.5)
        except NeverHappenedError as never:
            firing, pending = self.prometheus.alerts(), self.prometheus.alerts("pending")
            raise NeverHappenedError(f"{never}; firing: {firing}, pending: {pending}") from None

    def push(self, branch: str) -> Event:
        """Let a job tell of a commit that nobody need object to."""
        event = self.site.pushed(
            self.site.commit({"new.py": f"{branch = }\n"}, branch=branch), branch=branch
        )
        with self.site.client() as client:
            client.publish(event)
        return event


def speak_of_another_repository(address: Address) -> None:
    """Tell of what is not one's own, under the key of what is: the broker lets it through."""
    now = datetime.now(UTC)
    allowed, other = (
        outgoing(commit_pushed(repo, ref="main", sha="1" * 40, now=now), mandatory=True)
        for repo in (REPO, "evil/app")
    )
    publish_once(address, replace(other, key=allowed.key), timeout_s=30)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The installation for faults: RabbitMQ tells of its queues every second, not every five."""
    folder: Path = tmp_path_factory.mktemp("live")
    with Monitored(folder, settings={"collect_statistics_interval": "1000"}) as site:
        yield Live(site, site.prometheus("fast", FAST))
