"""A scan as SARIF 2.1.0 (OASIS, errata 01), one run per check, in GitHub's reading of it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from devsecops_eda.model import Confidence, Finding, Gap, Outcome, OutcomeStatus, Severity
from devsecops_eda.reports.machine import Json, written
from devsecops_eda.reports.plain import sentence
from devsecops_eda.reports.result import Result

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
ROOT = "SRCROOT"
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
    outcomes = sorted(result.outcomes, key=lambda outcome: outcome.check)
    decision = result.decision
    return written(
        {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [_run(outcome) for outcome in outcomes if outcome.commit is None],
            "properties": {
                "devsecopsEda": {
                    "subject": str(result.subject),
                    "gate": decision.gate,
                    "verdict": decision.verdict.value,
                    "policyDigest": decision.policy_digest,
                    "notes": list(result.notes),
                }
            },
        }
    )


def _run(outcome: Outcome) -> Json:
    findings = sorted(outcome.findings, key=lambda f: (f.path, f.line, f.rule, f.fingerprint))
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
                "notifications": [
                    _descriptor(
                        "gap",
                        "A file was not looked at.",
                        "The check ought to have looked at this file and could not.",
                    ),
                    _descriptor(
                        "failure",
                        "The check has no verdict.",
                        "The check could not be carried out: no result does not mean no finding.",
                    ),
                ],
            }
        },
        "automationDetails": {"id": f"devsecops-eda/{outcome.check}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            ROOT: {"description": {"text": "The top folder of the source that was scanned."}}
        },
        "invocations": [_invocation(outcome)],
        "results": [_result(finding, rule_index) for finding in findings],
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
        "shortDescription": {"text": _text(worst.title or worst.message or rule)},
        "fullDescription": {"text": _text(worst.message or worst.title or rule)},
        "help": {"text": _help(worst)},
        "defaultConfiguration": {"level": LEVELS[worst.severity]},
        "properties": properties,
    }


def _help(finding: Finding) -> str:
    parts = [finding.help or finding.message or finding.title or finding.rule]
    if finding.fix:
        parts.append(f"To mend: {finding.fix}")
    return " ".join(_text(part) for part in parts)


def _cwes(findings: Iterable[Finding]) -> set[int]:
    words = (word for finding in findings for word in finding.cwe)
    return {int(match[1]) for word in words if (match := _CWE.match(word))}


def _result(finding: Finding, rules: dict[str, int]) -> Json:
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
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": _text(finding.message or finding.title or finding.rule)},
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {
            FINGERPRINT: finding.fingerprint,
            FINGERPRINT_NO_PATH: finding.fingerprint_nopath,
        },
        "properties": properties,
    }


def _place(finding: Finding) -> Json:
    place: Json = {"artifactLocation": _location(finding.path)}
    if finding.line:
        region: Json = {"startLine": finding.line}
        if finding.column:
            region["startColumn"] = finding.column
        if finding.end_line >= finding.line:
            region["endLine"] = finding.end_line
        place["region"] = region
    return place


def _location(path: str) -> Json:
    # A name that is no UTF-8 reaches us with its bytes as lone surrogates.
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return {"uri": uri, "uriBaseId": ROOT}


def _invocation(outcome: Outcome) -> Json:
    completed = outcome.status is OutcomeStatus.COMPLETED
    notifications = [_gap(gap) for gap in outcome.coverage.gaps]
    if outcome.failure:
        why = f"{outcome.failure.reason.value}: {outcome.failure.detail}"
        notifications.append(_notification("failure", "error", why))
    invocation: Json = {
        "executionSuccessful": completed,
        "toolExecutionNotifications": notifications,
        "properties": {
            "applicable": outcome.applicable,
            "eligibleFiles": outcome.coverage.eligible,
            "scannedFiles": outcome.coverage.scanned,
        },
    }
    for name, time in (("startTimeUtc", outcome.started_at), ("endTimeUtc", outcome.finished_at)):
        if time:
            invocation[name] = _utc(time)
    return invocation


def _gap(gap: Gap) -> Json:
    notification = _notification("gap", "warning", f"not looked at: {gap.reason}")
    if gap.path:
        notification["locations"] = [
            {"physicalLocation": {"artifactLocation": _location(gap.path)}}
        ]
    return notification


def _notification(id_: str, level: str, text: str) -> Json:
    return {"descriptor": {"id": id_}, "level": level, "message": {"text": _text(text)}}


def _descriptor(id_: str, short: str, full: str) -> Json:
    return {
        "id": id_,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": full},
    }


def _text(text: str) -> str:
    """Return a message of one line in which a reader makes no link out of foreign words.

    SARIF 3.11.6: ``[text](target)`` in a plain text message is a link.
    """
    return sentence(text, 2000).replace("](", "] (")


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
