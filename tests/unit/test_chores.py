"""What timers start: rescans of protected branches, the age of data, clearing up evidence."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.protected import newest, rescans
from devsecops_eda.evidence import Evidence, open_evidence
from devsecops_eda.ledger import Ledger, PushRow, open_ledger
from devsecops_eda.model import ScanRequested
from devsecops_eda.settings import Repository
from tests.ledger_naming import MAIN, pushed_to
from tests.recorded import BASE, DAY, HEAD, NOW, OTHER, REPO, heard

ADVISORIES = Path(__file__).parents[2] / "examples" / "advisories"
OLD_S = 500 * 86400.0
REPOSITORIES = {
    REPO: Repository(REPO, "https://git.example/acme/app.git", protected=("main", "release/*")),
    OTHER: Repository(OTHER, "https://git.example/acme/other.git"),
}
MAIN_PUSH, RELEASE_PUSH = (
    PushRow(HEAD, MAIN, "main"),
    PushRow(BASE, "refs/heads/release/1", "release/1"),
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "devsecops-eda.toml"
    file.write_text(f'state_dir = "{tmp_path}"\n[checks.safety]\ndatabase = "osv"\n')
    monkeypatch.setenv("DEVSECOPS_EDA_CONFIG", str(file))
    return tmp_path


@pytest.fixture
def ledger(site: Path) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{site / 'gate.db'}")) as opened:
        yield opened


@pytest.fixture
def store(site: Path) -> Evidence:
    return open_evidence((site / "evidence").as_uri())


# Rescan.


def test_the_newest_push_to_each_protected_branch_is_looked_at_again(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed_to(records, MAIN, BASE, at=NOW)
        pushed_to(records, MAIN, HEAD, at=NOW + DAY)
        pushed_to(records, "refs/heads/topic", BASE, at=NOW + DAY)
        pushed_to(records, "refs/heads/release/1", BASE, at=NOW, target="release/1")
    assert newest(ledger, REPOSITORIES) == (MAIN_PUSH, RELEASE_PUSH)


def test_a_repository_that_is_not_configured_is_not_looked_at(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed_to(records, MAIN, HEAD, at=NOW)
    assert newest(ledger, {OTHER: REPOSITORIES[OTHER]}) == ()


def test_every_check_is_asked_about_the_push_as_it_was_told() -> None:
    events = tuple(rescans((MAIN_PUSH, RELEASE_PUSH), ("semgrep", "safety"), reason="x", now=NOW))
    said = [one.data for one in events]
    assert said == [
        ScanRequested(push.subject, check, push.ref, push.target, "x")
        for push in (MAIN_PUSH, RELEASE_PUSH)
        for check in ("semgrep", "safety")
    ]
    assert len({one.correlationid for one in events}) == len(events)


def test_asking_twice_on_one_day_is_asking_once() -> None:
    def ids(now: datetime, reason: str = "nightly") -> list[tuple[str, str]]:
        made = rescans((MAIN_PUSH,), ("semgrep", "safety"), reason=reason, now=now)
        return [(one.id, one.correlationid) for one in made]

    assert ids(NOW) == ids(NOW + timedelta(hours=11))
    assert not set(ids(NOW)) & set(ids(NOW + DAY))
    assert not set(ids(NOW)) & set(ids(NOW, "new rules"))


@pytest.mark.parametrize(
    "argv",
    [
        "--protected",
        "--protected --all-checks --check semgrep",
        "--protected --all-checks --sha x --repo acme/app",
        "--protected --all-checks --wait 1m",
        "--protected --all-checks --repo acme/unknown",
        "--all-checks",
        "--all-checks --repo acme/app --sha " + "a" * 40,
        "--repo acme/app --check semgrep",
        "--check semgrep --sha " + "a" * 40,
    ],
)
@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_meant_is_refused(argv: str) -> None:
    assert run(["rescan", *argv.split()]) == ExitCode.USAGE


@pytest.mark.usefixtures("site")
def test_without_a_ledger_there_is_nothing_to_rescan_and_none_is_made(site: Path) -> None:
    assert run(["rescan", "--protected", "--all-checks"]) == ExitCode.USAGE
    assert not (site / "gate.db").exists()


# Age of data.


def test_young_data_is_told_with_its_age(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_osv(ADVISORIES, site / "osv", date=datetime.now(UTC) - timedelta(days=2))
    assert run(["data", "check"]) == ExitCode.ALLOW
    assert capsys.readouterr().out == "safety: 2.0 days old, 7 at most\n"


def test_data_that_is_too_old_ends_in_a_code_of_its_own(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_osv(ADVISORIES, site / "osv", date=datetime.now(UTC) - timedelta(days=8))
    assert run(["data", "check"]) == ExitCode.COULD_NOT_EVALUATE
    assert capsys.readouterr().out.startswith("safety: ")


@pytest.mark.usefixtures("site")
def test_no_data_is_too_old() -> None:
    assert run(["data", "check"]) == ExitCode.COULD_NOT_EVALUATE


# Evidence.


def kept(store: Evidence, site: Path, body: bytes, *, age_s: float = OLD_S) -> str:
    """Put something long ago."""
    _, digest = store.put(body)
    name = digest.removeprefix("sha256:")
    file = site / "evidence" / name[:2] / name
    then = datetime.now(UTC).timestamp() - age_s
    os.utime(file, (then, then))
    return digest


def prune(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    assert run(["evidence", "prune", "--format", "json", *more]) == ExitCode.ALLOW
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def there(site: Path) -> set[str]:
    files = (site / "evidence").rglob("*")
    return {f"sha256:{file.name}" for file in files if file.is_file()}


def test_only_what_is_old_and_named_nowhere_is_removed(
    ledger: Ledger, store: Evidence, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = kept(store, site, b"named")
    young = kept(store, site, b"young", age_s=10.0)
    loose = kept(store, site, b"loose")
    with ledger.transaction() as records:
        heard(records, f'{{"datadigest":"{named}"}}')
    counted = prune(capsys)
    assert (counted["reports"], counted["bytes"], counted["removed"]) == (1, 5, False)
    assert there(site) == {named, young, loose}
    assert prune(capsys, "--apply")["reports"] == 1
    assert there(site) == {named, young}
    assert prune(capsys, "--apply")["reports"] == 0


def test_the_retention_says_what_is_old(
    ledger: Ledger, store: Evidence, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(store, site, b"loose", age_s=3 * 86400.0)
    with ledger.transaction() as records:
        heard(records, "something")
    assert prune(capsys)["reports"] == 0
    file = site / "devsecops-eda.toml"
    file.write_text(file.read_text() + '[gate]\nretention = "48h"\n')
    assert prune(capsys)["reports"] == 1


@pytest.mark.usefixtures("ledger")
def test_an_empty_ledger_is_no_reason_to_remove_everything(store: Evidence, site: Path) -> None:
    digest = kept(store, site, b"named by another ledger")
    assert run(["evidence", "prune", "--apply"]) == ExitCode.USAGE
    assert there(site) == {digest}


def test_a_ledger_that_is_not_there_is_no_reason_either(store: Evidence, site: Path) -> None:
    digest = kept(store, site, b"named by another ledger")
    assert run(["evidence", "prune", "--apply"]) == ExitCode.USAGE
    assert there(site) == {digest}
    assert not (site / "gate.db").exists()


def test_what_is_put_again_is_young_again(store: Evidence, site: Path) -> None:
    kept(store, site, b"seen each month")
    before = datetime.now(UTC) - DAY
    assert len(list(store.old(before))) == 1
    store.put(b"seen each month")
    assert list(store.old(before)) == []


@pytest.mark.parametrize("again", [True, False])
def test_what_is_put_again_while_it_is_removed_stays(
    store: Evidence, site: Path, again: bool
) -> None:
    digest = kept(store, site, b"a report")
    before = datetime.now(UTC) - DAY
    (found,) = store.old(before)
    if again:
        store.put(b"a report")
    assert store.remove(found, before) is not again
    assert there(site) == ({digest} if again else set())


def test_what_a_killed_writer_left_is_cleared_up_too(
    ledger: Ledger, store: Evidence, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(store, site, b"a report")
    (folder,) = (site / "evidence").iterdir()
    left = folder / ".tmpabc"
    left.write_bytes(b"half a rep")
    os.utime(left, (0, 0))
    with ledger.transaction() as records:
        heard(records, "something")
    assert prune(capsys, "--apply")["reports"] == 2
    assert there(site) == set()


def test_a_store_that_is_not_there_says_so(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        heard(records, "something")
    assert run(["evidence", "prune"]) == ExitCode.COULD_NOT_EVALUATE


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o770])
def test_whoever_may_read_the_folder_may_read_what_is_in_it(
    store: Evidence, site: Path, mode: int
) -> None:
    root = site / "evidence"
    root.mkdir()
    root.chmod(mode)
    store.put(b"a report")
    (folder,) = root.iterdir()
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o7777 == mode
    assert file.stat().st_mode & 0o7777 == mode & 0o660
