"""The terminal event of one check on one event: facts, never a verdict."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devsecops_eda.errors import FailureReason
from devsecops_eda.model.finding import Coverage, Finding, Severity
from devsecops_eda.model.subject import Subject


class OutcomeStatus(StrEnum):
    """Whether a check has facts to tell, or no verdict."""

    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that looked, as it named itself."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class DataVersion:
    """The vulnerability data a check used: its digest and the time it speaks for."""

    digest: str
    date: datetime


@dataclass(frozen=True, slots=True)
class Signature:
    """A name and address out of git: free text, proof of nothing by itself."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One path that differs from the merge base. ``status`` is git's letter (A, M, D, R, T)."""

    path: str
    status: str
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What git says about a commit; the outcome of the built-in check ``commit``.

    ``target_history`` is the newest first-parent commits of the target branch, newest first:
    what *git* shows on that branch.
    """

    author: Signature
    committers: tuple[Signature, ...]
    parents: tuple[str, ...]
    tree_digest: str
    changed_files: tuple[ChangedFile, ...]
    target: str | None = None
    merge_base: str | None = None
    target_history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no verdict, for a machine and for a person."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check on one event.

    ``cause`` and ``cause_time`` are id and time of that event. A completed outcome whose check
    found nothing to look at has ``applicable`` false. ``findings`` is complete unless the event
    that carried it has a ``dataref``: then the whole outcome lies in the evidence store.
    """

    check: str
    subject: Subject
    status: OutcomeStatus
    cause: str
    cause_time: datetime
    tool: Tool
    coverage: Coverage
    findings: tuple[Finding, ...] = ()
    rules_digest: str | None = None
    data: DataVersion | None = None
    commit: CommitFacts | None = None
    applicable: bool = True
    failure: Failure | None = None
    attempts: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.status is OutcomeStatus.FAILED) != (self.failure is not None):
            raise ValueError("an outcome has a failure exactly when its status is failed")

    @property
    def worst(self) -> Severity | None:
        """Return the highest severity among the findings, None when there are none."""
        return max((finding.severity for finding in self.findings), default=None)

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each severity, by its word, none left out."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity.word: found[severity] for severity in reversed(Severity)}

    def meaning_digest(self) -> str:
        """Return ``sha256:<hex>`` of what this outcome says, whoever says it and whenever.

        Status, tool, rules, data, coverage and sorted fingerprints are in it; times, hosts,
        attempts and order are not.
        """
        commit = self.commit
        meaning = [
            self.check,
            str(self.subject),
            self.status.value,
            [self.tool.name, self.tool.version],
            self.rules_digest,
            self.data.digest if self.data else None,
            self.applicable,
            [self.coverage.eligible, self.coverage.scanned],
            sorted([gap.path, gap.reason] for gap in self.coverage.gaps),
            sorted([f.fingerprint, f.severity.word] for f in self.findings),
            self.failure.reason.value if self.failure else None,
            [commit.tree_digest, commit.target, commit.merge_base] if commit else None,
        ]
        text = json.dumps(meaning, separators=(",", ":"), ensure_ascii=True)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
