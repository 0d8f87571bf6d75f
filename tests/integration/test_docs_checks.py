"""docs/adding-a-check.md carried out with the class of the README, in a package of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Vhost
from tests.rig.pages import blocks
from tests.rig.programs import Programs
from tests.rig.reader import Reader

PAGE = "docs/adding-a-check.md"
POLICY = """\
version: 1
name: lines
within: 5m
gates:
  merge: {}
rules:
  - {id: none, kind: findings, gates: [merge], check: lines, at_most: {high: 0}}
"""
LINELINT = """\
#!/usr/bin/python3
import json, pathlib, sys
root = pathlib.Path(sys.argv[-1])
files = sorted(str(path.relative_to(root)) for path in root.rglob("*.py"))
findings = [
    {"rule": "long", "file": name, "line": 1, "severity": "high", "text": "a long line"}
    for name in files if "x" * 80 in (root / name).read_text()
]
json.dump({"version": "1.0", "files": files, "findings": findings}, sys.stdout)
"""


@pytest.fixture
def reader(programs: Programs, tmp_path: Path) -> Reader:
    """One with the package of the page installed, its program on his PATH, and a checkout."""
    source, programs_of_his = tmp_path / "source", tmp_path / "bin"
    (checkout := tmp_path / "checkout").mkdir()
    (checkout / "app.py").write_text("x" * 100 + "\n")
    programs_of_his.mkdir()
    (program := programs_of_his / "linelint").write_text(LINELINT)
    program.chmod(0o755)
    (tmp_path / "policy.yaml").write_text(POLICY)
    source.mkdir()
    (source / "acme_lines.py").write_text(_class_of_the_readme())
    reader = Reader(
        programs,
        tmp_path,
        path=(programs_of_his,),
        environ={"PYTHONPATH": str(source), "DEVSECOPS_EDA_STATE_DIR": str(tmp_path / "state")},
        instead={"path/to/checkout": "checkout"},
    )
    described = "[metadata]\nname = acme-lines\nversion = 1\n[options]\npy_modules = acme_lines\n"
    (source / "setup.cfg").write_text(described + reader.text(PAGE, "entry-point"))
    # Described, in place: what an installation in a folder of its own leaves there.
    subprocess.run(
        [sys.executable, "-c", "from setuptools import setup; setup()", "-q", "egg_info"],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return reader


def _class_of_the_readme() -> str:
    (block,) = [one for one in blocks("README.md", "python") if "class Lines" in one.text]
    return block.text


def test_a_check_in_a_package_of_its_own_is_found_by_scan_and_has_queue_and_worker(
    reader: Reader, vhost: Vhost
) -> None:
    config = reader.writes(PAGE, "configuration", "devsecops-eda.toml")
    said = reader.does(PAGE, "tried", code=1)
    assert "a long line" in said
    assert "DENY  gate merge" in said
    user = json.dumps(vhost.node.admin.name)
    config.write_text(
        f"[broker]\nurl = {json.dumps(vhost.url)}\nsole_user = {user}\n{config.read_text()}"
    )
    worker = reader.starts(PAGE, "started")
    worker.wait_for("ready")
    assert worker.end() == 0
