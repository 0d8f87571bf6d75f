"""The rules of the live tests are those that ship, faster, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.rig.prometheus import FAST, SECONDS, milliseconds, scaled, shipped_rules

RULES: dict[str, dict[str, Any]] = {
    rule.get("alert") or rule["record"]: rule
    for _, content in shipped_rules()
    for group in content["groups"]
    for rule in group["rules"]
}


@pytest.mark.parametrize(
    ("text", "expected"), [("1ms", 1), ("5s", 5_000), ("1h30m", 5_400_000), ("1d", 86_400_000)]
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5mm", "$__rate_interval"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        assert milliseconds(text)


@pytest.mark.parametrize("name", RULES)
def test_every_wait_and_every_window_is_shorter_by_the_factor(name: str) -> None:
    rule, faster = RULES[name], scaled(RULES[name], FAST.factor)
    for one, other in zip(windows(rule["expr"]), windows(faster["expr"]), strict=True):
        assert one == other * FAST.factor
    assert ("for" in rule) == ("for" in faster)
    if "for" in rule:
        assert milliseconds(rule["for"]) == milliseconds(faster["for"]) * FAST.factor


def windows(expr: str) -> list[int]:
    return [milliseconds(window) for window in re.findall(r"\[(\w+)\]", expr)]


@pytest.mark.parametrize("name", RULES)
def test_nothing_else_of_a_rule_is_changed(name: str) -> None:
    rule, faster = RULES[name], scaled(RULES[name], FAST.factor)
    other = {"expr", "for"}
    assert {key: rule[key] for key in rule.keys() - other} == {
        key: faster[key] for key in faster.keys() - other
    }
    there, here = rule["expr"], faster["expr"]
    if seconds := SECONDS.get(name):
        there = there.replace(f"> {seconds}", "> …")
        here = here.replace(f"> {seconds / FAST.factor:g}", "> …")
    assert re.sub(r"\[\w+\]", "[…]", there) == re.sub(r"\[\w+\]", "[…]", here)


def test_as_fast_as_shipped_means_the_same() -> None:
    for rule in RULES.values():
        same = scaled(rule, 1)
        assert windows(same["expr"]) == windows(rule["expr"])
        assert milliseconds(same.get("for", "0s")) == milliseconds(rule.get("for", "0s"))


def test_every_threshold_that_is_a_span_of_time_is_scaled() -> None:
    """By its size: what is compared with more than half a minute is a wait."""
    waits = {
        name: int(found[1])
        for name, rule in RULES.items()
        if (found := re.search(r"_seconds\b.*> (\d+)\Z", rule["expr"])) and int(found[1]) > 30
    }
    assert waits == SECONDS


def test_another_threshold_than_is_known_is_found() -> None:
    changed = {**RULES["AnswersOwed"], "expr": "max(devsecops_oldest_owed_seconds) > 90"}
    with pytest.raises(AssertionError, match="AnswersOwed"):
        scaled(changed, 60)


def test_what_does_not_divide_is_found() -> None:
    with pytest.raises(AssertionError, match="1s / 7"):
        scaled({"alert": "X", "expr": "up == 0", "for": "1s"}, 7)
