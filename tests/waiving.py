"""Waivers, and policies under which they hold, short to write down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from devsecops_eda.model import (
    Finding,
    Severity,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import Facts, Policy, Waiver
from devsecops_eda.policy.model import WaiverTerms
from tests.judging import (
    HEAD,
    NOW,
    completed,
    facts,
    minutes,
    policy,
)

MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)
TERMS = WaiverTerms(
    granters=("appsec",),
    longest=(
        *((severity, 30 * DAY) for severity in (Severity.INFO, Severity.LOW, Severity.MEDIUM)),
        (Severity.HIGH, 14 * DAY),
        (Severity.CRITICAL, 7 * DAY),
        (Severity.UNKNOWN, 7 * DAY),
    ),
    otherwise=2 * DAY,
)
OF_A = WaiverScope(fingerprint="app.py/a:0")
OF_SCAN = WaiverScope(requirement="rule-0", subject=HEAD)


def waiver(scope: WaiverScope = OF_A, *, name: str = "w-1", **more: Any) -> Waiver:
    """A waiver that Bob asked for and Ada of appsec granted an hour ago, for a day."""
    made = Waiver(
        id=name,
        scope=scope,
        reason=WaiverReason.MITIGATED,
        requester="bob",
        expires_at=NOW + DAY,
        granter="ada",
        granter_groups=frozenset({"appsec", "owners"}),
        granted_at=NOW - minutes(60),
    )
    return replace(made, **more)


def no_high(limits: str = "high: 0", more: str = "", terms: WaiverTerms | None = TERMS) -> Policy:
    one = policy(f"kind: findings, check: semgrep, at_most: {{{limits}}}{more}")
    return replace(one, waivers=terms)


def scanned(terms: WaiverTerms | None = TERMS) -> Policy:
    return replace(policy("kind: scan, check: semgrep, max_age: 1d"), waivers=terms)


def found(*findings: Finding, waivers: tuple[Waiver, ...] = (), **more: Any) -> Facts:
    return facts(completed(*findings), waivers=waivers, **more)
