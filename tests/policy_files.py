"""A small policy file to change, and both ways to look at it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy import Policy, load_policy
from tests.judging import CHECKS

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


def load(text: str, *, checks: frozenset[str] = CHECKS) -> Policy:
    return load_policy(text, file="p.yaml", checks=checks)


def refused(text: str, *, checks: frozenset[str] = CHECKS) -> str:
    with pytest.raises(InvalidPolicyError) as caught:
        load(text, checks=checks)
    return str(caught.value)


def schema() -> Draft202012Validator:
    text = (resources.files("devsecops_eda.policy") / "schema.json").read_text("utf-8")
    described = json.loads(text)
    Draft202012Validator.check_schema(described)
    return Draft202012Validator(described)


def as_read_elsewhere(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)
