"""What integration tests share: the scanners, installed once."""

import os
from pathlib import Path

import pytest

from devsecops_eda.cli.config import load
from devsecops_eda.scanners import TOOLS, install
from tests.scanlab import Lab


@pytest.fixture(scope="session")
def scanner_state() -> Path:
    """The state folder of whoever runs the tests: the scanners are installed there once."""
    state = load(None, os.environ).settings.state_dir
    for tool in TOOLS:
        install(tool, state_dir=state)
    return state


@pytest.fixture
def lab(scanner_state: Path, tmp_path: Path) -> Lab:
    """A place for real scans of small folders."""
    return Lab(scanner_state, tmp_path)
