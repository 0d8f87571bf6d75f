"""A scan as GitHub's job summary (Markdown) and as annotations (workflow commands).

GitHub drops a summary over 1,024 KiB as a whole and shows ten annotations of a step: both are
kept below, and what is left out is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from devsecops_eda.model import (
    Decision,
    Mode,
    Requirement,
    RequirementState,
    Severity,
    SubjectKind,
    Verdict,
)
from devsecops_eda.reports.decision import STATES
from devsecops_eda.reports.plain import plain, sentence
from devsecops_eda.reports.result import Result
from devsecops_eda.reports.standing import Standing, by_weight, standings

MAX_BYTES = 1000 * 1024
MAX_ANNOTATIONS = 10

_MARKS = {
    Verdict.ALLOW: "✅ allow",
    Verdict.DENY: "❌ deny",
    Verdict.PENDING: "⏳ pending",
    Verdict.ERROR: "❗ error",
}
_UNHAPPY = frozenset(RequirementState) - {
    RequirementState.SATISFIED,
    RequirementState.WAIVED,
    RequirementState.NOT_APPLICABLE,
}
# Everything that Markdown, HTML or GitHub (mentions, links) would act on.
_ACTIVE = re.compile(r"[^\w \-,/()?§…✓✗→·\u2013]|_")
_ROOM_BYTES = 200
_FINDINGS = ("severity", "where", "rule", "what", "stands")


def render_github(result: Result) -> str:
    """Return the scan as Markdown of at most ``MAX_BYTES`` that ends in a line break."""
    page = _Page(MAX_BYTES)
    decision = result.decision
    page.add(f"## {_MARKS[decision.verdict]}: {text(_about(decision))}", "")
    for lack in result.context.lacks:
        about = f"{lack.check}: " if lack.check else ""
        page.add(f"> ⚠️ **This report is incomplete.** {text(about + lack.reason)}", "")
    if decision.message:
        page.add(text(decision.message), "")
    page.table(("", "rule", "state", "says"), (_row(line) for line in decision.requirements))
    if decision.way:
        page.add("### Shortest way to an allow", "")
        page.rows(
            (f"{number}. {text(step.text)}" for number, step in enumerate(decision.way, start=1)),
            what="steps",
        )
        page.add("")
    found = by_weight(standings(result))
    if found:
        page.add(f"### {len(found)} finding" + ("" if len(found) == 1 else "s"), "")
        page.table(_FINDINGS, (_finding(one) for one in found))
    for outcome in sorted(result.outcomes, key=lambda one: one.check):
        if outcome.failure is not None:
            why = f"{outcome.failure.reason.value}: {outcome.failure.detail}"
            page.add(f"- **{text(outcome.check)} has no verdict**: {text(why)}")
    page.add(*(f"- {text(note)}" for note in result.notes))
    policy = f"policy {decision.policy} ({decision.policy_digest[:19]})"
    page.add("", f"<sub>decision {text(decision.id)}, {text(policy)}</sub>")
    return page.text()


def render_annotations(result: Result) -> tuple[str, ...]:
    """Return at most ``MAX_ANNOTATIONS`` workflow commands, the last of which counts the rest.

    New findings in files of the diff come first, then by severity. What is waived, or was there
    before and does not block, gets none.
    """
    worth = [
        one
        for one in by_weight(standings(result))
        if one.waiver is None and (one.blocks or one.new is not False)
    ]
    first = [_annotated(one) for one in worth if one.new and one.in_diff]
    rest = [_annotated(one) for one in worth if not (one.new and one.in_diff)]
    lines = [
        _command("error", f"{line.id}: {line.message}", title=line.id)
        for line in result.decision.requirements
        if line.mode is Mode.ENFORCE and line.state in _UNHAPPY and not line.blocking
    ]
    lacks = [_command("error", lack.reason, title="incomplete") for lack in result.context.lacks]
    every = [*first, *lacks, *lines, *rest]
    if len(every) <= MAX_ANNOTATIONS:
        return tuple(every)
    kept = every[: MAX_ANNOTATIONS - 1]
    more = f"and {len(every) - len(kept)} more: the job summary and the reports have all"
    return (*kept, _command("notice", more, title="devsecops-eda"))


def text(given: str) -> str:
    """Return foreign words as one line that Markdown and GitHub take for nothing but words."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", sentence(given))


