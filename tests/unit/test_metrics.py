"""The table of metrics, and how they are counted in one process."""

import ast
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devsecops_eda.errors import UnavailableError
from devsecops_eda.metrics import (
    METRICS,
    Direct,
    Kind,
    Meters,
    Metric,
    Nothing,
    Program,
    Reading,
    Recorder,
    table,
    timed,
)
from devsecops_eda.metrics.table import OTHER, PREFIX, Stage

ROOT = Path(__file__).parents[2]
CONSTANTS = {name: value for name, value in vars(table).items() if isinstance(value, Metric)}


def worker() -> Meters:
    return Meters(Program.WORKER, queue="q", words={"check": ["semgrep"], "version": ["1"]})


def judge() -> Meters:
    return Meters(Program.GATE, queue="q", words={"check": ["semgrep"], "gate": ["merge"]})


def value(meters: Meters, name: str, *, queue: str = "q", **labels: str) -> float | None:
    """The one sample of that name and with exactly these labels."""
    said = {**labels, "queue": queue}
    wanted = ",".join(f'{key}="{said[key]}"' for key in sorted(said))
    found = re.search(
        rf"^{re.escape(name)}{{{re.escape(wanted)}}} (\S+)$", meters.scraped().decode(), re.M
    )
    return float(found[1]) if found else None


