"""Reports in files: whole or not at all, and nothing else is harmed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.output import Target, write_all
from devsecops_eda.reports import FORMATS
from tests.results import Scanned


def test_a_pipe_gets_the_report_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_all(Scanned(), (Target("text", pipe),))
    reader.join(30)
    assert read == [FORMATS["text"](Scanned())]
    assert pipe.is_fifo()


def test_a_link_goes_on_leading_to_its_file(tmp_path: Path) -> None:
    file, link = tmp_path / "today.json", tmp_path / "latest.json"
    file.write_text("old")
    link.symlink_to(file.name)
    write_all(Scanned(), (Target("json", link),))
    assert link.is_symlink()
    assert file.read_text() == FORMATS["json"](Scanned())
    assert {path.name for path in tmp_path.iterdir()} == {"today.json", "latest.json"}


def test_a_report_does_not_go_into_the_file_that_standard_output_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # capfd has made standard output a file of its own.
    code = run(["scan", str(tmp_path), "--output", "text=/dev/stdout"])
    assert code == ExitCode.USAGE
    assert "--format says what is printed" in capfd.readouterr().err
