"""How long a scan takes, phase by phase, and how much of it is ours and not the scanners'.

Prints, asserts no times. ``make bench`` runs it.
"""

import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings
from devsecops_eda.cli.config import default_state_dir
from devsecops_eda.embedded import ScanResult, scan
from devsecops_eda.policy import default_policy_text, load_policy
from devsecops_eda.scanning import SCANNER_PHASE, covered_s
from devsecops_eda.settings import Settings
from tests.rig.site import git

ROOT = Path(__file__).parents[2]
LARGE = "django==5.2.8"
"""A real project of several thousand files: its source distribution, by name from the index."""

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    database = tmp_path_factory.mktemp("data") / "advisories"
    import_osv(ROOT / "examples" / "advisories", database, date=datetime.now(UTC))
    checks = {
        "commit": CheckSettings("commit"),
        "semgrep": CheckSettings("semgrep", timeout_s=1800),
        "safety": CheckSettings("safety", database=database),
    }
    return Settings(state_dir=default_state_dir(os.environ), checks=checks)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", LARGE],
        cwd=folder,
        check=True,
    )
    (archive,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "--no-same-owner", "-xf", archive], cwd=folder, check=True)
    (project,) = (path for path in folder.iterdir() if path.is_dir())
    return _committed(project)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    for number in range(8):
        (tmp_path / f"m{number}.py").write_text(f"import os\n\nx = {number}\n")
    (tmp_path / "requirements.txt").write_text("jinja2==3.1.0\n")
    (tmp_path / "README.md").write_text("tiny\n")
    return _committed(tmp_path)


def _committed(project: Path) -> Path:
    git("init", "-q", "-b", "main", project, cwd=project)
    git("add", "-A", "-f", cwd=project)
    git("commit", "-q", "-m", "all", cwd=project)
    return project


def _print(name: str, files: int, result: ScanResult) -> None:
    lengths: defaultdict[tuple[str, str], float] = defaultdict(float)
    for one in result.phases:
        lengths[one.check, one.name] += one.length_s
    total = lengths.pop(("", "total"))
    scanners = covered_s(one for one in result.phases if one.name == SCANNER_PHASE)
    print(f"\n{name}: {files} files, {result.decision.verdict.value}")
    for (check, phase), length_s in lengths.items():
        print(f"  {check or 'all':<8} {phase:<12} {length_s:8.2f} s")
    print(f"  total                 {total:8.2f} s")
    print(f"  a scanner was running {scanners:8.2f} s")
    print(f"  beyond the scanners   {total - scanners:8.2f} s")
    print(f"  1 s + 0.5 ms per file {1 + files * 0.0005:8.2f} s")


@pytest.mark.parametrize("name", ["tiny", "large"])
def test_scan(name: str, settings: Settings, request: pytest.FixtureRequest) -> None:
    project: Path = request.getfixturevalue(name)
    policy = load_policy(default_policy_text(), file="default", checks=settings.checks)
    result = scan(project, settings=settings, policy=policy)
    files = len(git("ls-files", cwd=project).splitlines())
    _print(name, files, result)
    assert all(outcome.failure is None for outcome in result.outcomes)
