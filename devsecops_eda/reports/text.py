"""A scan for people: what was found where, what could not be looked at, the decision."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devsecops_eda.model import Finding, Outcome, OutcomeStatus, Severity
from devsecops_eda.reports.decision import SEVERITIES, paint, render_decision
from devsecops_eda.reports.plain import plain, sentence
from devsecops_eda.reports.result import Lack, LineOf, Result

MAX_GAPS = 20
"""As many gaps of one check are listed; more are counted."""

_SECRET_CWES = frozenset({"256", "257", "259", "260", "312", "319", "321", "522", "540", "798"})
_NUMBER = re.compile(r"\d+")
_WORD = max(len(severity.word) for severity in Severity)


@dataclass(frozen=True, slots=True)
class _Pen:
    """How to write: with colour or not, with lines of the reader's own checkout or not."""

    colour: bool
    line_of: LineOf | None
    blocking: frozenset[str]


def render_scan(result: Result, *, colour: bool = False, line_of: LineOf | None = None) -> str:
    """Return the scan as text that ends in a line break; nothing from outside acts in it.

    ``line_of`` gives the code shown under a finding, except where it would show a secret.
    """
    blocking = frozenset(
        finding.fingerprint
        for requirement in result.decision.requirements
        for finding in requirement.blocking
    )
    pen = _Pen(colour, line_of, blocking)
    parts = [
        *(_lack(lack, colour) for lack in result.context.lacks),
        *(f"note: {sentence(note)}" for note in result.notes),
        *_findings(result.outcomes, pen),
        "",
        _summary(result.outcomes) + ("; there are more" if result.context.lacks else ""),
        "",
        *_checks(result.outcomes, pen),
        "",
        render_decision(result.decision, colour=colour, findings=False).rstrip("\n"),
    ]
    return "\n".join(parts).lstrip("\n") + "\n"


def _lack(lack: Lack, colour: bool) -> str:
    word = paint("INCOMPLETE", "magenta", on=colour, bold=True)
    about = f"{plain(lack.check)}: " if lack.check else ""
    return f"{word}  {about}{sentence(lack.reason)}"


def _findings(outcomes: Sequence[Outcome], pen: _Pen) -> list[str]:
    found = [finding for outcome in outcomes for finding in outcome.findings]
    lines: list[str] = []
    for path in sorted({finding.path for finding in found}):
        lines += ["", paint(plain(path), "white", on=pen.colour, bold=True)]
        here = (finding for finding in found if finding.path == path)
        for finding in sorted(here, key=lambda f: (-f.severity, f.line, f.rule, f.fingerprint)):
            lines += _finding(finding, pen)
    return lines


def _finding(finding: Finding, pen: _Pen) -> list[str]:
    blocks = finding.fingerprint in pen.blocking
    mark = paint("✗", "red", on=pen.colour) if blocks else " "
    severity = f"{finding.severity.word:<{_WORD}}"
    word = paint(severity, SEVERITIES[finding.severity], on=pen.colour)
    line = f"{finding.line:>5}" if finding.line else "    -"
    title = sentence(finding.title or finding.message, 160)
    cwe = f"  {' '.join(map(plain, finding.cwe))}" if finding.cwe else ""
    lines = [f"{mark} {line}  {word}  {title}  {plain(finding.rule)}{cwe}"]
    indent = " " * (_WORD + 11)
    code = _code(finding, pen.line_of)
    if code:
        lines.append(f"{indent}| {code}")
    # The message of a finding about a package only repeats title and package.
    if finding.title and finding.title not in finding.message:
        lines.append(f"{indent}{sentence(finding.message)}")
    if finding.package:
        fixed = ", ".join(map(plain, finding.package.fixed_versions))
        name = f"{plain(finding.package.name)} {plain(finding.package.version)}"
        lines.append(f"{indent}{name}: " + (f"fixed in {fixed}" if fixed else "no fixed version"))
    elif finding.fix:
        lines.append(f"{indent}to mend: {sentence(finding.fix)}")
    return lines


def _code(finding: Finding, line_of: LineOf | None) -> str | None:
    if line_of is None or not finding.line or finding.package:
        return None
    numbers = {match[0] for cwe in finding.cwe if (match := _NUMBER.search(cwe))}
    if numbers & _SECRET_CWES or not numbers:
        # Nobody says what the line holds: it may be the secret itself, and a CI log keeps it.
        return None
    code = line_of(finding.path, finding.line)
    return sentence(code, 120) if code else None


def _summary(outcomes: Sequence[Outcome]) -> str:
    found = [finding for outcome in outcomes for finding in outcome.findings]
    silent = sorted(o.check for o in outcomes if o.status is OutcomeStatus.FAILED)
    # "Could not look" is not "nothing found".
    but = f"; no verdict from {', '.join(map(plain, silent))}" if silent else ""
    if not found:
        return f"no findings{but}"
    counts = Counter(finding.severity for finding in found)
    words = ", ".join(f"{counts[s]} {s.word}" for s in sorted(counts, reverse=True))
    files = len({finding.path for finding in found})
    return f"{_many(len(found), 'finding')} in {_many(files, 'file')}: {words}{but}"


def _checks(outcomes: Iterable[Outcome], pen: _Pen) -> list[str]:
    lines: list[str] = []
    for outcome in sorted(outcomes, key=lambda each: each.check):
        lines.append(_check(outcome, pen))
        gaps = sorted(outcome.coverage.gaps, key=lambda gap: (gap.path, gap.reason))
        lines += [
            f"    not looked at: {plain(gap.path)}: {sentence(gap.reason)}"
            for gap in gaps[:MAX_GAPS]
        ]
        if len(gaps) > MAX_GAPS:
            lines.append(f"    and {len(gaps) - MAX_GAPS} more that were not looked at")
    return lines


def _check(outcome: Outcome, pen: _Pen) -> str:
    tool = " ".join(part for part in (outcome.tool.name, outcome.tool.version) if part)
    name = f"{plain(outcome.check)} ({plain(tool)})"
    if outcome.status is OutcomeStatus.FAILED and outcome.failure:
        word = paint("! no verdict", "magenta", on=pen.colour)
        return (
            f"  {word}  {name}: {outcome.failure.reason.value}: {sentence(outcome.failure.detail)}"
        )
    if not outcome.applicable:
        return f"  {name}: there is nothing to look at"
    if outcome.commit is not None:
        return f"  {name}: {_many(len(outcome.commit.changed_files), 'changed file')}"
    data = f", data of {outcome.data.date:%Y-%m-%d}" if outcome.data else ""
    seen = f"{outcome.coverage.scanned} of {_many(outcome.coverage.eligible, 'file')}"
    word = _many(len(outcome.findings), "finding")
    return f"  {name}: {word}, looked at {seen}{data}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
