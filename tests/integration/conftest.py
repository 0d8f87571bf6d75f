"""What integration tests share: scanners, installed once; repositories; what is told apart."""

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devsecops_eda.cli.config import load
from devsecops_eda.scanners import TOOLS, install
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Bounds, Mirror, ScanTree
from tests.rig.repositories import Repo
from tests.rig.sandboxed import running
from tests.rig.trees import Export
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


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty git repository."""
    return Repo(tmp_path / "origin.git")


@pytest.fixture
def repository(repo: Repo) -> Repository:
    """That repository, as a configuration names it."""
    return Repository(key="acme/app", url=str(repo.path), protocols=("file",))


@pytest.fixture
def mirror(tmp_path: Path, repository: Repository) -> Mirror:
    """A mirror of that repository that has fetched nothing yet."""
    return Mirror(tmp_path / "state", repository)


@pytest.fixture
def export(repo: Repo, repository: Repository, tmp_path: Path) -> Export:
    """Commit files, fetch them into a mirror and write the scan tree."""

    def exported(
        files: Mapping[str | bytes, bytes],
        modes: Mapping[str | bytes, str] | None = None,
        bounds: Bounds | None = None,
    ) -> ScanTree:
        sha = repo.commit(files, modes=modes)
        mirror = Mirror(tmp_path / "state", repository, bounds=bounds)
        mirror.fetch(sha, refs=["main"])
        return mirror.export(sha, tmp_path / "work" / "tree")

    return exported


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that is there only when an order hidden in a repository was obeyed."""
    return tmp_path / "canary"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def name_of_its_own() -> Iterator[str]:
    """A number no other process has in its command line: what is started is found by it."""
    number = str(uuid.uuid4().int % 10**9 + 10**9)
    yield number
    assert not running(number)
