"""A scan as SARIF 2.1.0 (OASIS, errata 01), one run per check, in GitHub's reading of it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from devsecops_eda.model import (
    Confidence,
    Finding,
    Outcome,
    Severity,
    WaiverListed,
)
from devsecops_eda.reports.machine import Json, written
from devsecops_eda.reports.plain import sentence
from devsecops_eda.reports.result import Lack, Result
from devsecops_eda.reports.sarif_invocation import (
    DESCRIPTORS,
    ROOT,
    incomplete,
    invocation,
    location,
    text,
    utc,
)
from devsecops_eda.reports.standing import Standing, standings

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "devsecopsEda/v1"
FINGERPRINT_NO_PATH = "devsecopsEdaNoPath/v1"

LEVELS = {
    Severity.UNKNOWN: "error",
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub reads 9.0 and above as critical, 7.0 as high, 4.0 as medium, less as low.
SCORES = {
    Severity.UNKNOWN: "9.0",
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.1",
}
PRECISIONS = {
    Confidence.HIGH: "high",
    Confidence.MEDIUM: "medium",
    Confidence.LOW: "low",
}
_CWE = re.compile(r"CWE-(\d{1,5})", re.IGNORECASE)


def render_sarif(result: Result) -> str:
    """Return the scan as one SARIF log that ends in a line break.

    Checks that are no scanners have no run. A check without verdict has a run whose execution was
    not successful, so that no reader takes its silence for a clean result.
    """
    scanners = sorted(
        (outcome for outcome in result.outcomes if outcome.commit is None),
        key=lambda outcome: outcome.check,
    )
    found = standings(result)
    runs = [
        _run(
            outcome,
            [one for one in found if one.check == outcome.check],
            [lack for lack in result.context.lacks if lack.check == outcome.check],
        )
        for outcome in scanners
    ]
    checks = {outcome.check for outcome in scanners}
    elsewhere = [lack for lack in result.context.lacks if lack.check not in checks]
    if elsewhere:
        runs.append(_lacking(elsewhere))
    return written(
        {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": runs,
            "properties": {"devsecopsEda": _decided(result)},
        }
    )


def _decided(result: Result) -> Json:
    decision = result.decision
    return {
        "subject": str(result.subject),
        "decision": decision.id,
        "gate": decision.gate,
        "verdict": decision.verdict.value,
        "target": decision.target,
        "environment": decision.environment,
        "policy": decision.policy,
        "policyDigest": decision.policy_digest,
        "requirements": [
            {"id": line.id, "state": line.state.value, "mode": line.mode.value}
            for line in decision.requirements
        ],
        "way": [step.text for step in decision.way],
        "notes": list(result.notes),
    }


def _lacking(lacks: list[Lack]) -> Json:
    """Return a run of ours that was not successful: something belongs into this log."""
    return {
        "tool": {"driver": {"name": "devsecops-eda", "notifications": list(DESCRIPTORS)}},
        "automationDetails": {"id": "devsecops-eda/report/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [incomplete(lacks)],
        "results": [],
    }


def _run(outcome: Outcome, found: list[Standing], lacks: list[Lack]) -> Json:
    findings = [one.finding for one in found]
    rules = sorted({finding.rule for finding in findings})
    by_rule: dict[str, list[Finding]] = {rule: [] for rule in rules}
    for finding in findings:
        by_rule[finding.rule].append(finding)
    rule_index = {rule: index for index, rule in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": outcome.tool.name,
                "version": outcome.tool.version,
                "rules": [_rule(rule, by_rule[rule]) for rule in rules],
                "notifications": list(DESCRIPTORS),
            }
        },
        "automationDetails": {"id": f"devsecops-eda/{outcome.check}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            ROOT: {"description": {"text": "The top folder of the source that was scanned."}}
        },
        "invocations": [invocation(outcome, lacks)],
        "results": [_result(one, rule_index) for one in found],
    }


def _rule(rule: str, findings: list[Finding]) -> Json:
    # An advisory may be rated differently in two findings: the rule speaks for the worst.
    worst = max(findings, key=lambda finding: finding.severity)
    cwes = sorted(_cwes(findings))
    tags = ["security", *(f"CWE-{cwe}" for cwe in cwes)]
    tags += [f"external/cwe/cwe-{cwe:03d}" for cwe in cwes]
    properties: Json = {"tags": tags, "security-severity": SCORES[worst.severity]}
    if worst.confidence in PRECISIONS:
        properties["precision"] = PRECISIONS[worst.confidence]
    return {
        "id": rule,
        "shortDescription": {"text": text(worst.title or worst.message or rule)},
        "fullDescription": {"text": text(worst.message or worst.title or rule)},
        "help": {"text": _help(worst)},
        "defaultConfiguration": {"level": LEVELS[worst.severity]},
        "properties": properties,
    }


def _help(finding: Finding) -> str:
    parts = [finding.help or finding.message or finding.title or finding.rule]
    if finding.fix:
        parts.append(f"To mend: {finding.fix}")
    return " ".join(text(part) for part in parts)


def _cwes(findings: Iterable[Finding]) -> set[int]:
    words = (word for finding in findings for word in finding.cwe)
    return {int(match[1]) for word in words if (match := _CWE.match(word))}


def _result(standing: Standing, rules: dict[str, int]) -> Json:
    finding = standing.finding
    properties: Json = {
        "severity": finding.severity.word,
        "confidence": finding.confidence.value,
    }
    if finding.fix:
        properties["fix"] = sentence(finding.fix, 1000)
    if finding.package:
        package = finding.package
        properties["package"] = f"{package.ecosystem}:{package.name}@{package.version}"
        properties["fixedVersions"] = list(package.fixed_versions)
    if standing.blocks:
        # A decision names the worst that block: of the others it is not known.
        properties["blocks"] = True
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": text(finding.message or finding.title or finding.rule)},
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {
            FINGERPRINT: finding.fingerprint,
            FINGERPRINT_NO_PATH: finding.fingerprint_nopath,
        },
        "properties": properties,
    }
    if standing.new is not None:
        result["baselineState"] = "new" if standing.new else "unchanged"
    if standing.waiver is not None:
        result["suppressions"] = [_suppression(standing.waiver)]
    return result


def _suppression(waiver: WaiverListed) -> Json:
    """Return a waiver in force as SARIF 3.35 has it: it is external, we wrote it nowhere."""
    request = waiver.request
    return {
        "kind": "external",
        "status": "accepted",
        "justification": text(f"{request.reason.value}: {request.justification}"),
        "properties": {
            "waiver": waiver.waiver,
            "requester": waiver.requester,
            "granter": waiver.granter,
            "expires": utc(request.expires_at),
        },
    }


def _place(finding: Finding) -> Json:
    place: Json = {"artifactLocation": location(finding.path)}
    if finding.line:
        region: Json = {"startLine": finding.line}
        if finding.column:
            region["startColumn"] = finding.column
        if finding.end_line >= finding.line:
            region["endLine"] = finding.end_line
        place["region"] = region
    return place
