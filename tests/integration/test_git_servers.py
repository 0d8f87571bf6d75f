"""Fetching over HTTP and SSH: credentials, refusals, outages."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason, UnavailableError
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Mirror
from tests.rig.git_server import GitServer, git_server
from tests.rig.repositories import Repo

PASSWORD = "corr3ct:h0rse"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    (tmp_path / "served").mkdir()
    return Repo(tmp_path / "served" / "app.git")


@pytest.fixture
def server(repo: Repo) -> Iterator[GitServer]:
    with git_server(repo.path.parent, f"ci:{PASSWORD}") as running:
        yield running


def over_http(server: GitServer, tmp_path: Path, line: str | None, name: str = "app.git") -> Mirror:
    file = None
    if line is not None:
        file = tmp_path / "credential"
        file.write_text(line)
    repository = Repository("acme/app", server.url(name), credential_file=file, protocols=("http",))
    return Mirror(tmp_path / "state", repository)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_password_from_a_file_opens_the_door_and_is_seen_nowhere(
    repo: Repo, server: GitServer, tmp_path: Path, end: str
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    mirror = over_http(server, tmp_path, f"ci:{PASSWORD}{end}")
    mirror.fetch(sha, refs=["main"])
    assert mirror.has(sha)
    assert server.logins > 0
    assert not server.seen_in_argv
    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]


@pytest.mark.parametrize("line", [None, "ci:wrong", "", "token"])
def test_without_the_right_password_the_fetch_is_refused_and_nobody_is_asked(
    repo: Repo, server: GitServer, tmp_path: Path, line: str | None
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    with pytest.raises(CheckError) as error:
        over_http(server, tmp_path, line).fetch(sha, refs=["main"], timeout_s=30)
    assert error.value.reason is FailureReason.FETCH_REFUSED
    assert server.logins == 0


def test_a_repository_that_is_not_on_the_server_is_refused(
    server: GitServer, tmp_path: Path
) -> None:
    with pytest.raises(CheckError) as error:
        over_http(server, tmp_path, f"ci:{PASSWORD}", "other.git").fetch("0" * 40, refs=["main"])
    assert error.value.reason is FailureReason.FETCH_REFUSED


def test_a_server_in_trouble_is_away_and_a_later_fetch_succeeds(
    repo: Repo, server: GitServer, tmp_path: Path
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    mirror = over_http(server, tmp_path, f"ci:{PASSWORD}")
    server.status = 503
    with pytest.raises(UnavailableError):
        mirror.fetch(sha, refs=["main"])
    server.status = 200
    mirror.fetch(sha, refs=["main"])
    assert mirror.has(sha)


def test_a_server_that_sends_us_elsewhere_is_not_followed(
    repo: Repo, server: GitServer, tmp_path: Path
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    with git_server(repo.path.parent, f"ci:{PASSWORD}") as elsewhere:
        server.moved_to = elsewhere.url("").rstrip("/")
        with pytest.raises((CheckError, UnavailableError)):
            over_http(server, tmp_path, f"ci:{PASSWORD}").fetch(sha, refs=["main"])
        assert elsewhere.logins == 0


SSH = """#!/bin/sh
printf '%s\\n' "$@" > "{seen}"
for last; do :; done
exec sh -c "$last"
"""


def test_over_ssh_the_key_is_a_file_and_no_question_is_asked(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    seen = tmp_path / "seen"
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH.format(seen=seen))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    key = tmp_path / "a key"
    key.write_text("secret")
    url = f"ssh://git@git.example.org{repo.path}"
    repository = Repository("acme/app", url, credential_file=key, protocols=("ssh",))
    mirror = Mirror(tmp_path / "state", repository)
    mirror.fetch(sha, refs=["main"])
    assert mirror.has(sha)
    said = seen.read_text().splitlines()
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(said)
    assert said[said.index("-i") + 1] == str(key)
    assert "git@git.example.org" in said
