"""The doctor on what the gate rests on: policy, people, memory, reports; and on a worker's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from devsecops_eda.checks import (
    Check,
    CheckSettings,
    Inputs,
    Plan,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.doctor import Finding, State, gate, host
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.ledger import open_ledger
from devsecops_eda.ledger.inspection import inspect_ledger
from devsecops_eda.model import DataVersion, People, Person
from devsecops_eda.scanners import installation
from devsecops_eda.settings import Settings

NOW = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = """\
version: 1
name: house
gates:
  merge:
    asked_by: [commit.pushed]
rules:
  - id: ran
    kind: scan
    gates: [merge]
    check: semgrep
    within: {within}
    mode: {mode}
"""
ASKING = """\
  - id: two
    kind: approvals
    gates: [merge]
    n: 1
    groups: [leads]
    deadline: 24h
    within: 30m
"""


def settings(folder: Path, policy: str | None = None, *, people: People | None = None) -> Settings:
    made = Settings(folder, people=people or People())
    if policy is not None:
        file = folder / "policy.yaml"
        file.write_text(policy)
        made = replace(made, gate=replace(made.gate, policy=file))
    return made


def states(found: Iterable[Finding]) -> list[State]:
    return [one.state for one in found]


def test_a_policy_that_cannot_be_read_is_a_failure_with_its_place(tmp_path: Path) -> None:
    policy, found = gate.read_policy(settings(tmp_path, "version: 1\nname: x\nrools: []\n"))
    assert policy is None
    assert (found.state, "policy.yaml:3" in found.text) == (State.FAIL, True), found
    assert gate.required_checks(policy, settings(tmp_path)) == frozenset()


@pytest.mark.parametrize(
    ("within", "mode", "required", "wrong"),
    [
        ("30m", "enforce", {"semgrep", "commit"}, 0),
        ("30m", "warn", {"commit"}, 1),
        ("5m", "enforce", {"semgrep", "commit"}, 1),
    ],
)
def test_what_a_policy_requires_and_asks_in_vain(
    tmp_path: Path, within: str, mode: str, required: set[str], wrong: int
) -> None:
    given = settings(tmp_path, POLICY.format(within=within, mode=mode))
    policy, found = gate.read_policy(given)
    assert policy is not None
    assert found.state is State.OK
    assert gate.required_checks(policy, given) == required
    assert states(gate.policy_findings(policy, given)) == [State.WARN] * wrong


ADA = Person("ada", users=("ada",), emails=("ada@localhost",))


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (People((ADA,), {"leads": frozenset({"ada"})}), []),
        (People((replace(ADA, users=()),), {"leads": frozenset({"ada"})}), ["can say nothing"]),
        (People((replace(ADA, emails=()),), {"leads": frozenset({"ada"})}), ["unknown author"]),
        (
            People((ADA,), {"leads": frozenset({"ada"}), "empty": frozenset()}),
            ["nobody is in empty"],
        ),
    ],
)
def test_people_who_are_asked_and_cannot_vote_are_named(
    tmp_path: Path, people: People, words: list[str]
) -> None:
    given = settings(tmp_path, POLICY.format(within="30m", mode="enforce") + ASKING, people=people)
    policy, found = gate.read_policy(given)
    assert found.state is State.OK, found
    told = [one for one in gate.people_findings(policy, given) if one.state is State.WARN]
    assert [word in one.text for word, one in zip(words, told, strict=True)] == [True] * len(words)


def test_a_ledger_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    given = settings(tmp_path)
    (found,) = gate.ledger_findings(given)
    assert (found.state, "no tables yet" in found.text) == (State.WARN, True)
    assert list(tmp_path.iterdir()) == []

    open_ledger(given.gate.database).close()
    (found,) = gate.ledger_findings(given)
    assert found.state is State.OK
    newest = inspect_ledger(given.gate.database).newest
    for revision, state in (("0001", State.WARN), ("9999", State.FAIL)):
        engine = create_engine(given.gate.database)
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
        engine.dispose()
        (found,) = gate.ledger_findings(given)
        assert (found.state, revision in found.text, newest in found.text) == (state, True, True)

    (tmp_path / "gate.db").write_bytes(b"this is no database at all" * 100)
    (found,) = gate.ledger_findings(given)
    assert (found.state, "cannot be read" in found.text) == (State.FAIL, True)


def test_an_address_that_is_no_database_is_a_failure(tmp_path: Path) -> None:
    given = settings(tmp_path)
    given = replace(given, gate=replace(given.gate, database="no url"))
    assert states(gate.ledger_findings(given)) == [State.FAIL]


def test_a_database_that_is_away_is_a_failure_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    given = settings(tmp_path)
    url = "postgresql+psycopg://gate:secret@127.0.0.1:1/gate"
    given = replace(given, gate=replace(given.gate, database=url))
    (found,) = gate.ledger_findings(given)
    assert (found.state, "secret" in found.text) == (State.FAIL, False)


def test_the_store_of_reports_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    given = settings(tmp_path)
    assert gate.evidence_finding(given).state is State.WARN
    folder = tmp_path / "evidence"
    folder.mkdir()
    assert gate.evidence_finding(given).state is State.OK
    assert list(folder.iterdir()) == []
    folder.rmdir()
    folder.write_text("a file")
    assert gate.evidence_finding(given).state is State.FAIL


class Looking(Scanner):
    """A scanner whose data are as the test wants them."""

    name = "looking"
    tool = "semgrep"

    def __init__(self, inputs: Inputs | CheckError) -> None:
        self._inputs = inputs

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        return Selection(())

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        if isinstance(self._inputs, CheckError):
            raise self._inputs
        return self._inputs

    def command(self, plan: Plan) -> Sequence[str]:
        return []

    def parse(self, output: bytes, plan: Plan) -> Report:
        return Report("1", ())


def aged(days: float) -> Inputs:
    return Inputs(data=DataVersion("sha256:0", NOW - timedelta(days=days)))


@pytest.mark.parametrize(
    ("inputs", "required", "state", "mend"),
    [
        (Inputs(), True, State.OK, ""),
        (aged(1), True, State.OK, ""),
        (aged(6), True, State.WARN, "data import"),
        (CheckError(FailureReason.STALE_DATA, "8 days old"), True, State.FAIL, "data import"),
        (CheckError(FailureReason.NO_DATA, "none"), False, State.WARN, "data import"),
        (CheckError(FailureReason.MISCONFIGURED, "x"), True, State.FAIL, "mend what stands in"),
    ],
)
def test_data_are_as_old_as_they_may_be(
    tmp_path: Path, inputs: Inputs | CheckError, required: bool, state: State, mend: str
) -> None:
    given = replace(settings(tmp_path), checks={"looking": CheckSettings("looking")})
    checks: dict[str, Check] = {"looking": Looking(inputs)}
    names = {"looking"} if required else set()
    (found,) = host.data_findings(given, checks, required=names, now=NOW)
    assert (found.state, mend in found.mend) == (state, True)


def test_a_scanner_that_is_not_here_or_another_one_is_found(tmp_path: Path) -> None:
    given = settings(tmp_path)
    checks: dict[str, Check] = {"looking": Looking(Inputs())}

    def found(required: set[str]) -> Finding:
        (one,) = host.scanner_findings(given, checks, required=required)
        return one

    beside = found(set())
    if beside.state is State.OK:
        pytest.skip("semgrep is installed beside this program")
    assert (beside.state, found({"looking"}).state) == (State.WARN, State.FAIL)
    prefix = Path(installation("semgrep", state_dir=tmp_path).prefix)
    packages = prefix / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (prefix / ".complete").touch()
    (packages / "semgrep-0.1.0.dist-info").mkdir()
    assert "semgrep-0.1.0" in found({"looking"}).text
    (packages / "semgrep-0.1.0.dist-info").rmdir()
    version = installation("semgrep", state_dir=tmp_path).version
    (packages / f"semgrep-{version}.dist-info").mkdir()
    assert found({"looking"}).state is State.OK
