"""Waivers in judgement: when one is in force, what it covers, and what it never covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from devsecops_eda.model import (
    Finding,
    Package,
    Severity,
    WaiverScope,
    WaiverState,
)
from devsecops_eda.policy import decide, next_deadline, waiver_state
from devsecops_eda.policy.waiving import MAX_WAIVERS
from tests.judging import (
    NOW,
    finding,
    line,
    minutes,
    verdict,
)
from tests.waiving import DAY, MOMENT, OF_A, TERMS, found, no_high, waiver


def test_what_a_waiver_in_force_covers_is_waived_and_named() -> None:
    only = line(no_high(), found(finding("a:0"), waivers=(waiver(),)))
    assert only.state == "waived"
    assert (only.waivers, only.blocking) == (("w-1",), ())
    assert "w-1" in only.evidence
    assert only.since == NOW
    assert only.message == (
        "1 finding of severity high or above, at most 0 allowed;"
        " 1 of these waived until 2026-03-03 09:00:00 UTC"
    )
    decision = decide(no_high(), found(finding("a:0"), waivers=(waiver(),)), NOW)
    assert (decision.verdict.value, decision.blocking_total) == ("allow", 0)
    assert decision.message == (
        "allow: of 1 requirement waived: rule-0; the others are satisfied or not applicable"
    )
    clean = decide(no_high(), found(waivers=(waiver(),)), NOW)
    assert clean.message == "allow: all of 1 requirement satisfied or not applicable"


def test_what_needs_no_waiver_names_none() -> None:
    for known in (found(waivers=(waiver(),)), found(finding("b:0"), waivers=(waiver(),))):
        only = line(no_high("high: 1"), known)
        assert (only.state, only.waivers) == ("satisfied", ())


def test_only_what_is_not_waived_blocks() -> None:
    two = found(finding("a:0"), finding("b:0"), waivers=(waiver(),))
    only = line(no_high(), two)
    assert (only.state, only.waivers) == ("failed", ("w-1",))
    assert [one.fingerprint for one in only.blocking] == ["app.py/b:0"]
    assert only.message == (
        "2 findings of severity high or above, at most 0 allowed;"
        " 1 of these waived until 2026-03-03 09:00:00 UTC"
    )
    assert only.since == NOW
    assert line(no_high("high: 1"), two).state == "waived"


def test_a_limit_that_waivers_keep_blocks_nothing_of_its_severity() -> None:
    known = found(
        finding("a:0", Severity.MEDIUM),
        finding("b:0", Severity.CRITICAL),
        waivers=(waiver(replace(OF_A, fingerprint="app.py/a:0")),),
    )
    only = line(no_high("critical: 0, medium: 1"), known)
    assert [one.fingerprint for one in only.blocking] == ["app.py/b:0"]


@pytest.mark.parametrize(
    ("changed", "state", "why"),
    [
        ({}, "active", "it holds until 2026-03-03 09:00:00 UTC"),
        ({"granted_at": None}, "requested", "nobody has granted it yet"),
        ({"granted_at": NOW + MOMENT}, "requested", "nobody has granted it yet"),
        ({"granted_at": NOW}, "active", "it holds until 2026-03-03 09:00:00 UTC"),
        ({"starts_at": NOW}, "active", "it holds until 2026-03-03 09:00:00 UTC"),
        ({"starts_at": NOW + MOMENT}, "planned", "it begins 2026-03-02 09:00:00 UTC"),
        ({"starts_at": NOW - 9 * DAY}, "active", "it holds until 2026-03-03 09:00:00 UTC"),
        ({"expires_at": NOW + MOMENT}, "active", "it holds until 2026-03-02 09:00:00 UTC"),
        ({"expires_at": NOW}, "expired", "it ended 2026-03-02 09:00:00 UTC"),
        ({"expires_at": NOW, "granted_at": None}, "expired", "nobody granted it before its end"),
        (
            {"revoked_at": NOW - minutes(1)},
            "revoked",
            "it was revoked 2026-03-02 08:59:00 UTC, for good",
        ),
        ({"granter": None}, "refused", "who granted it is nobody the operator named"),
        ({"requester": None}, "refused", "who asked for it is nobody the operator named"),
        ({"requester": "ada"}, "refused", "ada asked for it and granted it: that takes two"),
        (
            {"granter_groups": frozenset({"owners"})},
            "refused",
            "ada was in none of these groups: appsec",
        ),
        ({"expires_at": NOW - minutes(60) + 14 * DAY}, "active", "it holds until"),
        (
            {"expires_at": NOW - minutes(60) + 14 * DAY + timedelta(seconds=1)},
            "refused",
            "it is 14d1s long, at most 14d for severity high",
        ),
        # From the later start on it is not too long.
        ({"expires_at": NOW + 14 * DAY, "starts_at": NOW}, "active", "it holds until"),
        # Who waits long enough does not get it either: it is not clipped.
        (
            {"granted_at": NOW - 20 * DAY, "expires_at": NOW + DAY},
            "refused",
            "it is 21d long, at most 14d for severity high",
        ),
    ],
)
def test_a_waiver_is_in_force_only_as_it_was_granted(
    changed: dict[str, Any], state: str, why: str
) -> None:
    one = waiver(**changed)
    stands, sentence = waiver_state(one, TERMS, Severity.HIGH, NOW)
    assert stands.value == state
    assert sentence.startswith(why)
    known = found(finding("a:0"), waivers=(one,))
    assert verdict(no_high(), known) == ("allow" if state == "active" else "deny")
    if state != "active":
        assert line(no_high(), known).message.endswith(f"; waiver w-1: {sentence}")


def test_a_waiver_holds_until_its_hour_and_not_a_moment_longer() -> None:
    known = found(finding("a:0"), waivers=(waiver(),))
    assert line(no_high(), known, NOW + DAY - MOMENT).state == "waived"
    only = line(no_high(), known, NOW + DAY)
    assert (only.state, only.waivers, only.since) == ("failed", (), NOW + DAY)
    assert next_deadline(no_high(), known, NOW + minutes(31)) == NOW + DAY


def test_a_waiver_begins_at_its_hour() -> None:
    known = found(finding("a:0"), waivers=(waiver(starts_at=NOW + minutes(60)),))
    assert line(no_high(), known, NOW + minutes(60) - MOMENT).state == "failed"
    only = line(no_high(), known, NOW + minutes(60))
    assert (only.state, only.since) == ("waived", NOW + minutes(60))
    assert next_deadline(no_high(), known, NOW + minutes(31)) == NOW + minutes(60)


def test_without_terms_in_the_policy_no_waiver_holds() -> None:
    only = line(no_high(terms=None), found(finding("a:0"), waivers=(waiver(),)))
    assert only.state == "failed"
    assert only.message.endswith("; waiver w-1: the policy has no terms for waivers")


def test_a_finding_that_is_rated_higher_later_loses_its_waiver() -> None:
    long = waiver(expires_at=NOW + 10 * DAY)
    for severity, state in [
        (Severity.HIGH, "waived"),
        (Severity.CRITICAL, "failed"),
        (Severity.UNKNOWN, "failed"),
    ]:
        assert line(no_high(), found(finding("a:0", severity), waivers=(long,))).state == state


def test_the_length_for_what_has_no_known_severity_is_the_longest() -> None:
    long = waiver(expires_at=NOW + 29 * DAY)
    assert waiver_state(long, TERMS, None, NOW)[0] is WaiverState.ACTIVE
    longer = waiver(expires_at=NOW + 31 * DAY)
    assert waiver_state(longer, TERMS, None, NOW) == (
        WaiverState.REFUSED,
        "it is 31d1h long, at most 30d for a finding",
    )


@pytest.mark.parametrize(
    ("of", "judged", "state"),
    [(None, None, "waived"), (None, "prod", "waived"), ("prod", "prod", "waived"),
     ("prod", "test", "failed"), ("prod", None, "failed")],
)  # fmt: skip
def test_a_waiver_for_one_environment_holds_in_no_other(
    of: str | None, judged: str | None, state: str
) -> None:
    known = found(finding("a:0"), waivers=(waiver(environment=of),), environment=judged)
    assert line(no_high(), known).state == state


def vulnerable(name: str = "Zope.Interface", advisory: str = "PYSEC-1") -> Finding:
    package = Package(name, "1.0", advisory=advisory, aliases=("CVE-2026-1", "GHSA-aa"))
    return finding("a:0", package=package)


@pytest.mark.parametrize(
    ("advisory", "package", "state"),
    [
        ("PYSEC-1", "Zope.Interface", "waived"),
        ("pysec-1", "zope_interface", "waived"),
        ("CVE-2026-1", "zope-interface", "waived"),
        ("GHSA-AA", "zope--interface", "waived"),
        ("PYSEC-2", "zope-interface", "failed"),
        ("PYSEC-1", "zope", "failed"),
    ],
)
def test_an_advisory_is_waived_for_one_package_by_any_of_its_names(
    advisory: str, package: str, state: str
) -> None:
    scope = WaiverScope(advisory=advisory, package=package)
    assert line(no_high(), found(vulnerable(), waivers=(waiver(scope),))).state == state


def test_a_waiver_of_an_advisory_covers_no_code() -> None:
    scope = WaiverScope(advisory="PYSEC-1", package="zope.interface")
    assert line(no_high(), found(finding("a:0"), waivers=(waiver(scope),))).state == "failed"


def test_of_several_waivers_the_one_that_ends_last_counts() -> None:
    short = waiver(name="w-1", expires_at=NOW + DAY)
    long = waiver(name="w-2", expires_at=NOW + 2 * DAY)
    idle = waiver(name="w-3", granted_at=None, expires_at=NOW + 9 * DAY)
    seen = set()
    for some in permutations([short, long, idle, long]):
        seen.add(decide(no_high(), found(finding("a:0"), waivers=some), NOW))
    (only,) = seen
    assert only.requirements[0].waivers == ("w-2",)
    later = decide(no_high(), found(finding("a:0"), waivers=(long, short)), NOW + DAY)
    assert later.id == only.id


def test_a_waiver_makes_another_decision() -> None:
    without = decide(no_high(), found(finding("a:0")), NOW)
    by_one = decide(no_high(), found(finding("a:0"), waivers=(waiver(),)), NOW)
    by_two = decide(no_high(), found(finding("a:0"), waivers=(waiver(name="w-2"),)), NOW)
    assert len({without.id, by_one.id, by_two.id}) == 3


def test_a_waiver_is_measured_by_each_finding_it_covers() -> None:
    scope = WaiverScope(advisory="PYSEC-1", package="zope.interface")
    one = waiver(scope, expires_at=NOW + 10 * DAY)
    critical = replace(vulnerable(), severity=Severity.CRITICAL, fingerprint="b")
    only = line(no_high(), found(vulnerable(), critical, waivers=(one,)))
    assert (only.state, only.blocking) == ("failed", (critical,))
    assert only.message.endswith("; waiver w-1: it is 10d1h long, at most 7d for severity critical")


def test_a_line_of_a_rule_that_only_warns_is_waived_too() -> None:
    one = no_high(more=", mode: warn")
    assert line(one, found(finding("a:0"), waivers=(waiver(),))).state == "waived"


def test_a_line_rests_on_no_more_waivers_than_a_decision_can_name() -> None:
    some = [finding(f"{at}:0") for at in range(MAX_WAIVERS + 1)]
    all_of_them = tuple(
        waiver(WaiverScope(fingerprint=one.fingerprint), name=f"w-{at}")
        for at, one in enumerate(some)
    )
    assert line(no_high(), found(*some[1:], waivers=all_of_them)).state == "waived"
    only = line(no_high(), found(*some, waivers=all_of_them))
    assert (only.state, len(only.blocking), len(only.waivers)) == ("failed", 1, MAX_WAIVERS)
    assert only.message.endswith("; no more than 200 waivers count for one rule")
