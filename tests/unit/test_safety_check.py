"""The adapter of safety: manifests are read by us, its report is compared with them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings, Plan
from devsecops_eda.checks.manifests import MAX_INCLUDED, is_manifest, read_manifests
from devsecops_eda.checks.safety import Safety
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Confidence, Gap, Severity
from tests.unit.scantree import DATA, plan, recorded, tree

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FILES = {
    "requirements.txt": "# ours\nFoo.Bar==1.1\nclean==2.0\nfoo-bar==1.2\n",
    "dev/requirements.txt": "foo-bar==1.1\n",
}


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


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("requirements.txt", True),
        ("a/requirements-dev.txt", True),
        ("dev_requirements.txt", True),
        ("requirements.prod.txt", True),
        ("requirements/base.txt", True),
        ("constraints.txt", True),
        ("requirements.pip", True),
        ("poetry.lock", True),
        ("x/uv.lock", True),
        ("pdm.lock", True),
        ("Pipfile.lock", True),
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("requirements.in", False),
        ("notes.txt", False),
        ("my.lock", False),
        ("Cargo.lock", False),
        ("pyproject.toml", False),
    ],
)
def test_manifests_are_known_by_name(path: str, wanted: bool) -> None:
    assert is_manifest(path) is wanted


def read(text: str | bytes) -> tuple[list[str], list[str]]:
    manifests = read_manifests(tree({"requirements.txt": text}))
    return list(manifests.places), [gap.reason for gap in manifests.gaps]


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("Django==3.2.0", "django==3.2.0"),
        ("django[argon2] == 3.2 ; python_version < '3.8'  # why", "django==3.2"),
        ("django===3.2", "django==3.2"),
        ("django==3.2,>=3", "django==3.2"),
        ("django (==3.2)", "django==3.2"),
        ("django==3.2 --hash=sha256:aa --hash=sha256:bb", "django==3.2"),
        ("django==3.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb", "django==3.2"),
        ("djan\\\ngo==3.2", "django==3.2"),
        ("a.b_c==1.0.0RC1", "a-b-c==1.0.0rc1"),
        ("\ufeffdjango==3.2", "django==3.2"),
        ("django==3.2\r\n", "django==3.2"),
        ("--no-binary :all:\n--pre\ndjango==3.2", "django==3.2"),
        ("# caf\u00e9\ndjango==3.2".encode("latin-1"), "django==3.2"),
        ("django==3.2".encode("utf-16"), "django==3.2"),
        (b"\xfe\xff" + "django==3.2".encode("utf-16-be"), "django==3.2"),
    ],
)
def test_an_exact_version_is_a_pin_however_it_is_written(text: str | bytes, pinned: str) -> None:
    assert read(text) == ([pinned], [])


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("django>=3.2", "unpinned: django>=3.2"),
        ("django", "unpinned: django"),
        ("django==3.*", "unpinned: django==3.*"),
        ("django!=3.1", "unpinned: django!=3.1"),
        ("django===abc", "unpinned: django===abc"),
        ("django @ https://u:p@x/d.zip", "from a URL, no released version: django"),
        ("https://u:p@x/d.zip", "no released version: a URL"),
        ("git+ssh://git@x/y.git#egg=why", "no released version: why"),
        ("./local/pkg", "no released version: ./local/pkg"),
        ("-e .", "editable, no released version: ."),
        ("-e git+https://u:p@x/y#egg=why", "editable, no released version: why"),
        ("--editable=git+https://u:p@x/y", "editable, no released version: a URL"),
        ("-i https://u:p@x/", "the option -i changes where packages come from"),
        ("--index-url=https://u:p@x/", "the option --index-url changes where packages come from"),
        ("--find-links wheels", "the option --find-links changes where packages come from"),
        ("django==${VERSION}", "an environment variable decides: django==${VERSION}"),
        ("-r other.txt", "includes a file outside the tree: other.txt"),
        ("-r ../../etc/passwd", "includes a file outside the tree: ../../etc/passwd"),
        ("-r https://u:p@x/r.txt", "includes a file outside the tree"),
        ("\x1b[31m red", "no released version: ?[31m red"),
        (b"a\0b", "not text in an encoding pip reads"),
        (b"\xff\xfe\x00\xd8", "not text in an encoding pip reads"),
    ],
)
def test_what_is_no_exact_version_is_a_gap_without_secrets(text: str | bytes, gap: str) -> None:
    assert read(text) == ([], [gap])


def test_includes_are_followed_once_inside_the_tree() -> None:
    manifests = read_manifests(
        tree(
            {
                "requirements.txt": "-r deps/base.list\n-rdeps/base.list\n--requirement=loop.txt\n",
                "deps/base.list": "a==1\n-r ../loop.txt\n",
                "loop.txt": "-r requirements.txt\nb==2\n",
            }
        )
    )

    assert manifests.places == {"a==1": (("deps/base.list", 1),), "b==2": (("loop.txt", 2),)}
    assert manifests.paths == ("deps/base.list", "loop.txt", "requirements.txt")
    assert manifests.gaps == ()


def test_a_constraint_pins_what_a_requirement_leaves_open() -> None:
    manifests = read_manifests(
        tree({"requirements.txt": "-c pins.txt\nDjango\nother\n", "pins.txt": "django==3.2\n"})
    )

    assert manifests.places == {"django==3.2": (("pins.txt", 1),)}
    assert manifests.gaps == (Gap("requirements.txt", "unpinned: other"),)


def test_includes_are_bounded() -> None:
    files = {f"n{n}.txt": f"-r n{n + 1}.txt\n" for n in range(MAX_INCLUDED + 10)}
    manifests = read_manifests(tree({"requirements.txt": "-r n0.txt\n", **files}))

    assert [gap.reason for gap in manifests.gaps] == [f"includes more than {MAX_INCLUDED} files"]


LOCKS: dict[str, str] = {
    "poetry.lock": """
