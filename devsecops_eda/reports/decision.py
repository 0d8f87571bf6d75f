"""A decision for people: the verdict, one line per requirement, what would mend it."""

from __future__ import annotations

from dataclasses import dataclass

import click

from devsecops_eda.model import (
    Decision,
    Finding,
    Mode,
    Requirement,
    RequirementState,
    Severity,
    SubjectKind,
    Verdict,
)
from devsecops_eda.reports.plain import plain, sentence


@dataclass(frozen=True, slots=True)
class Look:
    """A symbol and a colour. Only what is satisfied is green: waived is not the same."""

    symbol: str
    colour: str


STATES = {
    RequirementState.SATISFIED: Look("✓", "green"),
    RequirementState.WAIVED: Look("~", "yellow"),
    RequirementState.FAILED: Look("✗", "red"),
    RequirementState.MISSING: Look("?", "magenta"),
    RequirementState.RUNNING: Look("…", "cyan"),
    RequirementState.ERRORED: Look("!", "magenta"),
    RequirementState.STALE: Look("*", "magenta"),
    RequirementState.NOT_APPLICABLE: Look("-", "white"),
}
VERDICTS = {
    Verdict.ALLOW: Look("ALLOW", "green"),
    Verdict.DENY: Look("DENY", "red"),
    Verdict.PENDING: Look("PENDING", "cyan"),
    Verdict.ERROR: Look("ERROR", "magenta"),
}
SEVERITIES = {
    Severity.UNKNOWN: "magenta",
    Severity.CRITICAL: "bright_red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "white",
}
_GAP = max(len(state.value) for state in RequirementState)
_INDENT = " " * (_GAP + 6)


def paint(text: str, colour: str, *, on: bool, bold: bool = False) -> str:
    """Return ``text`` in ``colour``, or as it is when colours are off."""
    return click.style(text, fg=colour, bold=bold or None) if on else text


def render_decision(decision: Decision, *, colour: bool, findings: bool = True) -> str:
    """Return the decision as text that ends in a line break; nothing from outside acts in it.

    ``findings`` false leaves out the blocking findings, for a report that has listed them.
    """
    look = VERDICTS[decision.verdict]
    about = _about(decision)
    lines = [f"{paint(look.symbol, look.colour, on=colour, bold=True)}  {about}"]
    if decision.message:
        lines.append(f"  {sentence(decision.message)}")
    for requirement in decision.requirements:
        lines += _requirement(requirement, colour=colour, findings=findings)
    shown = sum(len(requirement.blocking) for requirement in decision.requirements)
    if findings and decision.blocking_total > shown:
        lines.append(f"{_INDENT}and {decision.blocking_total - shown} more blocking findings")
    lines += _way(decision)
    policy = f"policy {plain(decision.policy)} ({plain(decision.policy_digest)[:19]})"
    lines.append(f"  {policy}, decided {decision.evaluated_at:%Y-%m-%d %H:%M:%S} UTC")
    return "\n".join(lines) + "\n"


def place(finding: Finding) -> str:
    """Return ``path:line`` of a finding, harmless."""
    return plain(finding.path) + (f":{finding.line}" if finding.line else "")


def _about(decision: Decision) -> str:
    subject = decision.subject
    revision = subject.revision.removeprefix("sha256:")[:12]
    name = f"{plain(subject.repo)}@{revision}" if subject.repo else revision
    if subject.kind is not SubjectKind.COMMIT:
        name = f"{subject.kind.value} {name}"
    target = f" into {plain(decision.target)}" if decision.target else ""
    environment = f" for {plain(decision.environment)}" if decision.environment else ""
    return f"gate {plain(decision.gate)}: {name}{target}{environment}"


def _way(decision: Decision) -> list[str]:
    if not decision.way:
        return []
    steps = [f"{number}. {sentence(step.text)}" for number, step in enumerate(decision.way, 1)]
    return ["  shortest way to an allow:", *(f"    {step}" for step in steps)]


def _requirement(requirement: Requirement, *, colour: bool, findings: bool) -> list[str]:
    look = STATES[requirement.state]
    enforced = requirement.mode is Mode.ENFORCE
    state = f"{look.symbol} {requirement.state.value:<{_GAP}}"
    # What does not block is not shown in the colour of what does.
    quiet = not enforced and requirement.state is not RequirementState.SATISFIED
    head = paint(state, "white" if quiet else look.colour, on=colour)
    weight = "" if enforced else f" [{requirement.mode.value} only]"
    lines = [f"  {head}  {plain(requirement.id)}{weight}: {sentence(requirement.message)}"]
    lines += [f"{_INDENT}waiver {plain(waiver)}" for waiver in requirement.waivers]
    if requirement.votes:
        lines.append(f"{_INDENT}waits for people to vote")
    if requirement.since and requirement.state is not RequirementState.SATISFIED:
        lines.append(f"{_INDENT}since {requirement.since:%Y-%m-%d %H:%M} UTC")
    if requirement.due:
        lines.append(f"{_INDENT}due {requirement.due:%Y-%m-%d %H:%M:%S} UTC")
    if findings:
        for found in requirement.blocking:
            word = paint(found.severity.word, SEVERITIES[found.severity], on=colour)
            title = sentence(found.title or found.message, 100)
            lines.append(f"{_INDENT}{word} {place(found)} {plain(found.rule)}: {title}")
    if requirement.solution:
        lines.append(f"{_INDENT}to mend: {sentence(requirement.solution)}")
    return lines
