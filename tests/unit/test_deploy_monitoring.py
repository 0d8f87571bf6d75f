"""Rules and dashboard name what is measured: metrics, labels and words that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from ruamel.yaml import YAML

from devsecops_eda.metrics import METRICS, Kind
from devsecops_eda.metrics.table import QUEUE, Metric

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "devsecops.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
# What Prometheus writes on everything that it scrapes.
OF_THE_TARGET = {"job", "instance"}


def loaded(path: Path) -> Any:
    return YAML(typ="safe").load(path)


RULES: list[dict[str, Any]] = [
    rule
    for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in loaded(file)["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def listed(name: str) -> set[str]:
    lines = (ROOT / "tests" / "data" / "metrics" / f"{name}.txt").read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


# A rule that names what only one of the versions has is silent on the other.
OF_OTHERS = listed("rabbitmq-3.10") & listed("rabbitmq-4") | listed("node-exporter")
OF_OTHERS |= listed("prometheus") | RECORDED


def series() -> Iterator[tuple[str, Metric]]:
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            yield from ((metric.name + tail, metric) for tail in ("_bucket", "_sum", "_count"))
        else:
            yield metric.name, metric


OURS = dict(series())


def expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for number, block in enumerate(re.findall(r"\n\n((?:    .*\n)+)", METRICS_PAGE)):
        if "devsecops-eda" not in block:
            yield f"docs/metrics.md {number}", block


EXPRESSIONS = dict(expressions())


@dataclass(frozen=True, slots=True)
class Selected:
    name: str
    matchers: tuple[tuple[str, str, str], ...]


def parsed(text: str) -> Any:
    return promql_parser.parse(text.replace("$__rate_interval", "5m"))


def inner(node: Any) -> Iterator[Any]:
    for name in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
        value = getattr(node, name, None)
        yield from value if isinstance(value, list) else [value] if value is not None else []


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for one in inner(node):
        yield from nodes(one)


def selected(text: str) -> list[Selected]:
    found = [one for one in nodes(parsed(text)) if isinstance(one, promql_parser.VectorSelector)]
    return [
        Selected(
            str(one.name),
            tuple((m.name, str(m.op).split(".")[-1], m.value) for m in one.matchers.matchers),
        )
        for one in found
    ]


@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_expression_names_series_that_there_are(text: str) -> None:
    names = {one.name for one in selected(text)}
    assert names
    assert {name for name in names if name not in OURS and name not in OF_OTHERS} == set()


def words_of(metric: Metric, label: str) -> set[str] | None:
    """What a label can say; None where the configuration closes the set."""
    if label == "le":
        return {str(float(bucket)) for bucket in metric.buckets} | {"+Inf"}
    (found,) = (one for one in (QUEUE, *metric.labels) if one.name == label)
    return {*map(str, found.words), "other"} if found.words else None


@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_selector_asks_for_labels_and_words_that_there_are(text: str) -> None:
    for one in selected(text):
        metric = OURS.get(one.name)
        if metric is None:
            continue
        for label, op, value in one.matchers:
            assert label in {QUEUE.name, *metric.label_names, "le"} | OF_THE_TARGET
            known = None if label in OF_THE_TARGET else words_of(metric, label)
            said = set(value.split("|")) if op in ("Re", "NotRe") else {value}
            assert known is None or said <= known, f"{one.name}: {label}"


def carried(node: Any) -> set[str]:
    """The labels that the series below carry."""
    labels = {"queue", "vhost", "le", *OF_THE_TARGET, "alertname", "alertstate", "severity"}
    for one in nodes(node):
        if isinstance(one, promql_parser.VectorSelector) and one.name in OURS:
            labels |= set(OURS[str(one.name)].label_names)
    return labels


@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_sum_is_by_labels_that_its_series_carry(text: str) -> None:
    for one in nodes(parsed(text)):
        if isinstance(one, promql_parser.AggregateExpr) and one.modifier is not None:
            assert set(one.modifier.labels) <= carried(one.expr)


def test_a_name_that_nobody_measures_is_found() -> None:
    assert selected('rate(devsecops_no_such_total{result="ok"}[5m]) > 0') == [
        Selected("devsecops_no_such_total", (("result", "Equal", "ok"),))
    ]
    assert "devsecops_no_such_total" not in OURS
    assert "rabbitmq_no_such" not in OF_OTHERS


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_every_alert_says_how_urgent_it_is_and_leads_to_its_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbooks.md"
    headings = re.findall(r"^## (.+)$", RUNBOOKS, re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert alert["alert"] in RUNBOOKS


def test_every_runbook_is_of_an_alert() -> None:
    anchors = {alert["annotations"]["runbook_url"].partition("#")[2] for alert in ALERTS.values()}
    headings = re.findall(r"^## (.+)$", RUNBOOKS, re.MULTILINE)
    assert {heading.lower() for heading in headings} == anchors


def test_the_page_lists_every_alert_with_its_urgency() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| (page|ticket) \|", page, re.MULTILINE))
    assert rows == {name: alert["labels"]["severity"] for name, alert in ALERTS.items()}


def test_every_alert_is_shown_to_fire_and_all_are_shown_to_be_silent() -> None:
    """What promtool runs; that it succeeds is an integration test."""
    healthy, *others = loaded(PROMETHEUS / "tests" / "alerts_test.yml")["tests"]
    silent = [one for one in healthy["promql_expr_test"] if one["expr"].startswith("ALERTS")]
    assert len(silent) > 2
    assert all(one["exp_samples"] == [] for one in silent)
    fired = {
        shown["alertname"]
        for test in others
        for shown in test["alert_rule_test"]
        if shown["exp_alerts"]
    }
    assert fired == set(ALERTS)
    read = {one.name for alert in ALERTS.values() for one in selected(alert["expr"])} - RECORDED
    read |= {one.name for rule in RULES if "record" in rule for one in selected(rule["expr"])}
    written = {re.split(r"[{ ]", row["series"])[0] for row in healthy["input_series"]}
    assert read <= written


# https://www.rabbitmq.com/docs/prometheus#detailed-endpoint
FAMILIES = {
    "queue_coarse_metrics": {"messages_ready", "messages_unacked", "messages"},
    "queue_consumer_count": {"consumers"},
}


def test_prometheus_asks_rabbitmq_for_the_families_that_are_read() -> None:
    jobs = {job["job_name"]: job for job in loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    asked = jobs["rabbitmq-queues"]["params"]["family"]
    shown = {f"rabbitmq_detailed_queue_{name}" for family in asked for name in FAMILIES[family]}
    used = {one.name for text in EXPRESSIONS.values() for one in selected(text)}
    assert {name for name in used if name.startswith("rabbitmq_detailed_")} <= shown
    jobs_named = set(re.findall(r"devsecops-(?:gate|worker)", json.dumps(RULES)))
    assert jobs_named <= set(jobs)


def test_every_job_finds_its_targets_in_a_file_of_its_own() -> None:
    config = loaded(PROMETHEUS / "prometheus.yml")
    found = config["scrape_configs"] + config["alerting"]["alertmanagers"]
    named = {file for job in found for sd in job["file_sd_configs"] for file in sd["files"]}
    there = {f"targets/{path.name}" for path in (PROMETHEUS / "targets").iterdir()}
    assert named == there


def test_the_panels_are_told_apart_and_lie_beside_each_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS) < 20
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    places: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & places
        places |= cells


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_every_panel_says_what_it_shows_in_which_unit_and_from_where(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"]
    for one in (panel, *panel["targets"]):
        assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    for target in panel["targets"]:
        named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        groups = [
            set(one.modifier.labels)
            for one in nodes(parsed(target["expr"]))
            if isinstance(one, promql_parser.AggregateExpr) and one.modifier is not None
        ]
        assert all(named <= group for group in groups)


def test_grafana_is_given_the_data_source_and_the_folder_that_are_there() -> None:
    provisioning = GRAFANA / "provisioning"
    (source,) = loaded(provisioning / "datasources" / "prometheus.yml")["datasources"]
    assert DASHBOARD["templating"]["list"][0]["current"]["value"] == source["uid"]
    every = loaded(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == every
    (provider,) = loaded(provisioning / "dashboards" / "devsecops.yml")["providers"]
    compose = loaded(ROOT / "deploy" / "compose.yaml")
    volumes = compose["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in volumes
