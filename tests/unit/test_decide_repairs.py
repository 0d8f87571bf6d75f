"""Which findings to mend, and to which version: no fewer steps would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsecops_eda.model import (
    Finding,
    Package,
    Severity,
)
from devsecops_eda.policy.mending.repairing import Demand, Repair, fewest, repairs_for
from devsecops_eda.policy.mending.upgrading import smallest_upgrade
from tests.judging import completed, facts, finding
from tests.walking import in_package, no_high, way

WAY = settings(max_examples=80)


@pytest.mark.parametrize(
    ("current", "fixes", "version"),
    [
        ("3.2", [("3.2.1",)], "3.2.1"),
        ("3.2", [("3.2.1", "4.0")], "3.2.1"),
        ("3.2", [("3.2.20", "4.1.10"), ("3.2.15", "4.0.2")], "3.2.20"),
        # Nobody says that 4.0 was mended before 4.1.10.
        ("3.2", [("4.0",), ("3.2.20", "4.1.10")], "4.1.10"),
        ("3.2", [("4.0",), ("3.2.20",)], "4.0"),
        ("4.0", [("3.2.20", "4.1")], "4.1"),
        ("1.9", [("1.10",)], "1.10"),
        ("2.0", [("1.0",)], None),
        ("2.0", [("2.1",), ("1.0",)], "2.1"),
        ("main", [("2.1",)], None),
        ("2.0", [("next",)], None),
        ("1!1.0", [("2.0",)], None),
        ("1.0", [("1!0.1", "1.1")], "1.1"),
    ],
)
def test_the_smallest_version_that_has_every_fix(
    current: str, fixes: list[tuple[str, ...]], version: str | None
) -> None:
    assert smallest_upgrade(current, fixes) == version
    assert smallest_upgrade(current, fixes[::-1]) == version


def test_where_versions_cannot_be_compared_all_are_named() -> None:
    known = facts(completed(in_package("a:0", "r2", "r3", version="r1")))
    assert way(no_high(), known) == [("upgrade", "django==r1", "upgrade django r1 to r2 or r3")]
    package = Package("left-pad", "1.0", "npm", fixed_versions=("1.1",))
    other = facts(completed(finding("a:0", package=package)))
    assert way(no_high(), other) == [("upgrade", "left-pad==1.0", "upgrade left-pad 1.0 to 1.1")]


many = st.lists(
    st.builds(
        lambda name, severity, number: (
            finding(f"{name}:0", severity)
            if number > 3
            else replace(
                in_package(f"{name}:0", *(["4"] if name % 3 else []), version=str(number)),
                severity=severity,
            )
        ),
        st.integers(0, 30),
        st.sampled_from(list(Severity)),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda one: one.fingerprint,
)


def meet(chosen: Iterable[Repair], demands: list[Demand]) -> bool:
    gone = {finding for repair in chosen for finding in repair.findings}
    return all(len([one for one in of.findings if one in gone]) >= of.need for of in demands)


@WAY
@given(many, st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_no_choice_of_fewer_repairs_would_do(
    found: list[Finding], low: int, high: int, waivers: bool
) -> None:
    some = [one for one in found if one.severity >= Severity.HIGH]
    demands = [
        Demand(len(of) - most, tuple(of))
        for of, most in ((found, low), (some, high))
        if len(of) > most
    ]
    repairs = repairs_for(found, waivable=lambda some: waivers and len(some) == 1)
    chosen = fewest(repairs, demands)
    assert meet(chosen, demands)
    for size in range(len(chosen)):
        assert not any(meet(fewer, demands) for fewer in combinations(repairs, size))
