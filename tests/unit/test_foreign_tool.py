"""A check of somebody else's brings its program by the PATH."""

from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.scanners import bind_paths, program


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_a_tool_that_does_not_come_with_us_is_found_on_the_path(folder: Path) -> None:
    tool = folder / "bin" / "linelint"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert program("linelint", state_dir=folder / "state") == tool
    assert bind_paths("linelint", state_dir=folder / "state") == (folder,)


def test_one_that_is_not_there_is_no_verdict_and_named(folder: Path) -> None:
    with pytest.raises(CheckError, match="linelint") as caught:
        program("linelint", state_dir=folder / "state")
    assert caught.value.reason is FailureReason.TOOL_MISSING
