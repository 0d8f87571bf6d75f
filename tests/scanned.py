"""Outcomes out of the recorded outputs of the scanners, through adapters and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.checks.safety import Safety
from devsecops_eda.checks.semgrep import Semgrep
from devsecops_eda.errors import CheckError
from devsecops_eda.model import Coverage, Gap, Outcome, Tool
from devsecops_eda.scanning.assignment import assignment
from devsecops_eda.scanning.shaping import completed, failed, told
from devsecops_eda.workspace import ScanTree
from tests.judged import pushed
from tests.scantree import DATA, plan, recorded, tree

DATED = datetime(2026, 3, 1, tzinfo=UTC)
CODE = {
    "app.py": 'def f(x):\n    eval(x)\n    password = "hunter2"\n',
    "broken.py": "eval(x)\ny = (\n",
    "bin/tool": "#!/usr/bin/env python3\neval(1)\n",
    "clean.py": "",
}
PINS = {
    "requirements.txt": "# ours\nFoo.Bar==1.1\nclean==2.0\nfoo-bar==1.2\n",
    "dev/requirements.txt": "foo-bar==1.1\n",
}
CLEAN = {"requirements.txt": "clean==2.0\n"}
PUSHED = pushed()


@dataclass(frozen=True)
class Tree:
    """Files by repository path, each of which keeps its name in the tree."""

    files: Mapping[str, str]
    left_out: tuple[Gap, ...] = ()
    names: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", {path: path for path in self.files})

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


def semgrep(tmp: Path, recording: str, files: Mapping[str, str]) -> Outcome:
    """What semgrep said of these files, as it was recorded."""
    rules = tmp / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "r.yaml").write_bytes((DATA / "semgrep/rules.yaml").read_bytes())
    settings = CheckSettings("semgrep", rules=(rules,))
    return _outcome(tmp, Semgrep(), f"semgrep/{recording}", files, settings)


def safety(tmp: Path, recording: str, files: Mapping[str, str]) -> Outcome:
    """What safety said of these files, as it was recorded."""
    database = tmp / "database"
    if not database.exists():
        import_osv(DATA / "osv", database, date=DATED)
    settings = CheckSettings("safety", database=database)
    return _outcome(tmp, Safety(), f"safety/{recording}", files, settings)


def nothing_for(check: Scanner) -> Outcome:
    """What is told where there is nothing for the scanner to look at."""
    task = assignment(PUSHED, check.name)
    return completed(task, tool=Tool(check.tool, "1"), coverage=Coverage(0, 0), applicable=False)


def _outcome(
    tmp: Path, check: Scanner, recording: str, files: Mapping[str, str], settings: CheckSettings
) -> Outcome:
    task = assignment(PUSHED, check.name)
    selection = check.select(tree(files), settings)
    inputs = check.inputs(settings, now=DATED)
    # A folder for each: what was generated for one would be in the way of another.
    planned = plan(Path(mkdtemp(dir=tmp)), selection, inputs, settings)
    seen = cast(ScanTree, Tree(files))
    try:
        report = check.parse(recorded(recording, planned), planned)
        return told(check, task, seen, selection, inputs, planned, report)
    except CheckError as error:
        return failed(task, error.reason, str(error), tool=check.tool)