def test_every_metric_is_in_the_table_once_and_named_alike() -> None:
    assert sorted(CONSTANTS.values(), key=METRICS.index) == list(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS) == len(CONSTANTS)
    for metric in METRICS:
        assert re.fullmatch(PREFIX + r"[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert metric.help.endswith(".")
        assert len(set(metric.label_names)) == len(metric.label_names)
        assert metric.programs


def test_every_label_has_a_closed_set_of_words() -> None:
    for metric in METRICS:
        for label in metric.labels:
            assert bool(label.words) != bool(label.said), f"{metric.name}: {label.name}"


def _used() -> Iterator[str]:
    for path in (ROOT / "devsecops_eda").rglob("*.py"):
        if path.name == "table.py" or "rules" in path.parts:
            continue
        text = path.read_text()
        assert "prometheus_client" not in text or "metrics" in path.parts, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr in CONSTANTS:
                yield node.attr
            elif isinstance(node, ast.Name) and node.id in CONSTANTS:
                yield node.id
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # Whoever types a name again has made another metric.
                named = re.fullmatch(PREFIX + r"[a-z_]+_(total|seconds|info)", node.value)
                assert named is None, f"{path}: {node.value}"


def test_every_metric_of_the_table_is_used_and_no_other() -> None:
    assert set(_used()) == set(CONSTANTS)


def test_a_word_that_no_label_knows_is_other_however_many_there_are() -> None:
    meters = worker()
    before = meters.scraped().count(b"\n")
    for _ in range(500):
        meters.count(table.SCANS, str(uuid4()), str(uuid4()))
        meters.count(table.REFUSED, str(uuid4()))
        meters.observe(table.STAGE_SECONDS, 1, str(uuid4()), str(uuid4()))
    assert value(meters, "devsecops_scans_total", check=OTHER, result=OTHER) == 500
    assert value(meters, "devsecops_refused_total", reason=OTHER) == 500
    # One more counter, and one histogram.
    assert meters.scraped().count(b"\n") == before + 1 + len(table.STAGE_SECONDS.buckets) + 3
    meters.show(table.DATA_AGE, lambda: {("a",): 1.0, ("b",): 7.0, ("semgrep",): 2.0})
    assert value(meters, "devsecops_data_age_seconds", check=OTHER) == 7
    assert value(meters, "devsecops_data_age_seconds", check="semgrep") == 2


def test_what_never_happened_stands_at_zero() -> None:
    meters = worker()
    for word in table.REASON.words:
        assert value(meters, "devsecops_refused_total", reason=word) == 0
    for word in table.RUN.words:
        assert value(meters, "devsecops_scans_total", check="semgrep", result=word) == 0
    assert value(meters, "devsecops_given_back_total") == 0


def test_a_histogram_stands_at_zero_where_that_is_said() -> None:
    meters = judge()
    assert value(meters, "devsecops_decision_seconds_count", gate="merge", awaits="people") is None
    meters.zero(table.DECISION_SECONDS, "merge", "people")
    assert value(meters, "devsecops_decision_seconds_count", gate="merge", awaits="people") == 0
    with pytest.raises(ValueError, match="zip"):
        meters.zero(table.DECISION_SECONDS, "merge")
    with pytest.raises(KeyError):
        meters.zero(table.SCANS, "semgrep", "findings")


def test_all_series_of_a_program_are_few_whatever_happens() -> None:
    for meters, metrics in ((worker(), Program.WORKER), (judge(), Program.GATE)):
        for metric in (one for one in METRICS if metrics in one.programs):
            words = [label.words or ("semgrep", "merge") for label in metric.labels]
            for numbers in range(40):
                said = [each[numbers % len(each)] for each in words]
                if metric.kind is Kind.COUNTER:
                    meters.count(metric, *said)
                elif metric.kind is Kind.HISTOGRAM:
                    meters.observe(metric, 1.0, *said)
        assert meters.scraped().count(b"\n") < 1000


def test_a_gauge_shows_what_is_true_at_the_scrape() -> None:
    meters, now = worker(), [1.0]
    meters.show(table.BROKER_CONNECTED, lambda: {(): now[0]})
    assert value(meters, "devsecops_broker_connected") == 1
    now[0] = 0.0
    assert value(meters, "devsecops_broker_connected") == 0


def test_a_gauge_that_cannot_be_read_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    meters = worker()

    def away() -> Reading:
        raise UnavailableError("nobody knows")

    meters.show(table.BROKER_BLOCKED, away)
    meters.show(table.BROKER_CONNECTED, lambda: {(): 1.0})
    assert value(meters, "devsecops_broker_blocked") is None
    assert value(meters, "devsecops_broker_connected") == 1
    assert "devsecops_broker_blocked cannot be read: nobody knows" in caplog.text


def test_a_counter_says_when_it_last_rose() -> None:
    meters = worker()
    assert meters.last(table.GIVEN_BACK) is None
    began = time.monotonic()
    meters.count(table.GIVEN_BACK)
    at = meters.last(table.GIVEN_BACK)
    assert at is not None
    assert began <= at <= time.monotonic()


@pytest.mark.parametrize("by", [-1.0, math.nan, math.inf])
def test_counters_never_fall(by: float) -> None:
    meters = worker()
    meters.count(table.GIVEN_BACK)
    with pytest.raises(ValueError, match="by"):
        meters.count(table.GIVEN_BACK, by=by)
    assert value(meters, "devsecops_given_back_total") == 1


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    meters = worker()
    meters.observe(table.STAGE_SECONDS, -5, Stage.WAIT, "ok")
    assert value(meters, "devsecops_stage_seconds_sum", stage="wait", result="ok") == 0
    with pytest.raises(ValueError, match="nan"):
        meters.observe(table.STAGE_SECONDS, math.nan, Stage.WAIT, "ok")


def test_what_cannot_be_counted_is_logged_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Direct(worker())
    recorder.count(table.DECISIONS, "merge", "allow")  # the gate's
    recorder.count(table.SCANS, "semgrep")  # a word is missing
    recorder.observe(table.GIVEN_BACK, 1.0)
    assert len(caplog.records) == 3


def test_a_block_is_timed_also_when_it_fails() -> None:
    meters = worker()
    recorder: Recorder = Direct(meters)
    with timed(recorder, Stage.TREE):
        pass
    with pytest.raises(KeyError), timed(recorder, Stage.TREE):
        raise KeyError
    for result in ("ok", "failed"):
        assert value(meters, "devsecops_stage_seconds_count", stage="tree", result=result) == 1
    with timed(Nothing(), Stage.TREE):
        Nothing().count(table.GIVEN_BACK)


def test_clients_that_come_and_go_load_nothing_to_count_with() -> None:
    code = (
        "import sys, devsecops_eda.client, devsecops_eda.cli.ci, devsecops_eda.cli.emit,"
        "devsecops_eda.cli.wait; print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert done.stdout == b"False\n"
