"""OSV advisories become a database that says exactly which versions they mean."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from devsecops_eda.advisories import Advisory
from devsecops_eda.advisories.merging import merge
from devsecops_eda.advisories.osv import (
    MAX_ITEMS,
    MalformedAdvisoryError,
    Withdrawn,
    advisories_of,
)
from devsecops_eda.model import Severity
from tests.scantree import DATA

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
MEDIUM_V2 = "AV:N/AC:M/Au:N/C:P/I:N/A:N"
CRITICAL_V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


def document(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    affected = {"package": {"ecosystem": "PyPI", "name": "pkg"}, "ranges": ranges}
    affected |= more.pop("affected_more", {})
    return {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [affected], **more}


def read(content: Any, name: str = "x.json") -> Advisory:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = advisories_of(name, body)
    assert not isinstance(found, Withdrawn)
    (advisory,) = found
    return advisory


def means(advisory: Advisory, version: str) -> bool:
    return any(SpecifierSet(spec).contains(version, prereleases=True) for spec in advisory.specs)


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}], ["0.dev0", "0", "99", "1!0"], []),
        (
            [{"introduced": "0"}, {"fixed": "1.2"}],
            ["0", "1.1", "1.2rc1", "1.2.dev1", "1.1.post1"],
            ["1.2", "1.2.post1", "1.2+local", "1.3"],
        ),
        (
            [{"introduced": "1.0"}, {"last_affected": "1.2"}],
            ["1.0", "1.2", "1.2+local"],
            ["0.9", "1.0rc1", "1.2.post1", "1.2.1"],
        ),
        (
            [{"fixed": "2.1"}, {"introduced": "2.0"}, {"fixed": "1.1"}, {"introduced": "1.0"}],
            ["1.0", "2.0"],
            ["0.9", "1.1", "1.9", "2.1"],
        ),
        (
            [{"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "1.5"}, {"fixed": "2"}],
            ["1.0", "1.5", "1.9"],
            ["2"],
        ),
        (
            [{"introduced": "1"}, {"last_affected": "1"}, {"introduced": "2"}, {"limit": "3"}],
            ["1", "2.9"],
            ["1.1", "3"],
        ),
        ([{"introduced": "1"}, {"limit": "*"}], ["1", "9"], ["0.9"]),
    ],
)
def test_ranges_mean_the_versions_that_osv_means(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    advisory = read(document(*events))

    assert [v for v in inside if not means(advisory, v)] == []
    assert [v for v in outside if means(advisory, v)] == []


def test_listed_versions_count_beside_the_ranges() -> None:
    versions = ["1.0", "0.9rc1", "not a version"]
    advisory = read(
        document({"introduced": "1.0"}, {"fixed": "2"}, affected_more={"versions": versions})
    )

    assert advisory.specs == (">=1.0,<=2,!=2", "==0.9rc1")
    assert advisory.fixed_versions == ("2",)


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, Severity.UNKNOWN),
        ({"severity": [{"type": "CVSS_V3", "score": CRITICAL}]}, Severity.CRITICAL),
        ({"severity": [{"type": "CVSS_V4", "score": CRITICAL_V4}]}, Severity.CRITICAL),
        ({"severity": [{"type": "CVSS_V2", "score": MEDIUM_V2}]}, Severity.MEDIUM),
        ({"severity": [{"type": "CVSS_V3", "score": LOW}]}, Severity.LOW),
        (
            {"severity": [{"type": "CVSS_V3", "score": s} for s in (LOW, CRITICAL)]},
            Severity.CRITICAL,
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}]}, Severity.UNKNOWN),
        ({"severity": [{"type": "Ubuntu", "score": "low"}]}, Severity.UNKNOWN),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({"database_specific": {"severity": "HIGH"}}, Severity.HIGH),
        ({"database_specific": {"severity": "new word"}}, Severity.UNKNOWN),
        (
            {
                "severity": [{"type": "CVSS_V3", "score": LOW}],
                "database_specific": {"severity": "HIGH"},
            },
            Severity.LOW,
        ),
    ],
)
def test_severity_is_the_worst_rating_and_absent_is_unknown(
    more: dict[str, Any], severity: Severity
) -> None:
    assert read(document({"introduced": "0"}, **more)).severity is severity


def test_texts_are_cut_and_made_printable() -> None:
    advisory = read(
        document({"introduced": "0"}, summary="\x1b[31m" + "x" * 9999, details="a\n\x07b" * 9999)
    )

    assert advisory.summary.startswith("[31m")
    assert len(advisory.summary) <= 200
    assert len(advisory.details) <= 4000
    assert all(char.isprintable() or char == "\n" for char in advisory.details)


def test_yaml_reads_like_json() -> None:
    advisory = read((DATA / "osv/PYSEC-2026-2.yaml").read_bytes(), "a.yaml")

    assert advisory.package == "yaml-reader"
    assert advisory.specs == (">=0.dev0,<=3.1",)
    assert advisory.modified == datetime(2026, 11, 19, 8, 0, 0, 500_000, tzinfo=UTC)
    assert advisory.summary == "[31mRed [0m alert."


def test_a_withdrawn_advisory_says_nothing() -> None:
    taken_back = document({"introduced": "0"}, withdrawn="2026-01-02T00:00:00Z")

    assert isinstance(advisories_of("x.json", json.dumps(taken_back).encode()), Withdrawn)


def test_other_ecosystems_are_none_of_ours() -> None:
    other = document({"introduced": "0"})
    other["affected"][0]["package"]["ecosystem"] = "npm"

    assert advisories_of("x.json", json.dumps(other).encode()) == ()


BOMB = (
    b"id: X-1\nmodified: 2026-01-01T00:00:00Z\na: &a [x, x]\nb: &b [*a, *a]\naliases: *b\n"
    b"affected: [{package: {ecosystem: PyPI, name: p}, ranges: [{type: ECOSYSTEM, "
    b"events: [{introduced: '0'}]}]}]\n"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", b""),
        ("x.json", b"\xff\xfe"),
        ("x.json", b"{"),
        ("x.json", b"[" * 100_000),
        ("x.json", b"[]"),
        ("x.yaml", b"a: [b"),
        ("x.yaml", b"[" * 5_000),
        ("x.yaml", BOMB),
        ("x.yaml", b"!!python/object/apply:os.system [id]"),
    ],
)
def test_what_is_no_advisory_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(MalformedAdvisoryError):
        advisories_of(name, content)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": "a b"},
        {"id": "x" * 101},
        {"modified": None},
        {"modified": "yesterday"},
        {"affected": "pkg"},
        {"affected": [{}]},
        {"aliases": [1]},
        {"aliases": ["a"] * (MAX_ITEMS + 1)},
        {"summary": ["a"]},
        {"affected": [{"package": {"ecosystem": "PyPI", "name": "a b"}}]},
        {"affected": [{"package": {"ecosystem": "PyPI", "name": "pkg"}}]},
        {
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": "pkg"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "latest"}]}],
                }
            ]
        },
    ],
)
def test_what_does_not_fit_the_schema_is_refused(changed: dict[str, Any]) -> None:
    content = {**document({"introduced": "0"}), **changed}

    with pytest.raises(MalformedAdvisoryError):
        advisories_of("x.json", json.dumps(content).encode())


def test_one_vulnerability_of_two_databases_is_one_advisory() -> None:
    first = read((DATA / "osv/PYSEC-2026-1.json").read_bytes())
    second = read((DATA / "osv/GHSA-aaaa-bbbb-cccc.json").read_bytes())

    (one,) = merge([second, first])

    assert (one,) == merge([first, second])
    assert one.id == "PYSEC-2026-1"
    assert one.severity is Severity.CRITICAL
    assert one.aliases == ("CVE-2026-1000", "GHSA-aaaa-bbbb-cccc")
    assert one.cwe == ("CWE-94",)
    assert means(one, "0.1")
    assert means(one, "2.0.1")


def test_merging_is_transitive_and_keeps_packages_apart() -> None:
    chain = [
        read(document({"introduced": "0"}, id=name, aliases=[alias]))
        for name, alias in (("A-1", "C-1"), ("B-1", "C-2"), ("D-1", "C-1"))
    ]
    bridge = read(document({"introduced": "0"}, id="E-1", aliases=["C-1", "C-2"]))
    other = document({"introduced": "0"}, id="F-1", aliases=["C-1"])
    other["affected"][0]["package"]["name"] = "other"

    merged = merge([*chain, bridge, read(other)])

    assert [(a.package, a.id) for a in merged] == [("other", "F-1"), ("pkg", "A-1")]
