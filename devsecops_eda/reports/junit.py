"""A decision as JUnit XML: each requirement is a test case, and the decision itself is one.

There is no one schema. This document is valid under that of Jenkins (junit-4.xsd), and under that
of Ant but for the count of skipped cases. What is not allowed is a failure, what has no verdict an
error, and neither a waiver nor a rule that only warns looks like a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from xml.etree import ElementTree as ET

from devsecops_eda.model import (
    Decision,
    Mode,
    Requirement,
    RequirementState,
    Verdict,
)
from devsecops_eda.reports.decision import place
from devsecops_eda.reports.plain import plain, sentence
from devsecops_eda.reports.result import Result

_CLASS = "devsecops-eda"
_NO_VERDICT = frozenset(
    (
        RequirementState.ERRORED,
        RequirementState.MISSING,
        RequirementState.STALE,
        RequirementState.RUNNING,
    )
)


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case; ``tag`` is failure, error, skipped or empty for a pass."""

    name: str
    tag: str = ""
    type_: str = ""
    message: str = ""
    details: tuple[str, ...] = ()


def render_junit(result: Result) -> str:
    """Return the decision as one JUnit XML document that ends in a line break."""
    decision = result.decision
    cases = [
        _decided(decision),
        *(_judged(one) for one in decision.requirements),
        *(
            _Case(
                f"check {one.check} has a verdict",
                *("error", one.failure.reason.value),
                f"{one.failure.reason.value}: {one.failure.detail}",
            )
            for one in sorted(result.outcomes, key=lambda one: one.check)
            if one.failure is not None
        ),
        *(
            _Case(_about(lack.check), "error", "incomplete", lack.reason)
            for lack in result.context.lacks
        ),
    ]
    root = ET.Element("testsuites")
    root.append(_suite(decision, cases))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _text(root) + "\n"


def _suite(decision: Decision, cases: list[_Case]) -> ET.Element:
    counts = {tag: sum(case.tag == tag for case in cases) for tag in ("failure", "error")}
    evaluated = decision.evaluated_at.astimezone(UTC)
    suite = ET.Element(
        "testsuite",
        {
            "name": sentence(f"gate {decision.gate}: {decision.subject}"),
            "package": _CLASS,
            "id": "0",
            "tests": str(len(cases)),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "skipped": str(sum(case.tag == "skipped" for case in cases)),
            "time": "0",
            "timestamp": f"{evaluated:%Y-%m-%dT%H:%M:%S}",
            "hostname": "localhost",
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(decision).items():
        ET.SubElement(properties, "property", {"name": name, "value": plain(value)})
    suite.extend(_element(case) for case in cases)
    for name in ("system-out", "system-err"):
        ET.SubElement(suite, name)
    return suite


def _properties(decision: Decision) -> dict[str, str]:
    return {
        "decision": decision.id,
        "verdict": decision.verdict.value,
        "subject": str(decision.subject),
        "target": decision.target or "",
        "environment": decision.environment or "",
        "policy": decision.policy,
        "policy_digest": decision.policy_digest,
    }


def _element(case: _Case) -> ET.Element:
    element = ET.Element("testcase", {"name": plain(case.name), "classname": _CLASS, "time": "0"})
    message = sentence(case.message)
    body = "\n".join((message, *case.details))
    if case.tag == "skipped":
        # An attribute `message` came later than some readers: the text says it to all.
        ET.SubElement(element, "skipped").text = body
    elif case.tag:
        attributes = {"type": case.type_, "message": message}
        ET.SubElement(element, case.tag, attributes).text = body
    return element


def _decided(decision: Decision) -> _Case:
    """Return the case that passes only if the gate allows, whatever the lines say."""
    name = f"gate {decision.gate} allows"
    message = decision.message or f"the gate says {decision.verdict.value}"
    steps = tuple(
        f"{number}. {sentence(step.text)}" for number, step in enumerate(decision.way, start=1)
    )
    match decision.verdict:
        case Verdict.ALLOW:
            return _Case(name)
        case Verdict.DENY:
            return _Case(name, "failure", decision.verdict.value, message, steps)
    return _Case(name, "error", decision.verdict.value, message, steps)


def _judged(line: Requirement) -> _Case:
    state = line.state
    if state is RequirementState.SATISFIED:
        return _Case(line.id)
    details = _details(line)
    if line.mode is not Mode.ENFORCE:
        said = f"{state.value}, rule is on {line.mode.value} only: {line.message}"
        return _Case(line.id, "skipped", message=said, details=details)
    if state is RequirementState.WAIVED:
        said = f"waived ({', '.join(line.waivers)}): {line.message}"
        return _Case(line.id, "skipped", message=said, details=details)
    if state is RequirementState.NOT_APPLICABLE and line.harmless:
        return _Case(line.id, "skipped", message=f"not applicable: {line.message}")
    tag = "error" if state in _NO_VERDICT else "failure"
    return _Case(line.id, tag, state.value, line.message, details)


def _details(line: Requirement) -> tuple[str, ...]:
    findings = tuple(
        f"{found.severity.word} {place(found)} {plain(found.rule)}: "
        f"{sentence(found.title or found.message, 100)}"
        for found in line.blocking
    )
    return (*findings, f"to mend: {sentence(line.solution)}") if line.solution else findings


def _about(check: str) -> str:
    return f"report of {check} is complete" if check else "report is complete"


def _text(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")
