"""The scanners' environments: made once, found, shown to the sandbox; and the data beside them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason
from devsecops_eda.scanners import bind_paths, install, installation, program
from tests.scanlab import osv


def test_what_is_installed_stays_and_half_an_environment_is_made_anew(
    scanner_state: Path, tmp_path: Path
) -> None:
    there = installation("safety", state_dir=scanner_state)
    before = there.program.stat()

    assert install("safety", state_dir=scanner_state) == there
    assert there.program.stat() == before

    with pytest.raises(ConfigurationError, match="there is no interpreter"):
        install("safety", state_dir=tmp_path, python=tmp_path / "python")
    assert not installation("safety", state_dir=tmp_path).prefix.exists()
    with pytest.raises(CheckError, match="devsecops-eda scanners install") as raised:
        program("safety", state_dir=tmp_path)
    assert raised.value.reason is FailureReason.TOOL_MISSING


def test_a_sandbox_is_never_shown_the_whole_machine(scanner_state: Path) -> None:
    for tool in ("semgrep", "safety"):
        paths = bind_paths(tool, state_dir=scanner_state)

        assert installation(tool, state_dir=scanner_state).prefix in paths
        assert not {Path("/"), Path("/usr"), Path.home(), Path("/home"), Path("/root")} & set(paths)


def test_scanners_and_data_are_managed_from_the_command_line(
    scanner_state: Path, tmp_path: Path
) -> None:
    osv_folder = tmp_path / "osv"
    osv_folder.mkdir()
    for name, text in osv("PYSEC-4", "always", {"introduced": "0"}).items():
        (osv_folder / name).write_text(str(text))
    (osv_folder / "bad.json").write_text("{")
    environ = {"DEVSECOPS_EDA_STATE_DIR": str(scanner_state)}

    def call(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "devsecops-eda", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **environ},
        )
        return done.returncode, done.stdout + done.stderr

    code, text = call("scanners", "list", "--format", "json")
    assert code == 0
    assert {row["tool"]: row["installed"] for row in json.loads(text)["scanners"]} == {
        "semgrep": True,
        "safety": True,
    }
    code, text = call("data", "import", str(osv_folder), "--into", "db")
    assert code == 0, text
    assert "skipped bad.json: neither JSON nor YAML" in text
    assert "1 advisories for 1 packages" in text
    code, text = call("data", "show", "db", "--format", "json")
    assert (code, json.loads(text)["advisories"]) == (0, 1)
    code, text = call("data", "show", "nothing")
    assert code == 3
    (osv_folder / "PYSEC-4.json").unlink()
    code, text = call("data", "import", str(osv_folder), "--into", "db")
    assert code == 2
    assert "no usable OSV advisory" in text
    assert call("data", "show", "db")[0] == 0
    code, _ = call("data", "import", str(osv_folder), "--into", "db", "--date", "yesterday")
    assert code == 2
