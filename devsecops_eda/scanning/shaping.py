"""From what a scanner said to an outcome: paths mapped back, coverage counted, fingerprints."""

from __future__ import annotations

import os
from collections.abc import Iterable

from devsecops_eda.checks import Check, Inputs, Plan, Report, Scanner, Selection
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.fingerprint import fingerprinted
from devsecops_eda.model import (
    CommitFacts,
    Coverage,
    Failure,
    Finding,
    Gap,
    Outcome,
    OutcomeStatus,
    Tool,
)
from devsecops_eda.scanning.assignment import Assignment
from devsecops_eda.workspace import ScanTree


def completed(
    task: Assignment,
    *,
    tool: Tool,
    coverage: Coverage,
    findings: tuple[Finding, ...] = (),
    inputs: Inputs | None = None,
    commit: CommitFacts | None = None,
    applicable: bool = True,
) -> Outcome:
    """Return an outcome with facts."""
    return Outcome(
        check=task.check,
        subject=task.subject,
        status=OutcomeStatus.COMPLETED,
        cause=task.cause.id,
        cause_time=task.cause.time,
        tool=tool,
        coverage=coverage,
        findings=findings,
        rules_digest=inputs.rules_digest if inputs else None,
        data=inputs.data if inputs else None,
        commit=commit,
        applicable=applicable,
    )


def failed(task: Assignment, reason: FailureReason, detail: str, *, tool: str) -> Outcome:
    """Return an outcome without a verdict."""
    return Outcome(
        check=task.check,
        subject=task.subject,
        status=OutcomeStatus.FAILED,
        cause=task.cause.id,
        cause_time=task.cause.time,
        tool=Tool(tool, ""),
        coverage=Coverage(0, 0),
        failure=Failure(reason, detail[:1000]),
        attempts=task.attempts,
    )


def told(
    check: Scanner,
    task: Assignment,
    tree: ScanTree,
    selection: Selection,
    inputs: Inputs,
    plan: Plan,
    report: Report,
) -> Outcome:
    """Return the outcome for what a scanner reported.

    Raises:
        CheckError: it names a file that is not in the tree (``bad_output``), or says it looked
            at none of the eligible ones (``nothing_scanned``).
    """
    back = {name: path for path, name in plan.names.items()}
    root = str(plan.tree)

    def to_path(named: str) -> str:
        name = os.path.relpath(named, root) if named.startswith("/") else os.path.normpath(named)
        if name not in back:
            raise CheckError(
                FailureReason.BAD_OUTPUT,
                f"{check.tool} names a file that it was not given: {named[:200]!r}",
            )
        return back[name]

    gaps = tuple(Gap(to_path(gap.path), gap.reason) for gap in report.gaps)
    scanned = (
        frozenset(selection.eligible)
        if report.scanned is None
        else frozenset(to_path(named) for named in report.scanned)
    )
    coverage = coverage_of(selection, scanned, gaps, tree)
    if coverage.scanned == 0:
        raise CheckError(
            FailureReason.NOTHING_SCANNED,
            f"{check.tool} looked at none of {coverage.eligible} files",
        )
    findings = fingerprinted(
        report.findings, source=lambda path: _read(tree, path), to_path=to_path
    )
    return completed(
        task,
        tool=Tool(check.tool, report.version),
        coverage=coverage,
        findings=findings,
        inputs=inputs,
    )


def coverage_of(
    selection: Selection, scanned: frozenset[str], told_gaps: Iterable[Gap], tree: ScanTree
) -> Coverage:
    """Return eligible against scanned: our list against the scanner's own account."""
    gaps = [*selection.gaps, *told_gaps]
    named = {gap.path for gap in gaps}
    wanted = set(selection.eligible)
    gaps += [Gap(path, "not_scanned") for path in sorted(wanted - scanned - named)]
    return Coverage(
        eligible=len(wanted | named),
        scanned=len(wanted & scanned),
        gaps=tuple(sorted(set(gaps), key=lambda gap: (gap.path, gap.reason))),
        left_out=len(tree.left_out),
    )


def tool_name(check: Check) -> str:
    """Return the program a check runs."""
    return check.tool if isinstance(check, Scanner) else "git"


def _read(tree: ScanTree, path: str) -> bytes | None:
    return tree.read(path) if path in tree.names else None
