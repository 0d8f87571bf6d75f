"""From what a scanner said to an outcome: paths, coverage, gaps, and the place it ran in."""

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devsecops_eda.checks import (
    CheckSettings,
    Inputs,
    Plan,
    RawFinding,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import (
    Gap,
    Outcome,
    Severity,
)
from devsecops_eda.scanning import assignment
from devsecops_eda.scanning.absent import absent
from devsecops_eda.scanning.place import sweep, workplace
from devsecops_eda.scanning.shaping import coverage_of, told
from devsecops_eda.workspace import ScanTree
from tests.examples import golden

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUSH = golden("commit.pushed", "branch_with_target")
TASK = assignment(PUSH, "pycheck")


class PyCheck(Scanner):
    """Wants every file that ends in .py."""

    name = "pycheck"
    tool = "pycheck"

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        return Selection(tuple(path for path in tree.paths if path.endswith(".py")))

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        return Inputs()

    def command(self, plan: Plan) -> Sequence[str]:
        return []

    def parse(self, output: bytes, plan: Plan) -> Report:
        return Report("1", ())


def tree_of(folder: Path, files: dict[str, str], left_out: tuple[Gap, ...] = ()) -> ScanTree:
    names = {}
    for number, (path, text) in enumerate(files.items()):
        names[path] = f"{number}.py"
        (folder / names[path]).write_text(text)
    return ScanTree(
        folder,
        names=names,
        sizes={path: len(text) for path, text in files.items()},
        left_out=left_out,
        notes=(),
        digest="sha256:" + "0" * 64,
    )


def plan_of(tree: ScanTree, folder: Path) -> Plan:
    return Plan(
        program=folder,
        tree=tree.root,
        names=tree.names,
        generated=folder,
        inputs=folder,
        folders={},
        empty=folder,
        settings=CheckSettings("pycheck"),
    )


def outcome_of(tree: ScanTree, folder: Path, report: Report) -> Outcome:
    selection = Selection(tree.paths)
    return told(PyCheck(), TASK, tree, selection, Inputs(), plan_of(tree, folder), report)


@pytest.mark.parametrize("named", ["0.py", "./0.py", "{root}/0.py"])
def test_a_finding_gets_the_path_of_the_repository_however_the_scanner_names_it(
    tmp_path: Path, named: str
) -> None:
    tree = tree_of(tmp_path, {"src/app.py": "x = 1\n"})
    name = named.format(root=tmp_path)
    raw = RawFinding("rule", name, 1, Severity.HIGH, "bad")
    made = outcome_of(tree, tmp_path, Report("1", (raw,), scanned=frozenset({name})))
    assert [finding.path for finding in made.findings] == ["src/app.py"]
    assert made.coverage.complete


@pytest.mark.parametrize("named", ["9.py", "../0.py", "/etc/passwd"])
def test_a_file_that_was_not_given_makes_the_output_no_verdict(tmp_path: Path, named: str) -> None:
    tree = tree_of(tmp_path, {"app.py": ""})
    raw = RawFinding("rule", named, 1, Severity.HIGH, "bad")
    with pytest.raises(CheckError) as caught:
        outcome_of(tree, tmp_path, Report("1", (raw,), scanned=frozenset({"0.py"})))
    assert caught.value.reason is FailureReason.BAD_OUTPUT


def test_what_the_scanner_does_not_account_for_is_a_gap(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a.py": "", "b.py": ""})
    made = outcome_of(tree, tmp_path, Report("1", (), scanned=frozenset({"0.py"})))
    assert (made.coverage.eligible, made.coverage.scanned) == (2, 1)
    assert made.coverage.gaps == (Gap("b.py", "not_scanned"),)


def test_a_scanner_that_looked_at_nothing_has_no_verdict(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a.py": ""})
    with pytest.raises(CheckError) as caught:
        outcome_of(tree, tmp_path, Report("1", (), scanned=frozenset()))
    assert caught.value.reason is FailureReason.NOTHING_SCANNED


def test_a_link_whose_name_the_check_wants_is_a_gap_and_other_left_out_things_are_not(
    tmp_path: Path,
) -> None:
    left_out = (
        Gap("evil.py", "link"),
        Gap("data.bin", "lfs_pointer"),
        Gap("conf.py", "scanner_configuration"),
    )
    tree = tree_of(tmp_path, {}, left_out)
    assert absent(PyCheck(), tree, CheckSettings("pycheck")) == (Gap("evil.py", "link"),)


def test_a_gap_known_beforehand_counts_as_eligible_and_not_as_scanned(tmp_path: Path) -> None:
    selection = Selection(("a.py",), (Gap("b.py", "too large"),))
    coverage = coverage_of(selection, frozenset({"a.py"}), (), tree_of(tmp_path, {}))
    assert (coverage.eligible, coverage.scanned, coverage.complete) == (2, 1, False)


def test_the_place_of_a_scan_is_gone_afterwards_also_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with workplace(tmp_path) as place:
            place.write("inputs", {"rules.json": b"{}"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_dead_process_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead.lock").touch()
    (tmp_path / "living").mkdir()
    held = os.open(tmp_path / "living.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    sweep(tmp_path)
    os.close(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["living", "living.lock"]
