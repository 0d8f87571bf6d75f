"""What a predicate sees of a finding, reduced to the values it reads, each combination once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from devsecops_eda.model import Finding, Package, branch_name
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.kinds.counting import has_fix
from devsecops_eda.policy.loading.expression_text import names_in
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


class Columns:
    """The values of all findings of one check, name by name, each worked out once."""

    def __init__(self, check: str, findings: tuple[Finding, ...], facts: Facts) -> None:
        """Take the findings of ``check`` in the order that matches align with."""
        self.findings = findings
        self._check = check
        self._facts = facts
        self._known: dict[str, list[Value]] = {}

    def table(self, where: str) -> Table:
        """Return what the predicate ``where`` reads of the findings.

        Raises:
            ExpressionError: it is none that the loader would take.
        """
        names = names_in(where)
        if not names:
            return Table((), ((),) if self.findings else (), (0,) * len(self.findings))
        of_finding = list(zip(*map(self._column, names), strict=True))
        rows = tuple(dict.fromkeys(of_finding))
        numbers = dict(zip(rows, range(len(rows)), strict=True))
        return Table(names, rows, tuple(map(numbers.__getitem__, of_finding)))

    def _column(self, name: str) -> list[Value]:
        if name not in self._known:
            if name in AROUND:
                same = AROUND[name](self._facts, self._check)
                self._known[name] = [same] * len(self.findings)
            else:
                self._known[name] = list(map(OF_FINDING[name], self.findings))
        return self._known[name]


def _text(text: str) -> str:
    # A file name may hold bytes that are no UTF-8, which CEL has no strings for.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_text, texts))
