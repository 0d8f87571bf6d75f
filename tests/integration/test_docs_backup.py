"""docs/backup.md carried out: what was decided before the backup is there after the restore."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from devsecops_eda.evidence import open_evidence
from devsecops_eda.ledger import open_ledger
from devsecops_eda.settings import GateSettings, Settings
from tests.governed import POLICY, governed, says, waiver
from tests.judged import BASE, HEAD, NOW, commit_told, decisions, pushed, semgrep_told, take
from tests.rig.postgres import PostgresServer
from tests.rig.postgres_files import ADMIN
from tests.rig.programs import Programs
from tests.rig.provide import find_database, find_program
from tests.rig.reader import Reader

PAGE = "docs/backup.md"


def decided(settings: Settings, sha: str) -> str:
    """Let a gate decide of a commit and hear of a waiver; return the decision's id."""
    ledger = open_ledger(settings.gate.database)
    gate = governed(POLICY, ledger=ledger, evidence=open_evidence(settings.evidence_url))
    push = pushed(sha)
    told = take(gate, push, commit_told(push, merge_base=None), semgrep_told(push, "bad"))
    says(gate, "linus", waiver(), now=NOW + timedelta(minutes=1))
    ledger.close()
    return decisions(told)[-1].id


def only_that_is_there(reader: Reader, settings: Settings, before: str, after: str) -> None:
    """Assert that the first decision can be looked at, and the second was never made."""
    said = reader.saying(ID=before).does(PAGE, "looked-at")
    assert "acme/app@aaaa" in said
    assert f"{before}: the same, bit for bit" in said
    ledger = open_ledger(settings.gate.database)
    with ledger.reading() as records:
        assert records.archive.get(before) is not None
        assert records.archive.get(after) is None
    ledger.close()


def test_a_ledger_on_sqlite_comes_back_as_it_was_at_the_backup(
    programs: Programs, tmp_path: Path
) -> None:
    home, backup = tmp_path / "gate", tmp_path / "backup"
    for folder in (home, backup):
        folder.mkdir()
    settings = Settings(state_dir=home)
    before = decided(settings, HEAD)
    sqlite = find_program("sqlite3")
    assert sqlite, "sqlite3 is missing: `make rig` gets it"
    reader = Reader(
        programs,
        tmp_path,
        path=(sqlite.parent,),
        environ={"DEVSECOPS_EDA_STATE_DIR": str(home)},
        instead={"/var/lib/devsecops-eda-gate": home, "/backup": backup},
    )
    # The gate runs: the newest part of its ledger is in the file beside it.
    running = open_ledger(settings.gate.database)
    assert (home / "gate.db-wal").exists()
    reader.does(PAGE, "sqlite-backup")
    after = decided(settings, BASE)
    running.close()
    ledger = home / "gate.db"
    mode = ledger.stat().st_mode
    ledger.write_bytes(b"damaged")
    (home / "gate.db-wal").write_bytes(b"of another time")
    reader.does(PAGE, "sqlite-restore")
    assert ledger.stat().st_mode == mode
    only_that_is_there(reader, settings, before, after)
    open_evidence(settings.evidence_url).put(b"young, so that it stays")
    said = reader.does(PAGE, "pruned")
    assert said.startswith("0 reports ")
    assert decided(settings, BASE) == after


def test_a_ledger_on_postgresql_comes_back_as_it_was_at_the_backup(
    postgres: PostgresServer, programs: Programs, tmp_path: Path
) -> None:
    installed = find_database()
    assert installed
    with postgres.fresh_database() as name:
        url = postgres.url(name)
        settings = Settings(state_dir=tmp_path, gate=GateSettings(database=url))
        before = decided(settings, HEAD)
        address = make_url(url)
        reader = Reader(
            programs,
            tmp_path,
            path=(installed.bin,),
            environ={
                **dict(installed.environment),
                "PGHOST": str(address.host),
                "PGPORT": str(address.port),
                "PGUSER": str(address.username),
                "PGPASSWORD": str(address.password),
                "DEVSECOPS_EDA_STATE_DIR": str(tmp_path),
                "DEVSECOPS_EDA_GATE_DATABASE": url,
            },
            instead={
                "devsecops": name,
                "devsecops_gate": ADMIN,
                "/backup": tmp_path,
            },
        )
        running = open_ledger(url)
        reader.does(PAGE, "postgresql-backup")
        running.close()
        after = decided(settings, BASE)
        reader.does(PAGE, "postgresql-restore")
        only_that_is_there(reader, settings, before, after)
        assert decided(settings, BASE) == after
