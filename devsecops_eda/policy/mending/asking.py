"""The words of a step: what to do, and the command that asks for it or for a waiver instead."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from devsecops_eda.model import (
    Finding,
    Package,
    Step,
    StepKind,
    SubjectKind,
    WaiverScope,
    branch_name,
)
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import count, listed, plain
from devsecops_eda.policy.kinds.findings import hint
from devsecops_eda.policy.mending.repairing import Repair
from devsecops_eda.policy.mending.upgrading import smallest_upgrade
from devsecops_eda.policy.model import WaiverTerms
from devsecops_eda.policy.waiving import longest

MAX_OPTIONS_CHARS = 1024
"""So long the name of what a step is about may be; a longer one is not offered."""

_PROGRAM = "devsecops-eda"
_PYPI = "PyPI"


@dataclass(frozen=True, slots=True)
class _Wish:
    """A waiver that could be asked for: the options that name its scope, and its longest span."""

    options: str
    span: timedelta


@dataclass(frozen=True, slots=True)
class Asking:
    """Says what to do about what is judged; ``terms`` None: no waiver would hold."""

    terms: WaiverTerms | None
    facts: Facts

    def repair(self, repair: Repair, requirements: tuple[str, ...]) -> Step:
        """Return the step that mends the findings of ``repair``."""
        first, package = repair.findings[0], repair.findings[0].package
        wishes = self._wishes(repair.findings)
        instead = self._instead(wishes)
        if package is None:
            return Step(StepKind.FIX, requirements, f"{hint(first)}{instead}", first.fingerprint)
        if repair.kind is StepKind.UPGRADE:
            text, what = _upgrade(package, repair.findings)
            return Step(StepKind.UPGRADE, requirements, f"{text}{instead}", what)
        if repair.kind is StepKind.WAIVE:
            what = wishes[0].options
            return Step(StepKind.WAIVE, requirements, f"{hint(first)}{instead}", what)
        unfixed = next(one for one in repair.findings if not _is_fixed(one))
        return Step(StepKind.FIX, requirements, f"{hint(unfixed)}{instead}", _release(package))

    def may_waive(self, findings: Sequence[Finding]) -> bool:
        """Return whether one waiver that the terms allow would cover all ``findings``."""
        return len(self._wishes(findings)) == 1

    def rescan(
        self,
        check: str,
        requirements: tuple[str, ...],
        solutions: Iterable[str],
        waivable: Iterable[str],
    ) -> Step:
        """Return the step that gets an answer of ``check``.

        ``waivable`` are those requirements that a waiver can stand in for it at.
        """
        subject, text = self.facts.subject, listed(list(solutions))
        if subject.kind is SubjectKind.COMMIT:
            words = ["rescan", "--repo", subject.repo or "", "--sha", subject.revision]
            if self.facts.target:
                words += ["--target", branch_name(self.facts.target)]
            text = f"{text}: {_PROGRAM} {_words(*words, '--check', check)}"
        scopes = (WaiverScope(requirement=name, subject=subject) for name in waivable)
        wishes = [wish for scope in scopes if (wish := self._wish(scope, ())) is not None]
        return Step(StepKind.RESCAN, requirements, f"{text}{self._instead(wishes)}", check)

    def _wishes(self, findings: Sequence[Finding]) -> list[_Wish]:
        """Return the waivers that together cover ``findings``; none if one would never hold."""
        about: dict[WaiverScope, list[Finding]] = {}
        for finding in findings:
            about.setdefault(_scope(finding), []).append(finding)
        wishes = [self._wish(scope, mine) for scope, mine in about.items()]
        return [] if None in wishes else [wish for wish in wishes if wish is not None]

    def _wish(self, scope: WaiverScope, findings: Sequence[Finding]) -> _Wish | None:
        terms = self.terms
        if terms is None or not terms.granters:
            return None
        spans = [longest(scope, terms, one.severity) for one in findings]
        span = min(spans, default=longest(scope, terms, None))
        options = _options(scope)
        return _Wish(options, span) if span and 0 < len(options) <= MAX_OPTIONS_CHARS else None

    def _instead(self, wishes: Sequence[_Wish]) -> str:
        """Return how to ask for a waiver instead, where one is allowed."""
        if not wishes:
            return ""
        first, more = wishes[0], len(wishes) - 1
        words = ("waiver", "request", "--repo", self.facts.subject.repo or "")
        command = f"{_PROGRAM} {_words(*words)} {first.options}"
        rest = f"--reason … --justification … --expires {show_duration(first.span)}"
        others = f" (and {count(more, 'more waiver')})" if more else ""
        return f"; or ask for a waiver: {command} {rest}{others}"


def _upgrade(package: Package, findings: Sequence[Finding]) -> tuple[str, str]:
    """Return what to upgrade to, in words and for a program."""
    fixes = [one.package.fixed_versions for one in findings if one.package is not None]
    version = smallest_upgrade(package.version, fixes) if package.ecosystem == _PYPI else None
    if version is None:
        return listed(list(dict.fromkeys(map(hint, findings)))), _release(package)
    name = f"{plain(package.name)} {plain(package.version)}"
    mends = f", which mends {count(len(findings), 'finding')}" if len(findings) > 1 else ""
    return f"upgrade {name} to {plain(version)}{mends}", f"{plain(package.name)}=={plain(version)}"


def _is_fixed(finding: Finding) -> bool:
    return finding.package is not None and bool(finding.package.fixed_versions)


def _release(package: Package) -> str:
    return f"{plain(package.name)}=={plain(package.version)}"


def _scope(finding: Finding) -> WaiverScope:
    package = finding.package
    if package is None or not package.advisory:
        return WaiverScope(fingerprint=finding.fingerprint)
    return WaiverScope(advisory=package.advisory, package=package.name)


def _options(scope: WaiverScope) -> str:
    """Return the options of a command that name ``scope``, empty where none can."""
    if scope.fingerprint:
        return _words("--finding", scope.fingerprint)
    if scope.advisory:
        return _words("--advisory", scope.advisory, "--package", scope.package)
    assert scope.subject is not None
    subject = scope.subject
    match subject.kind:
        case SubjectKind.COMMIT:
            return _words("--requirement", scope.requirement, "--sha", subject.revision)
        case SubjectKind.ARTIFACT:
            return _words("--requirement", scope.requirement, "--artifact", subject.revision)
        case SubjectKind.TREE:
            return ""


def _words(*words: str) -> str:
    return shlex.join(plain(word) for word in words)
