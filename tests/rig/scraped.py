"""A program's metrics and health, asked over HTTP as Prometheus and a supervisor would."""

import http.client
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.rig.programs import Program

LISTENING = re.compile(r"metrics on port (\d+)")
ANYWHERE = '"127.0.0.1:0"'
"""Where a test lets a program listen; its log says which port it got."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples of one scrape, and how long it took."""

    samples: dict[str, list[tuple[dict[str, str], float]]]
    took_s: float

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of that name that carry these labels."""
        return sum(
            value for said, value in self.samples.get(name, []) if labels.items() <= said.items()
        )

    @property
    def series(self) -> int:
        """Return how many series there are."""
        return sum(map(len, self.samples.values()))

    def falls(self, later: "Scrape") -> list[str]:
        """Return the counters that are lower in ``later``."""
        return [
            name
            for name in self.samples
            if name.endswith(("_total", "_count", "_bucket"))
            for labels, value in self.samples[name]
            if later.value(name, **labels) < value
        ]


@dataclass(frozen=True, slots=True)
class Watched:
    """Where one program shows itself."""

    port: int

    @classmethod
    def of(cls, program: Program) -> "Watched":
        """Return where ``program`` listens, once it says so."""
        program.wait_for("metrics on port ")
        found = LISTENING.search(program.log)
        assert found is not None
        return cls(int(found[1]))

    def get(self, path: str, *, method: str = "GET") -> tuple[int, bytes]:
        """Return status and body of one page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def scrape(self) -> Scrape:
        """Return all series."""
        begun = time.monotonic()
        status, body = self.get("/metrics")
        took_s = time.monotonic() - begun
        assert status == 200
        samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
        return Scrape(samples, took_s)

    def scrape_s(self) -> float:
        """Return how long a scrape takes; the best of a few, for others work here too."""
        return min(self.scrape().took_s for _ in range(5))

    def needs(self) -> tuple[bool, dict[str, str]]:
        """Return whether it is ready, and what it says of each need."""
        status, body = self.get("/readyz")
        said: dict[str, Any] = json.loads(body)
        assert said["ready"] == (status == 200)
        return said["ready"], said["needs"]
