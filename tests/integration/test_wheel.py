"""What people install: the built wheel, in new environments outside the tree."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The scanners alone are some 400 MB to unpack.
pytestmark = pytest.mark.timeout(900)


def _run(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` away from the tree, with nothing of the tree on Python's path."""
    return subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={"PYTHONNOUSERSITE": "1", **os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def _must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def away() -> Iterator[Path]:
    """A folder outside the tree, removed at the end: pytest keeps its own ones, these are big."""
    with tempfile.TemporaryDirectory(prefix="devsecops-eda-wheel-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def wheel(away: Path) -> Path:
    """The wheel, built from a copy so that nothing stale is in it and nothing new in the tree."""
    copy = away / "source"
    copy.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, copy)
    for name in ("devsecops_eda", "events"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation")
    _must(_run((*pip, "--wheel-dir", away / "dist", copy), cwd=away))
    (built,) = (away / "dist").glob("*.whl")
    return built


def _install(wheel: Path, where: Path, *, lock: str, extras: str = "") -> Path:
    """Install the wheel into a new environment at ``lock``'s versions; return ``bin``."""
    _must(_run((sys.executable, "-m", "venv", where), cwd=wheel.parent))
    # Hashes would be asked of the wheel too, which is new each time; the versions are what counts.
    pins = [
        line.removesuffix("\\").strip()
        for line in (ROOT / "requirements" / lock).read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    ]
    constraints = where / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n")
    pip = (where / "bin/python", "-m", "pip", "-q", "--no-input", "--disable-pip-version-check")
    _must(_run((*pip, "install", "-c", constraints, f"{wheel}{extras}"), cwd=where))
    _must(_run((*pip, "check"), cwd=where))
    return where / "bin"


@pytest.fixture(scope="session")
def base(wheel: Path, away: Path) -> Path:
    """``bin`` of an environment with the wheel and no extra."""
    return _install(wheel, away / "base", lock="run.txt")


@pytest.fixture(scope="session")
def everything(wheel: Path, away: Path) -> Path:
    """``bin`` of an environment with the wheel and all its extras."""
    return _install(wheel, away / "all", lock="all.txt", extras="[all]")


def _is_installed(path: Path) -> bool:
    # What locks are made from is of use here only.
    if "__pycache__" in path.parts or path.suffix == ".in":
        return False
    # Beside each rule stands a file of positive and negative lines, which stays here.
    return "rules" not in path.parts or (path.suffix == ".yaml" and ".test" not in path.suffixes)


def test_the_wheel_holds_all_of_the_tree_but_the_test_files_of_rules(wheel: Path) -> None:
    files = [path for path in (ROOT / "devsecops_eda").rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in files if _is_installed(path)}
    for path in (ROOT / "events").rglob("*"):
        if path.is_file() and _is_installed(path):
            expected.add(f"devsecops_eda/events/{path.relative_to(ROOT / 'events')}")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_schemas_are_read_from_the_installed_package(base: Path, away: Path) -> None:
    script = """
import importlib.resources, json
events = importlib.resources.files("devsecops_eda.events")
folders = [one for one in events.iterdir() if one.is_dir()]
schemas = [one for folder in folders for one in folder.iterdir() if one.name.endswith(".json")]
print(json.dumps([json.loads(one.read_text())["$schema"] for one in schemas]))
"""
    schemas = json.loads(_must(_run((base / "python", "-I", "-c", script), cwd=away)))
    assert set(schemas) == {"https://json-schema.org/draft/2020-12/schema"}


def test_the_installed_command_says_its_version(base: Path, away: Path) -> None:
    assert "0.1.0" in _must(_run((base / "devsecops-eda", "--version"), cwd=away))


@pytest.mark.parametrize("module", ["celery", "kombu", "safety", "semgrep"])
def test_the_base_install_has_no_celery_and_no_scanner(base: Path, away: Path, module: str) -> None:
    script = (
        f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
    )
    _must(_run((base / "python", "-I", "-c", script), cwd=away))


@pytest.mark.parametrize("command", [("worker", "semgrep"), ("gate",)])
def test_a_command_whose_extra_is_missing_names_it(
    base: Path, away: Path, command: tuple[str, ...]
) -> None:
    done = _run((base / "devsecops-eda", *command), cwd=away)
    assert done.returncode == 2
    assert "devsecops_eda[worker]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_with_all_its_extras_scans_the_sample(everything: Path, away: Path) -> None:
    shutil.copytree(ROOT / "examples", away / "examples")
    shop, database = away / "examples" / "vulnerable-shop", away / "database"
    home = away / "home"
    home.mkdir()
    (home / "devsecops-eda.toml").write_text(
        f'state_dir = "{home / "state"}"\n[checks.semgrep]\n'
        f'[checks.safety]\ndatabase = "{database}"\n'
    )
    program = everything / "devsecops-eda"
    environment = {"HOME": str(home), "DEVSECOPS_EDA_CONFIG": ""}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    advisories = away / "examples" / "advisories"
    importing = (program, "data", "import", advisories, "--into", database, "--date", now)
    _must(_run(importing, cwd=home, env=environment))
    report = away / "report.json"
    scanning = (program, "scan", shop, "--output", f"json={report}")
    done = _run(scanning, cwd=home, env=environment)
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert report.exists(), f"{done.stdout}\n{done.stderr}"
    told = json.loads(report.read_text())
    assert told["decision"]["verdict"] == "deny"
    assert {finding["check"] for finding in told["findings"]} == {"safety", "semgrep"}
