"""Small policy files to change, and both ways to look at them."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy import Policy, PolicyText, load_policies, load_policy
from tests.judging import CHECKS

GROUPS = {
    "appsec": frozenset({"ada", "grace"}),
    "owners": frozenset({"linus", "ada"}),
    "oncall": frozenset({"margaret"}),
    "retired": frozenset[str](),
}

FRAME = """\
version: 1
name: strict
within: 30m
gates:
  merge: {asked_by: [commit.pushed]}
  release: {}
rules:
  - id: ran
    kind: scan
    gates: [merge, release]
    check: semgrep
  - id: clean
    kind: findings
    gates: [merge]
    check: semgrep
    at_most: {high: 0}
"""

PEOPLE = """\
version: 1
name: people
within: 30m
applies_to: {repositories: [acme/*], environments: [prod], branch: protected}
gates: {merge: {}, deploy: {asked_by: [deployment.requested]}}
waivers:
  granters: [appsec]
  max: {critical: 14d, high: 30d, otherwise: 90d}
  announce: [14d, 3d, 1d]
break_glass: {groups: [oncall], max: 8h, review_within: 3d}
rules:
  - {id: ran, kind: scan, gates: [merge], check: semgrep}
  - id: clean
    kind: findings
    gates: [merge]
    check: safety
    at_most: {high: 0}
    where: 'f.severity == "high"'
    fix_available: true
    leeway: {critical: 7d, high: 30d}
  - id: votes
    kind: approvals
    gates: [deploy]
    n: 2
    groups: [appsec, owners]
    at_least: {appsec: 1}
    exclude: [author, requester]
    unknown_author: deny
    deadline: 24h
    within: 10m
  - id: hours
    kind: window
    gates: [deploy]
    applies_to: {environments: [prod]}
    zone: Europe/Paris
    open:
      - {days: mon-fri, from: "09:00", until: "17:00"}
    freeze:
      - {dates: ["2026-12-20", "2027-01-03"], reason: End of the year}
  - id: merged
    kind: decision
    gates: [deploy]
    gate: merge
    of: built_from
    target: main
    within: 1h
    max_age: 30d
"""


def load(text: str, *, checks: frozenset[str] = CHECKS) -> Policy:
    return load_policy(text, file="p.yaml", checks=checks, groups=GROUPS)


def load_all(*texts: str) -> Policy:
    """The policy of several documents, in files `0.yaml`, `1.yaml` and so on."""
    files = tuple(PolicyText(f"{at}.yaml", text) for at, text in enumerate(texts))
    return load_policies(files, checks=CHECKS, groups=GROUPS)


def refused(text: str, *, checks: frozenset[str] = CHECKS) -> str:
    with pytest.raises(InvalidPolicyError) as caught:
        load(text, checks=checks)
    return str(caught.value)


def refused_all(*texts: str) -> str:
    with pytest.raises(InvalidPolicyError) as caught:
        load_all(*texts)
    return str(caught.value)


@cache
def schema() -> Draft202012Validator:
    text = (resources.files("devsecops_eda.policy") / "schema.json").read_text("utf-8")
    described = json.loads(text)
    Draft202012Validator.check_schema(described)
    return Draft202012Validator(described)


def as_read_elsewhere(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)
