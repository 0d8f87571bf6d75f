"""What a predicate sees of a finding, reduced to the values it reads, each combination once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from devsecops_eda.model import Finding, Package, branch_name
from devsecops_eda.policy.counting import has_fix
from devsecops_eda.policy.expression_text import names_in
from devsecops_eda.policy.facts import Facts, PredicateWanted
from devsecops_eda.predicates.child import Value

_NONE = Package("", "", "")

OF_FINDING: Mapping[str, Callable[[Finding], Value]] = MappingProxyType(
    {
        "f.rule": lambda f: _text(f.rule),
        "f.path": lambda f: _text(f.path),
        "f.line": lambda f: f.line,
        "f.severity": lambda f: f.severity.word,
        "f.severity_rank": lambda f: int(f.severity),
        "f.confidence": lambda f: f.confidence.value,
        "f.cwe": lambda f: _texts(f.cwe),
        "f.title": lambda f: _text(f.title),
        "f.message": lambda f: _text(f.message),
        "f.fix_available": has_fix,
        "f.has_package": lambda f: f.package is not None,
        "f.package.name": lambda f: _text((f.package or _NONE).name),
        "f.package.version": lambda f: _text((f.package or _NONE).version),
        "f.package.ecosystem": lambda f: _text((f.package or _NONE).ecosystem),
        "f.package.advisory": lambda f: _text((f.package or _NONE).advisory),
        "f.package.aliases": lambda f: _texts((f.package or _NONE).aliases),
        "f.package.fixed_versions": lambda f: _texts((f.package or _NONE).fixed_versions),
    }
)
"""What differs from finding to finding."""

AROUND: Mapping[str, Callable[[Facts, str], Value]] = MappingProxyType(
    {
        "f.check": lambda facts, check: _text(check),
        "subject.kind": lambda facts, check: facts.subject.kind.value,
        "subject.repo": lambda facts, check: _text(facts.subject.repo or ""),
        "subject.revision": lambda facts, check: facts.subject.revision,
        "target": lambda facts, check: _text(branch_name(facts.target or "")),
        "environment": lambda facts, check: _text(facts.environment or ""),
        "protected": lambda facts, check: facts.protected,
    }
)
"""What is the same for all findings of a check."""


@dataclass(frozen=True, slots=True)
class Table:
    """The different ``rows`` of values of ``names``; ``row_of`` has the row of each finding."""

    names: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    row_of: tuple[int, ...]


def table_of(wanted: PredicateWanted, findings: Sequence[Finding], facts: Facts) -> Table:
    """Return what the predicate reads of ``findings``.

    Raises:
        ExpressionError: it is none that the loader would take.
    """
    names = names_in(wanted.where)
    same = {name: AROUND[name](facts, wanted.check) for name in names if name in AROUND}
    columns = [
        [same[name]] * len(findings) if name in same else list(map(OF_FINDING[name], findings))
        for name in names
    ]
    of_finding = list(zip(*columns, strict=True)) if names else [()] * len(findings)
    numbers: dict[tuple[Value, ...], int] = {}
    row_of = tuple(numbers.setdefault(row, len(numbers)) for row in of_finding)
    return Table(names, tuple(numbers), row_of)


def _text(text: str) -> str:
    # A file name may hold bytes that are no UTF-8, which CEL has no strings for.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_text, texts))
