"""The policy file: what is taken, and what it means."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from devsecops_eda.model import EventType, Severity
from devsecops_eda.policy import FindingsRule, default_policy_text
from devsecops_eda.policy.durations import parse_duration, show_duration
from tests.judging import CHECKS
from tests.policy_files import FRAME, as_read_elsewhere, load, schema
from tests.rig.pages import blocks

DOCS = Path(__file__).parents[2] / "docs" / "policy.md"

ACCEPTED = {
    "frame": FRAME,
    "default": default_policy_text(),
    "json": json.dumps(as_read_elsewhere(FRAME)),
    "byte order mark": "\ufeff" + FRAME,
    "line ends of Windows": FRAME.replace("\n", "\r\n"),
    "quotes": FRAME.replace("name: strict", 'name: "on"').replace("30m", "'30m'"),
    "within per rule": re.sub(r"(check: semgrep)", r"\1\n    within: 1d2h3m4s", FRAME).replace(
        "within: 30m\n", ""
    ),
    "everything": FRAME
    + """\
    new_only: true
    mode: warn
    message: Nothing new
    solution: |
      Ask Ada,
      she knows.
    from: "2026-12-01T00:00:00Z"
    until: "2027-01-01T00:00:00+01:00"
    within: 15m
    max_age: 7d
    if_nothing: deny
  - {id: seen, kind: coverage, gates: [merge], check: safety, of: all_files, mode: observe}
  - {id: seen.too, kind: coverage, gates: [merge], check: safety, of: changed_files}
""",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_taken_follows_the_schema(text: str) -> None:
    load(text)
    assert list(schema().iter_errors(as_read_elsewhere(text))) == []


def test_a_policy_says_what_its_file_says() -> None:
    loaded = load(FRAME)
    assert loaded.gate_names == ("merge", "release")
    assert loaded.asked_by(EventType.COMMIT_PUSHED) == ("merge",)
    assert loaded.asked_by(EventType.SCAN_REQUESTED) == ()
    assert [rule.id for rule in loaded.rules_of("release")] == ["ran"]
    clean = loaded.rules[1]
    assert isinstance(clean, FindingsRule)
    assert clean.at_most == ((Severity.HIGH, 0),)


SAME = [
    ("version", "# about\nversion"),
    ("30m", "1800s"),
    ("[merge, release]", "[release, merge]"),
    ("name: strict", "name: 'strict'"),
    (
        "  merge: {asked_by: [commit.pushed]}\n  release: {}",
        "  release: {}\n  merge:\n    asked_by: [commit.pushed]",
    ),
    ("high: 0", "high:     0"),
    ("at_most: {high: 0}", "at_most: {high: 0}\n    mode: enforce"),
]
OTHER = [
    ("30m", "31m"),
    ("strict", "stricter"),
    ("id: ran", "id: run"),
    ("[merge, release]", "[release]"),
    ("high: 0", "high: 1"),
    ("high: 0", "medium: 0"),
    ("{asked_by: [commit.pushed]}", "{}"),
    ("{high: 0}", "{high: 0}\n    new_only: true"),
    ("{high: 0}", "{high: 0}\n    mode: warn"),
    ("{high: 0}", "{high: 0}\n    message: None"),
    ("{high: 0}", "{high: 0}\n    if_nothing: allow"),
    ("{high: 0}", "{high: 0}\n    max_age: 1d"),
    ("{high: 0}", '{high: 0}\n    until: "2027-01-01T00:00:00Z"'),
    ("check: semgrep", "check: safety"),
]


def test_the_digest_is_that_of_the_meaning() -> None:
    first = load(FRAME).digest
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", first)
    assert {load(FRAME.replace(old, new)).digest for old, new in SAME} == {first}
    others = [load(FRAME.replace(old, new, 1)).digest for old, new in OTHER]
    assert len({first, *others}) == len(OTHER) + 1


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("90s", 90, "1m30s"),
        ("24h", 86400, "1d"),
        ("1h30m", 5400, "1h30m"),
        ("1d2h3m4s", 93784, "1d2h3m4s"),
    ],
)
def test_a_span_means_what_it_says(text: str, seconds: int, shown: str) -> None:
    span = parse_duration(text)
    assert (span.total_seconds(), show_duration(span)) == (seconds, shown)


def test_the_built_in_policy_asks_for_a_decision_at_every_push() -> None:
    built_in = load(default_policy_text())
    assert built_in.asked_by(EventType.COMMIT_PUSHED) == ("merge",)
    assert built_in.checks == CHECKS


def test_the_policies_of_the_documentation_are_policies() -> None:
    found = [block.text for block in blocks("docs/policy.md", "yaml")]
    assert found
    for text in found:
        load(text)
        assert list(schema().iter_errors(as_read_elsewhere(text))) == []


def test_the_documentation_names_every_key_and_word() -> None:
    text = DOCS.read_text("utf-8")

    def words(node: object) -> set[str]:
        if isinstance(node, list):
            return {word for one in node for word in words(one)}
        if not isinstance(node, dict):
            return set()
        own = {word for word in node.get("enum", []) if isinstance(word, str)}
        keys = set(node["properties"]) if isinstance(node.get("properties"), dict) else set()
        return own | keys | {word for one in node.values() for word in words(one)}

    described = words(schema().schema)
    assert {"at_most", "new_only", "changed_files", "observe", "unknown"} <= described
    assert [word for word in sorted(described) if not re.search(rf"\b{word}\b", text)] == []
