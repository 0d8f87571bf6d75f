"""A scan and a decision as JSON for programs. The form only grows within one version.

``{"version": 1, "subject": …, "decision": …, "checks": […], "findings": […], …}``;
docs/reports.md lists every field. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from devsecops_eda.model import (
    Coverage,
    Decision,
    Finding,
    Outcome,
    Package,
    Requirement,
    Subject,
)
from devsecops_eda.reports.result import Result
from devsecops_eda.reports.standing import Standing, standings

VERSION = 1

Json = dict[str, Any]


def render_json(result: Result) -> str:
    """Return the scan as one JSON document that ends in a line break."""
    outcomes = sorted(result.outcomes, key=lambda outcome: outcome.check)
    return written(
        {
            "version": VERSION,
            "subject": subject_document(result.subject),
            "decision": decision_document(result.decision),
            "checks": [_outcome(outcome) for outcome in outcomes],
            "findings": [_standing(one) for one in standings(result)],
            "notes": list(result.notes),
            "incomplete": [
                {"check": lack.check, "reason": lack.reason} for lack in result.context.lacks
            ],
        }
    )


def render_decision_json(decision: Decision) -> str:
    """Return the decision as one JSON document that ends in a line break."""
    return written({"version": VERSION, "decision": decision_document(decision)})


def written(document: Json) -> str:
    """Return ``document`` as text in ASCII, so that no terminal and no encoding spoils it."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def subject_document(subject: Subject) -> Json:
    """Return the JSON form of a subject."""
    return {"kind": subject.kind.value, "repo": subject.repo, "revision": subject.revision}


def decision_document(decision: Decision) -> Json:
    """Return the JSON form of a decision."""
    return {
        "id": decision.id,
        "gate": decision.gate,
        "subject": subject_document(decision.subject),
        "verdict": decision.verdict.value,
        "message": decision.message,
        "target": decision.target,
        "merge_base": decision.merge_base,
        "environment": decision.environment,
        "policy": decision.policy,
        "policy_digest": decision.policy_digest,
        "inputs_digest": decision.inputs_digest,
        "evaluated_at": _time(decision.evaluated_at),
        "supersedes": decision.supersedes,
        "blocking_total": decision.blocking_total,
        "requirements": [_requirement(each) for each in decision.requirements],
        "way": [
            {
                "kind": step.kind.value,
                "requirements": list(step.requirements),
                "text": step.text,
                "what": step.what,
            }
            for step in decision.way
        ],
    }


def finding_document(finding: Finding) -> Json:
    """Return the JSON form of a finding."""
    return {
        "rule": finding.rule,
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "column": finding.column,
        "severity": finding.severity.word,
        "confidence": finding.confidence.value,
        "title": finding.title,
        "message": finding.message,
        "help": finding.help,
        "cwe": list(finding.cwe),
        "fix": finding.fix,
        "package": _package(finding.package) if finding.package else None,
        "fingerprint": finding.fingerprint,
        "fingerprint_nopath": finding.fingerprint_nopath,
    }


def _package(package: Package) -> Json:
    return {
        "name": package.name,
        "version": package.version,
        "ecosystem": package.ecosystem,
        "advisory": package.advisory,
        "aliases": list(package.aliases),
        "fixed_versions": list(package.fixed_versions),
        "published": _time(package.published),
    }


def _requirement(requirement: Requirement) -> Json:
    return {
        "id": requirement.id,
        "kind": requirement.kind,
        "state": requirement.state.value,
        "mode": requirement.mode.value,
        "message": requirement.message,
        "solution": requirement.solution,
        "since": _time(requirement.since),
        "due": _time(requirement.due),
        "evidence": list(requirement.evidence),
        "blocking": [finding_document(each) for each in requirement.blocking],
        "votes": requirement.votes,
        "harmless": requirement.harmless,
        "waivers": list(requirement.waivers),
        "policy": requirement.policy,
    }


def _standing(one: Standing) -> Json:
    return {
        "check": one.check,
        **finding_document(one.finding),
        "new": one.new,
        "waiver": one.waiver.waiver if one.waiver else None,
    }


def _outcome(outcome: Outcome) -> Json:
    failure, data = outcome.failure, outcome.data
    return {
        "check": outcome.check,
        "status": outcome.status.value,
        "failure": (
            {"reason": failure.reason.value, "detail": failure.detail} if failure else None
        ),
        "tool": {"name": outcome.tool.name, "version": outcome.tool.version},
        "applicable": outcome.applicable,
        "coverage": _coverage(outcome.coverage),
        "rules_digest": outcome.rules_digest,
        "data": {"digest": data.digest, "date": _time(data.date)} if data else None,
        "started_at": _time(outcome.started_at),
        "finished_at": _time(outcome.finished_at),
        "counts": outcome.counts(),
    }


def _coverage(coverage: Coverage) -> Json:
    return {
        "eligible": coverage.eligible,
        "scanned": coverage.scanned,
        "left_out": coverage.left_out,
        "gaps": [{"path": gap.path, "reason": gap.reason} for gap in coverage.gaps],
    }


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else None
