"""The real safety in the real sandbox: offline, on exactly the pins that we read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings
from devsecops_eda.checks.safety import Safety
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Gap, OutcomeStatus, Severity
from tests.scanlab import NOW, Lab, found, osv


@pytest.fixture
def database(lab: Lab) -> Callable[..., Path]:
    """Import advisories, as files, into the database that the check safety uses."""

    def make(*advisories: Mapping[str, str | bytes], age: timedelta = timedelta(0)) -> Path:
        folder = lab.tmp / "database"
        for one in advisories:
            lab.write("osv", one)
        import_osv(lab.tmp / "osv", folder, date=NOW - age)
        lab.checks["safety"] = CheckSettings("safety", database=folder, timeout_s=120)
        return folder

    return make


@pytest.fixture
def ordinary(database: Callable[..., Path]) -> Path:
    return database(
        osv(
            "PYSEC-1",
            "Foo_Bar",
            {"introduced": "1.0"},
            {"fixed": "1.2"},
            {"introduced": "2.0"},
            {"fixed": "2.0.5"},
            aliases=["CVE-2026-1"],
            severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        ),
        osv("PYSEC-2", "last", {"introduced": "0"}, {"last_affected": "3.1"}),
        osv("PYSEC-3", "listed", versions=["1.0", "1.1rc1"]),
        osv("PYSEC-4", "always", {"introduced": "0"}),
    )


VULNERABLE = {
    "foo-bar": ["1.0", "1.1.post2", "1.1rc1", "1.2rc1", "1.1+local", "2.0.4"],
    "last": ["0.dev1", "0.1", "3.1"],
    "listed": ["1.0", "1.1rc1"],
    "always": ["0.0.1", "1!9"],
}
CLEAN = {
    "foo-bar": ["0.9", "1.0rc1", "1.2", "1.2+local", "1.3", "2.0rc1", "2.0.5"],
    "last": ["3.1.post1", "3.2"],
    "listed": ["1.1", "1.0.post1"],
    "other": ["1.0"],
}


@pytest.mark.usefixtures("ordinary")
def test_safety_finds_exactly_the_vulnerable_pins(lab: Lab) -> None:
    pins = [
        f"{name}=={version}"
        for table in (VULNERABLE, CLEAN)
        for name, versions in table.items()
        for version in versions
    ]
    outcome = lab.scan(Safety(), {"requirements.txt": "\n".join(pins)})

    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    told = {(f.package.name, f.package.version) for f in outcome.findings if f.package}
    assert told == {(name, v) for name, versions in VULNERABLE.items() for v in versions}
    assert outcome.coverage.complete
    assert outcome.tool.version == "3.7.0"
    lines = {pins[f.line - 1] for f in outcome.findings}
    assert lines == {f"{name}=={v}" for name, versions in VULNERABLE.items() for v in versions}


@pytest.mark.usefixtures("ordinary")
def test_a_vulnerable_pin_is_told_with_all_that_the_advisory_says(lab: Lab) -> None:
    outcome = lab.scan(
        Safety(), {"app/requirements.txt": "\n# a\nFoo.Bar[x]==1.1 ; python_version<'3'\n"}
    )

    (finding,) = outcome.findings
    assert (finding.path, finding.line, finding.rule) == ("app/requirements.txt", 3, "PYSEC-1")
    assert finding.severity is Severity.CRITICAL
    assert finding.fix == "upgrade foo-bar to 1.2 or later"
    assert finding.package is not None
    assert finding.package.aliases == ("CVE-2026-1",)
    assert finding.package.fixed_versions == ("1.2", "2.0.5")
    assert finding.package.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert outcome.data is not None
    assert outcome.data.date == NOW


@pytest.mark.usefixtures("ordinary")
def test_nothing_in_the_repository_blinds_safety(lab: Lab) -> None:
    outcome = lab.scan(
        Safety(),
        {
            "requirements.txt": "--index-url https://u:hunter2@evil.example/\nfoo-bar==1.1\nfoo-bar>1\n",
            ".safety-policy.yml": "security:\n  ignore-cvss-severity-below: 10\n",
            "safety-policy.yml": "x",
            "only-gaps/requirements.txt": "pkg @ https://u:hunter2@evil.example/p.zip\n",
            "empty/requirements.txt": "",
        },
    )

    assert found(outcome) == {("PYSEC-1", "requirements.txt", 2)}
    assert set(outcome.coverage.gaps) == {
        Gap("requirements.txt", "the option --index-url changes where packages come from"),
        Gap("requirements.txt", "unpinned: foo-bar>1"),
        Gap("only-gaps/requirements.txt", "from a URL, no released version: pkg"),
    }
    assert "hunter2" not in repr(outcome)


@pytest.mark.usefixtures("ordinary")
def test_manifests_with_gaps_alone_are_completed_and_say_so(lab: Lab) -> None:
    outcome = lab.scan(Safety(), {"requirements.txt": "django>=3.2\n"})

    assert outcome.status is OutcomeStatus.COMPLETED
    assert outcome.applicable
    assert outcome.coverage.gaps == (Gap("requirements.txt", "unpinned: django>=3.2"),)


def test_without_a_database_there_is_no_verdict_but_the_mend(lab: Lab) -> None:
    for settings in (
        CheckSettings("safety"),
        CheckSettings("safety", database=lab.tmp / "nothing"),
    ):
        lab.checks["safety"] = settings
        outcome = lab.scan(Safety(), {"requirements.txt": "a==1\n"})

        assert outcome.failure is not None
        assert outcome.failure.reason is FailureReason.NO_DATA
        assert "devsecops-eda data import" in outcome.failure.detail


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(days=7), None),
        (timedelta(days=7, seconds=1), FailureReason.STALE_DATA),
        (timedelta(days=400), FailureReason.STALE_DATA),
    ],
)
def test_old_data_is_no_verdict(
    lab: Lab, database: Callable[..., Path], age: timedelta, reason: FailureReason | None
) -> None:
    database(osv("PYSEC-4", "always", {"introduced": "0"}), age=age)

    outcome = lab.scan(Safety(), {"requirements.txt": "always==1\n"})

    assert (outcome.failure.reason if outcome.failure else None) is reason


@pytest.mark.usefixtures("ordinary")
def test_data_from_the_future_is_no_verdict(lab: Lab) -> None:
    settings = lab.checks["safety"]

    with pytest.raises(CheckError) as raised:
        Safety().inputs(settings, now=NOW - timedelta(hours=1))

    assert raised.value.reason is FailureReason.STALE_DATA


def test_a_fingerprint_of_a_dependency_survives_a_bump_that_does_not_mend(
    lab: Lab, ordinary: Path
) -> None:
    first = lab.scan(Safety(), {"requirements.txt": "foo-bar==1.0\n"})
    second = lab.scan(Safety(), {"requirements.txt": "# moved\na==1\nfoo-bar==1.1\n"})

    assert [f.fingerprint for f in first.findings] == [f.fingerprint for f in second.findings]


def test_a_tree_without_manifests_is_not_applicable(lab: Lab) -> None:
    assert not lab.scan(Safety(), {"README.md": "x"}).applicable
