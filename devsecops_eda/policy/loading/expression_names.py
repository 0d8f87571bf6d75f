"""What a predicate may name: the fields of one finding, and what it was found in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from devsecops_eda.model import Confidence, Severity, SubjectKind


class Kind(StrEnum):
    """What a name holds, in CEL's own words."""

    TEXT = "string"
    NUMBER = "int"
    TRUTH = "bool"
    TEXTS = "list(string)"


NAMES: Mapping[str, Kind] = MappingProxyType(
    {
        "f.rule": Kind.TEXT,
        "f.path": Kind.TEXT,
        "f.line": Kind.NUMBER,
        "f.severity": Kind.TEXT,
        "f.severity_rank": Kind.NUMBER,
        "f.confidence": Kind.TEXT,
        "f.cwe": Kind.TEXTS,
        "f.title": Kind.TEXT,
        "f.message": Kind.TEXT,
        "f.check": Kind.TEXT,
        "f.fix_available": Kind.TRUTH,
        "f.has_package": Kind.TRUTH,
        "f.package.name": Kind.TEXT,
        "f.package.version": Kind.TEXT,
        "f.package.ecosystem": Kind.TEXT,
        "f.package.advisory": Kind.TEXT,
        "f.package.aliases": Kind.TEXTS,
        "f.package.fixed_versions": Kind.TEXTS,
        "subject.kind": Kind.TEXT,
        "subject.repo": Kind.TEXT,
        "subject.revision": Kind.TEXT,
        "target": Kind.TEXT,
        "environment": Kind.TEXT,
        "protected": Kind.TRUTH,
    }
)
"""Every name is always there. What is absent (no package, no environment) is empty, 0 or false.

``f.severity_rank`` is 1 for info to 6 for unknown, which ranks highest. ``target`` is the short
name of the branch.
"""

VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "f.severity": tuple(one.word for one in Severity),
        "f.confidence": tuple(one.value for one in Confidence),
        "subject.kind": tuple(one.value for one in SubjectKind),
    }
)
"""All that these names ever hold. Compared with another word they would count no finding at all."""

FUNCTIONS = (
    *("startsWith", "endsWith", "contains", "matches", "size"),
    *("int", "double", "string", "bool"),
)
"""The functions of CEL's standard set that these kinds have a use for."""

MACROS = ("all", "exists", "exists_one", "filter", "map")
"""The macros that go through a list."""
