"""A folder of OSV advisories becomes a database, all of it or not at all."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.advisories import import_osv, read_database
from devsecops_eda.advisories.importing import MAX_ADVISORY_BYTES
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason, UnavailableError
from tests.scantree import DATA

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def document(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    affected = {"package": {"ecosystem": "PyPI", "name": "pkg"}, "ranges": ranges}
    affected |= more.pop("affected_more", {})
    return {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [affected], **more}


def folder(tmp: Path, *documents: dict[str, Any]) -> Path:
    tmp.mkdir(exist_ok=True)
    for number, one in enumerate(documents):
        (tmp / f"{number}.json").write_text(json.dumps(one))
    return tmp


def test_an_import_counts_what_it_used_and_names_what_it_skipped(tmp_path: Path) -> None:
    osv = folder(
        tmp_path / "osv",
        document({"introduced": "0"}),
        document({"introduced": "0"}, id="X-2", withdrawn="2026-01-01T00:00:00Z"),
        document({"introduced": "0"}, id="X-3", modified="2999-01-01T00:00:00Z"),
    )
    (osv / "sub").mkdir()
    (osv / "sub/bad.yml").write_text("{")
    (osv / "big.json").write_bytes(b" " * (MAX_ADVISORY_BYTES + 1))
    (osv / "link.json").symlink_to("/etc/passwd")
    (osv / "README.md").write_text("no advisory")

    report = import_osv(osv, tmp_path / "db", now=NOW)

    assert (report.advisories, report.packages, report.withdrawn) == (1, 1, 1)
    assert set(report.skipped) == {
        ("2.json", "modified in the future"),
        ("sub/bad.yml", "neither JSON nor YAML"),
        ("big.json", f"larger than {MAX_ADVISORY_BYTES} bytes"),
    }
    assert report.date == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_zip_file_reads_like_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("X-1.json", json.dumps(document({"introduced": "0"})))
        opened.writestr("../evil.json", "{}")
        opened.writestr("big.json", " " * (MAX_ADVISORY_BYTES + 1))

    report = import_osv(archive, tmp_path / "a")
    same = import_osv(folder(tmp_path / "osv", document({"introduced": "0"})), tmp_path / "b")

    assert report.digest == same.digest
    assert {name for name, _ in report.skipped} == {"../evil.json", "big.json"}
    assert not (tmp_path / "evil.json").exists()


def test_the_same_advisories_make_the_same_database(tmp_path: Path) -> None:
    date = datetime(2026, 1, 1, tzinfo=UTC)
    digests = {import_osv(DATA / "osv", tmp_path / name, date=date).digest for name in "ab"}

    assert len(digests) == 1
    assert import_osv(DATA / "osv", tmp_path / "c").digest not in digests


def test_a_database_speaks_for_the_newest_advisory_or_the_date_given(tmp_path: Path) -> None:
    assert import_osv(DATA / "osv", tmp_path).date == datetime(2026, 11, 21, 8, tzinfo=UTC)
    database = read_database(tmp_path)
    assert database is not None
    assert database.date == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert len(database.advisories) == 2

    date = datetime(2026, 1, 1, tzinfo=UTC)
    import_osv(DATA / "osv", tmp_path, date=date)
    database = read_database(tmp_path)
    assert database is not None
    assert database.date == date


@pytest.mark.parametrize(
    "source", ["nowhere", "empty", "malformed", "no.zip"], ids=lambda name: name
)
def test_an_import_of_nothing_leaves_the_old_database(tmp_path: Path, source: str) -> None:
    import_osv(DATA / "osv", tmp_path / "db")
    before = read_database(tmp_path / "db")
    (tmp_path / "empty").mkdir()
    folder(tmp_path / "malformed", {})
    (tmp_path / "no.zip").write_text("no zip file")

    with pytest.raises(ConfigurationError, match=source):
        import_osv(tmp_path / source, tmp_path / "db")

    assert read_database(tmp_path / "db") == before


def test_a_date_in_the_future_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="future"):
        import_osv(DATA / "osv", tmp_path, date=NOW + timedelta(hours=1), now=NOW)


def test_a_folder_that_holds_something_else_is_told_apart(tmp_path: Path) -> None:
    assert read_database(tmp_path) is None
    assert read_database(tmp_path / "nowhere") is None

    import_osv(DATA / "osv", tmp_path)
    (tmp_path / "insecure.json").write_text("{}")
    with pytest.raises(UnavailableError, match="do not belong together"):
        read_database(tmp_path)

    (tmp_path / "advisories.json").write_text("{}")
    with pytest.raises(CheckError, match="data import") as raised:
        read_database(tmp_path)
    assert raised.value.reason is FailureReason.NO_DATA
