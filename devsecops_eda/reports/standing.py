"""How each finding of a result stands: does it block, is it new, is it waived?"""

from __future__ import annotations

from dataclasses import dataclass

from devsecops_eda.model import CommitFacts, Finding, Outcome, WaiverListed
from devsecops_eda.policy.baseline import new_among
from devsecops_eda.policy.waiving import covers
from devsecops_eda.reports.result import Context, Result


@dataclass(frozen=True, slots=True)
class Standing:
    """One finding of one check as the decision sees it.

    ``new`` is None where nothing was compared. ``in_diff`` says that the commit changed its file.
    """

    check: str
    finding: Finding
    blocks: bool = False
    new: bool | None = None
    in_diff: bool = False
    waiver: WaiverListed | None = None


def standings(result: Result) -> tuple[Standing, ...]:
    """Return every finding of ``result``, by check, path, line, rule and fingerprint."""
    commit = next((one.commit for one in result.outcomes if one.commit is not None), None)
    blocking = frozenset(
        finding.fingerprint
        for requirement in result.decision.requirements
        for finding in requirement.blocking
    )
    changed = frozenset(file.path for file in commit.changed_files) if commit else frozenset()
    return tuple(
        Standing(
            outcome.check,
            finding,
            blocks=finding.fingerprint in blocking,
            new=news,
            in_diff=finding.path in changed,
            waiver=_waiver(finding, result.context),
        )
        for outcome in sorted(result.outcomes, key=lambda one: one.check)
        for finding, news in _compared(outcome, result.context, commit)
    )


def by_weight(found: tuple[Standing, ...]) -> tuple[Standing, ...]:
    """Return findings as a reader wants them: new ones in the diff first, then the severe ones."""
    return tuple(
        sorted(found, key=lambda one: (not (one.new and one.in_diff), -one.finding.severity))
    )


def _compared(
    outcome: Outcome, context: Context, commit: CommitFacts | None
) -> list[tuple[Finding, bool | None]]:
    findings = sorted(
        outcome.findings, key=lambda one: (one.path, one.line, one.rule, one.fingerprint)
    )
    base = context.bases.get(outcome.check)
    if base is None:
        return [(finding, None) for finding in findings]
    # Equal findings are told apart by number only: so many of them are new.
    new = list(new_among(findings, base, commit))
    compared: list[tuple[Finding, bool | None]] = []
    for finding in findings:
        is_new = finding in new
        if is_new:
            new.remove(finding)
        compared.append((finding, is_new))
    return compared


def _waiver(finding: Finding, context: Context) -> WaiverListed | None:
    return next((one for one in context.waivers if covers(one.request.scope, finding)), None)
