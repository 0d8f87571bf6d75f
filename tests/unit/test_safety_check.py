"""The adapter of safety: manifests are read by us, its report is compared with them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings, Plan
from devsecops_eda.checks.safety import Safety
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Confidence, Severity
from tests.scantree import DATA, plan, recorded, tree

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FILES = {
    "requirements.txt": "# ours\nFoo.Bar==1.1\nclean==2.0\nfoo-bar==1.2\n",
    "dev/requirements.txt": "foo-bar==1.1\n",
}


LOCK = '[[package]]\nname = "Django"\nversion = "3.2"\n'


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database")
    import_osv(DATA / "osv", folder, date=NOW)
    return folder


def planned(tmp: Path, database: Path, files: dict[str, str]) -> Plan:
    check, settings = Safety(), CheckSettings("safety", database=database)
    return plan(tmp, check.select(tree(files), settings), check.inputs(settings, now=NOW), settings)


@pytest.fixture
def the_plan(tmp_path: Path, database: Path) -> Plan:
    return planned(tmp_path, database, FILES)


def test_a_vulnerable_pin_is_found_at_every_place_it_stands(the_plan: Plan) -> None:
    report = Safety().parse(recorded("safety/findings.txt", the_plan), the_plan)

    assert report.version == "3.7.0"
    assert {(f.rule, f.path, f.line) for f in report.findings} == {
        ("PYSEC-2026-1", "requirements.txt", 2),
        ("PYSEC-2026-1", "dev/requirements.txt", 1),
    }
    assert report.scanned == frozenset(f"/scan/tree/{path}" for path in FILES)


def test_a_finding_says_all_that_the_advisories_say(the_plan: Plan) -> None:
    finding = Safety().parse(recorded("safety/findings.txt", the_plan), the_plan).findings[0]

    assert finding.message == "foo-bar 1.1: Foo_Bar runs what it is sent."
    assert finding.severity is Severity.CRITICAL
    assert finding.confidence is Confidence.HIGH
    assert finding.cwe == ("CWE-94",)
    assert finding.fix == "upgrade foo-bar to 1.2 or later"
    assert finding.code == "PYSEC-2026-1 foo-bar"
    assert finding.generated
    package = finding.package
    assert package is not None
    assert (package.name, package.version) == ("foo-bar", "1.1")
    assert package.aliases == ("CVE-2026-1000", "GHSA-aaaa-bbbb-cccc")
    assert package.fixed_versions == ("1.2", "2.0.5")
    assert package.published == datetime(2026, 10, 1, 12, 30, tzinfo=UTC)


def test_nothing_found_counts_when_safety_looked_at_our_pins(
    tmp_path: Path, database: Path
) -> None:
    ours = planned(tmp_path, database, {"requirements.txt": "clean==2.0\n"})

    assert Safety().parse(recorded("safety/nothing.txt", ours), ours).findings == ()


def test_nothing_found_is_bad_output_when_safety_looked_elsewhere(the_plan: Plan) -> None:
    for name in ("safety/nothing.txt", "safety/empty.txt"):
        with pytest.raises(CheckError, match=r"looked at \d of 3 pins, not at") as raised:
            Safety().parse(recorded(name, the_plan), the_plan)

        assert raised.value.reason is FailureReason.BAD_OUTPUT


def test_a_finding_that_safety_ignored_is_a_finding(the_plan: Plan) -> None:
    banner, _, rest = recorded("safety/findings.txt", the_plan).decode().partition("{")
    document = json.JSONDecoder().raw_decode("{" + rest)[0]
    document["ignored_vulnerabilities"] = document.pop("vulnerabilities")
    document["vulnerabilities"] = []

    report = Safety().parse((banner + json.dumps(document)).encode(), the_plan)

    assert len(report.findings) == 2


@pytest.mark.parametrize("output", [b"", b"no", b"{", b"{}", b"[]", b'{"vulnerabilities": 1}'])
def test_what_is_no_report_is_bad_output(the_plan: Plan, output: bytes) -> None:
    with pytest.raises(CheckError) as raised:
        Safety().parse(output, the_plan)

    assert raised.value.reason is FailureReason.BAD_OUTPUT


def test_an_advisory_that_is_not_in_the_database_is_bad_output(the_plan: Plan) -> None:
    output = recorded("safety/findings.txt", the_plan).replace(b"PYSEC-2026-1", b"PYSEC-2026-9")

    with pytest.raises(CheckError) as raised:
        Safety().parse(output, the_plan)

    assert raised.value.reason is FailureReason.BAD_OUTPUT


def test_safety_is_given_our_files_alone(the_plan: Plan) -> None:
    argv = Safety().command(the_plan)

    assert str(the_plan.generated / "requirements.txt") in argv
    assert not any("/scan/tree" in word for word in argv)
    assert (the_plan.generated / "requirements.txt").read_text().split() == [
        "clean==2.0",
        "foo-bar==1.1",
        "foo-bar==1.2",
    ]


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(minutes=-6), FailureReason.STALE_DATA),
        (timedelta(0), None),
        (timedelta(days=7), None),
        (timedelta(days=7, seconds=1), FailureReason.STALE_DATA),
    ],
)
def test_data_of_the_wrong_age_is_no_verdict(
    database: Path, age: timedelta, reason: FailureReason | None
) -> None:
    settings = CheckSettings("safety", database=database)
    if reason is None:
        data = Safety().inputs(settings, now=NOW + age).data
        assert data is not None
        assert data.date == NOW
        return
    with pytest.raises(CheckError, match=r"2026-11-24 00:00 UTC.*devsecops-eda data") as raised:
        Safety().inputs(settings, now=NOW + age)

    assert raised.value.reason is reason


def test_missing_data_is_no_verdict_and_names_the_mend(tmp_path: Path) -> None:
    for database in (None, tmp_path / "nowhere"):
        with pytest.raises(CheckError, match="`devsecops-eda data import`") as raised:
            Safety().inputs(CheckSettings("safety", database=database), now=NOW)

        assert raised.value.reason is FailureReason.NO_DATA


def test_selection_is_what_the_manifests_say() -> None:
    files = {"requirements.txt": "a==1\nb\n", "poetry.lock": LOCK}
    selection = Safety().select(tree(files), CheckSettings("safety"))

    assert selection.eligible == ("poetry.lock", "requirements.txt")
    assert selection.generated["requirements.txt"] == b"a==1\ndjango==3.2\n"