[[package]]
name = "Django"
version = "3.2"

[[package]]
name = "mine"
version = "0"
[package.source]
type = "git"
url = "https://u:p@x/y"
""",
    "uv.lock": """
[[package]]
name = "Django"
version = "3.2"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "mine"
version = "0"
source = { git = "https://u:p@x/y?rev=1" }

[[package]]
name = "self"
version = "1.0"
source = { editable = "." }
""",
    "pdm.lock": """
[[package]]
name = "Django"
version = "3.2"

[[package]]
name = "mine"
version = "0"
git = "https://u:p@x/y"
""",
    "pylock.toml": """
[[packages]]
name = "Django"
version = "3.2"

[[packages]]
name = "mine"
vcs = { type = "git", url = "https://u:p@x/y" }

[[packages]]
name = "self"
directory = { path = "." }
""",
    "Pipfile.lock": """{"_meta": {},
"default": {
  "django": {"hashes": [], "version": "==3.2"},
  "mine": {"git": "https://u:p@x/y"}}, "develop": {}}""",
}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_pin_and_their_gaps_are_told(name: str) -> None:
    manifests = read_manifests(tree({name: LOCKS[name]}))

    assert manifests.places == {"django==3.2": ((name, 3 if name == "Pipfile.lock" else 2),)}
    (gap,) = manifests.gaps
    assert gap.reason.endswith("no released version: mine")
    assert "u:p" not in repr(manifests)


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense = = ", "[[package]]", '{"default": []}', "\0", "[" * 9999]
)
def test_a_broken_lock_file_is_a_gap_or_empty(name: str, text: str) -> None:
    manifests = read_manifests(tree({name: text}))

    assert manifests.places == {}
    assert {gap.reason for gap in manifests.gaps} <= {"not readable as a lock file"}


def test_a_lock_version_that_is_none_is_a_gap() -> None:
    manifests = read_manifests(
        tree({"poetry.lock": '[[package]]\nname = "a"\nversion = "not a version"\n'})
    )

    assert manifests.gaps == (Gap("poetry.lock", "no version of PEP 440: a not a version"),)


def test_selection_is_what_the_manifests_say() -> None:
    files: dict[str, Any] = {"requirements.txt": "a==1\nb\n", "uv.lock": LOCKS["uv.lock"]}
    selection = Safety().select(tree(files), CheckSettings("safety"))

    assert selection.eligible == ("requirements.txt", "uv.lock")
    assert selection.generated["requirements.txt"] == b"a==1\ndjango==3.2\n"