class _Page:
    """Lines up to a budget of bytes; some room is kept to say what was left out."""

    def __init__(self, budget: int) -> None:
        self._left = budget - _ROOM_BYTES
        self._lines: list[str] = []

    def add(self, *lines: str) -> None:
        """Add lines that are few, as long as they fit."""
        for line in lines:
            self._fits(line)

    def rows(self, rows: Iterable[str], *, what: str) -> None:
        """Add as many of ``rows`` as fit, and count the others."""
        left_out = sum(not self._fits(row) for row in rows)
        if left_out:
            # For this the room was kept.
            self._lines.append(f"and {left_out} more {what}")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a table and a line break behind it."""
        listed = [f"| {' | '.join(row)} |" for row in rows]
        if listed:
            self.add(f"| {' | '.join(head)} |", "|" + " --- |" * len(head))
            self.rows(listed, what="rows")
            self.add("")

    def text(self) -> str:
        """Return the page; it ends in a line break."""
        return "\n".join(self._lines) + "\n"

    def _fits(self, line: str) -> bool:
        size = len(line.encode("utf-8", "backslashreplace")) + 1
        if size > self._left:
            # Once something is left out, nothing shorter slips in behind it.
            self._left = 0
            return False
        self._left -= size
        self._lines.append(line)
        return True


def _about(decision: Decision) -> str:
    subject = decision.subject
    name = f"{subject.repo}@{subject.revision[:12]}"
    if subject.kind is not SubjectKind.COMMIT:
        name = subject.revision.removeprefix("sha256:")[:12]
    target = f" into {decision.target}" if decision.target else ""
    environment = f" for {decision.environment}" if decision.environment else ""
    return f"gate {decision.gate}, {name}{target}{environment}"


def _row(line: Requirement) -> tuple[str, ...]:
    weight = "" if line.mode is Mode.ENFORCE else f" ({line.mode.value} only)"
    says = line.message
    if line.waivers:
        says += f" (waiver {', '.join(line.waivers)})"
    if line.solution and line.state is not RequirementState.SATISFIED:
        says += f" → {line.solution}"
    state = f"{line.state.value.replace('_', ' ')}{weight}"
    return text(STATES[line.state].symbol), text(line.id), text(state), text(says)


def _finding(one: Standing) -> tuple[str, ...]:
    finding = one.finding
    words = ["blocks"] if one.blocks else []
    if one.waiver is not None:
        words.append(f"waived until {one.waiver.request.expires_at:%Y-%m-%d}")
    if one.new is not None:
        words.append("new" if one.new else "was there before")
    where = finding.path + (f":{finding.line}" if finding.line else "")
    what = finding.title or finding.message
    return (
        finding.severity.word,
        *map(text, (where, finding.rule, what, ", ".join(words))),
    )


def _annotated(one: Standing) -> str:
    finding = one.finding
    level = "error" if one.blocks else "warning"
    if not one.blocks and finding.severity in (Severity.LOW, Severity.INFO):
        level = "notice"
    said = finding.message or finding.title
    if finding.fix:
        said += f" To mend: {finding.fix}"
    place = {"file": finding.path}
    if finding.line:
        place["line"] = str(finding.line)
        if finding.end_line >= finding.line:
            place["endLine"] = str(finding.end_line)
        # GitHub shows a column of one line only.
        if finding.column and finding.end_line in (0, finding.line):
            place["col"] = str(finding.column)
    return _command(level, said, **place, title=f"{finding.title or finding.rule}")


def _command(level: str, message: str, **properties: str) -> str:
    """Return one workflow command; nothing in it ends it early or begins another."""
    named = ",".join(
        f"{name}={_escaped(plain(value)).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in properties.items()
    )
    return f"::{level} {named}::{_escaped(sentence(message, 1000))}"


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
