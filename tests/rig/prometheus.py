"""A real Prometheus on loopback with the files that ship: edited where it says so, not retyped."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ruamel.yaml import YAML

from tests.rig.ports import free_ports
from tests.rig.programs import Program, Programs
from tests.rig.provide import CannotProvideError, find_of_prometheus
from tests.rig.waiting import NeverHappenedError, eventually

SHIPPED = Path(__file__).parents[2] / "deploy" / "prometheus"
EVERY = "15s"
"""How often the shipped configuration scrapes and evaluates."""
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
WINDOW = re.compile(r"\[(\w+)\]")
# The thresholds that are spans of time in the rules themselves. Those of DataStale and DataOld come
# from the configuration, and those of ClockOffset are no waits.
SECONDS = {"DecisionOverdue": 900, "VoteOverdue": 259_200, "AnswersOwed": 60}

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """How much faster than shipped Prometheus goes: 1 is as shipped.

    Scaled are every ``for``, the window of every rate and the thresholds of SECONDS; what is
    counted or compared otherwise stays. It scrapes and evaluates every ``every``.
    """

    factor: int = 1
    every: str = EVERY


AS_SHIPPED = Pace()
FAST = Pace(factor=60, every="1s")
"""An hour in a minute; a window of five minutes still holds four scrapes."""


def milliseconds(text: str) -> int:
    """Return a duration as Prometheus writes it, ``1h30m``, in milliseconds."""
    parts = DURATION.findall(text)
    assert "".join(number + unit for number, unit in parts) == text, text
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def scaled(rule: Rule, factor: int) -> Rule:
    """Return a rule whose waits, windows and spans of time are ``factor`` times shorter.

    Raises:
        AssertionError: it does not divide into whole milliseconds, or the rule has another
            threshold than SECONDS says.
    """

    def shorter(text: str) -> str:
        whole, rest = divmod(milliseconds(text), factor)
        assert not rest, f"{text} / {factor}"
        return f"{whole}ms"

    expr = WINDOW.sub(lambda window: f"[{shorter(window[1])}]", rule["expr"])
    if seconds := SECONDS.get(rule.get("alert", "")):
        expr, times = re.subn(rf"> {seconds}\Z", f"> {seconds / factor:g}", expr)
        assert times == 1, rule["alert"]
    waits = {"for": shorter(rule["for"])} if "for" in rule else {}
    return {**rule, "expr": expr, **waits}


def shipped_rules() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every shipped file of rules and what is in it."""
    for file in sorted((SHIPPED / "rules").glob("*.yml")):
        yield file, YAML(typ="safe").load(file)


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer and its value."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """One Prometheus that watches ``targets``, by the name of their file in ``targets/``.

    Files that are not named have no targets.
    """

    def __init__(
        self,
        programs: Programs,
        folder: Path,
        targets: Mapping[str, Sequence[str]],
        *,
        pace: Pace = AS_SHIPPED,
    ) -> None:
        program = find_of_prometheus()
        if program is None:
            raise CannotProvideError("no Prometheus here: `make rig` gets one")
        self._config = folder / "config"
        self.pace = pace
        self._write(targets)
        (self._port,) = free_ports(1)
        self.program: Program = programs.start(
            program,
            f"--config.file={self._config / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        )
        eventually(self._is_ready, timeout_s=60, what="Prometheus is ready")

    def _write(self, targets: Mapping[str, Sequence[str]]) -> None:
        shutil.copytree(SHIPPED, self._config)
        for file in (self._config / "targets").glob("*.yml"):
            self.watch(file.stem, targets.get(file.stem, ()))
        if self.pace == AS_SHIPPED:
            return
        main = self._config / "prometheus.yml"
        text = main.read_text()
        for key in ("scrape_interval", "evaluation_interval"):
            assert text.count(f"{key}: {EVERY}") == 1
            text = text.replace(f"{key}: {EVERY}", f"{key}: {self.pace.every}")
        # No longer than the interval, says Prometheus.
        main.write_text(re.sub(r"scrape_timeout: \w+", f"scrape_timeout: {self.pace.every}", text))
        for file, content in shipped_rules():
            for group in content["groups"]:
                group["rules"] = [scaled(rule, self.pace.factor) for rule in group["rules"]]
            # JSON is YAML, too.
            (self._config / "rules" / file.name).write_text(json.dumps(content))

    def watch(self, name: str, targets: Sequence[str]) -> None:
        """Let the jobs that read ``targets/<name>.yml`` scrape these and no others."""
        file = self._config / "targets" / f"{name}.yml"
        assert file.exists(), f"no job reads targets/{name}.yml"
        # Replaced, not written over: Prometheus would read half of it.
        new = file.with_suffix(".new")
        new.write_text(json.dumps([{"targets": list(targets)}] if targets else []))
        new.replace(file)

    def _is_ready(self) -> bool:
        assert self.program.exit_code is None, self.program.log
        try:
            return self._get("/-/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def _get(self, path: str, **query: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", f"{path}?{urlencode(query)}")
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _api(self, *path: str, **query: str) -> Any:
        status, body = self._get("/api/v1/" + "/".join(path), **query)
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expr: str) -> list[Sample]:
        """Return the series that an expression has now."""
        answer = self._api("query", query=expr)
        assert answer["resultType"] == "vector", expr
        return [Sample(one["metric"], float(one["value"][1])) for one in answer["result"]]

    def alerts(self, state: str = "firing") -> set[str]:
        """Return the names of the alerts that are in that state now, as people are shown them."""
        found = self._api("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == state}

    def told(self, name: str) -> list[str]:
        """Return the summaries of the alerts of that name that are firing."""
        found = self._api("alerts")["alerts"]
        return sorted(
            one["annotations"]["summary"]
            for one in found
            if one["labels"]["alertname"] == name and one["state"] == "firing"
        )

    def await_firing(self, *names: str, timeout_s: float = 120) -> None:
        """Return once each of these alerts has fired, be it one after another.

        Raises:
            AssertionError: one did not within ``timeout_s`` seconds, or what it says has a hole.
        """
        seen: set[str] = set()

        def all_seen() -> bool:
            firing = self.alerts()
            for summary in (one for name in firing - seen for one in self.told(name)):
                assert not any(flaw in summary for flaw in ("<no value>", "<error")), summary
            seen.update(firing)
            return set(names) <= seen

        try:
            eventually(all_seen, timeout_s=timeout_s, what=f"{names} fire", interval_s=0.2)
        except NeverHappenedError as never:
            pending = self.alerts("pending")
            raise NeverHappenedError(f"{never}; fired: {seen}, pending: {pending}") from None

    def were(self, state: str, *, over_s: float) -> set[str]:
        """Return the names of the alerts that were in that state within the last seconds."""
        series = f'max_over_time(ALERTS{{alertstate="{state}"}}[{int(over_s) + 1}s])'
        return {one.labels["alertname"] for one in self.query(series)}

    def unwell(self) -> list[str]:
        """Return what does not work: targets that do not answer, rules that cannot be evaluated."""
        targets = self._api("targets", state="active")["activeTargets"]
        groups = self._api("rules")["groups"]
        return [
            *(f"{one['scrapeUrl']}: {one['lastError']}" for one in targets if one["lastError"]),
            *(
                f"{rule['name']}: {rule.get('lastError', rule['health'])}"
                for group in groups
                for rule in group["rules"]
                if rule["health"] != "ok"
            ),
        ]
