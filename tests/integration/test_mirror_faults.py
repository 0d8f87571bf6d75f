"""The mirror when servers, disks and processes fail, and at its bounds."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason, UnavailableError
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Bounds, Mirror
from devsecops_eda.workspace.git import Git
from devsecops_eda.workspace.remote import remote_configuration, remote_variables
from tests.rig.repositories import UNKNOWN, Repo, environment
from tests.rig.waiting import eventually


def test_a_commit_that_is_here_needs_no_server(repo: Repo, mirror: Mirror) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    mirror.fetch(sha, refs=["main"])
    shutil.rmtree(repo.path)
    mirror.fetch(sha)
    with pytest.raises(UnavailableError, match="is not there"):
        mirror.fetch(sha, refs=["main"])


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "plain").mkdir()
    mirror = Mirror(tmp_path / "state", replace(repository, url=str(tmp_path / "plain")))
    with pytest.raises(CheckError) as error:
        mirror.fetch(UNKNOWN, refs=["main"])
    assert error.value.reason is FailureReason.FETCH_REFUSED


def test_a_server_that_does_not_listen_is_away(tmp_path: Path) -> None:
    repository = Repository(key="acme/app", url="https://127.0.0.1:1/x.git")
    with pytest.raises(UnavailableError):
        Mirror(tmp_path, repository).fetch(UNKNOWN, refs=["main"], timeout_s=30)


def test_a_server_that_says_nothing_is_away_when_the_time_is_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/x.git"
        mirror = Mirror(tmp_path, Repository(key="a", url=url, protocols=("http",)))
        with pytest.raises(UnavailableError, match="took too long"):
            mirror.fetch(UNKNOWN, refs=["main"], timeout_s=1)


@pytest.mark.parametrize(
    ("url", "protocols"),
    [
        ("ext::sh -c 'touch {canary}'", ("https",)),
        ("ext::sh -c 'touch {canary}'", ("https", "ext")),
        ("--upload-pack=touch {canary};", ("https", "file")),
        ("{repo}", ("https",)),
        ("file://{repo}", ("https", "ssh")),
        ("fd::17", ("https",)),
    ],
)
def test_only_the_protocols_of_the_repository_are_spoken(
    repo: Repo, tmp_path: Path, url: str, protocols: tuple[str, ...]
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    canary = tmp_path / "canary"
    url = url.format(canary=canary, repo=repo.path)
    mirror = Mirror(tmp_path / "state", Repository(key="a", url=url, protocols=protocols))
    with pytest.raises(CheckError) as error:
        mirror.fetch(sha, refs=["main"], timeout_s=20)
    assert error.value.reason is FailureReason.FETCH_REFUSED
    assert not canary.exists()


def test_what_git_left_behind_when_it_was_killed_does_no_harm(
    repo: Repo, mirror: Mirror, tmp_path: Path
) -> None:
    first = repo.commit({"a.py": b"1\n"})
    mirror.fetch(first, refs=["main"])
    (git_dir,) = (tmp_path / "state").rglob("repo.git")
    for name in ("HEAD.lock", "packed-refs.lock", "shallow.lock", "config.lock"):
        (git_dir / name).touch()
    for ref in git_dir.glob("refs/fetched/*"):
        ref.with_name(ref.name + ".lock").touch()
    (git_dir / "objects/pack/tmp_pack_AAAA").write_bytes(b"half")
    second = repo.commit({"a.py": b"2\n"})
    mirror.fetch(second, refs=["main"])
    assert mirror.gather(second, target="main").target_history == (second, first)
    assert not list(git_dir.rglob("*.lock"))
    assert not list(git_dir.rglob("tmp_pack_*"))


FETCHER = """
import sys
from pathlib import Path
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Mirror
mirror = Mirror(Path(sys.argv[1]), Repository(key="acme/app", url=sys.argv[2], protocols=("file",)))
mirror.fetch(sys.argv[3], refs=["main"])
"""


@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.2, 0.3, 0.5])
def test_a_fetch_that_is_killed_is_finished_by_the_next(
    repo: Repo, mirror: Mirror, tmp_path: Path, after_s: float
) -> None:
    repo.commit({f"old-{n}.bin": os.urandom(20_000) for n in range(60)})
    sha = repo.commit({f"new-{n}.bin": os.urandom(20_000) for n in range(60)})
    argv = [sys.executable, "-c", FETCHER, str(tmp_path / "state"), str(repo.path), sha]
    with subprocess.Popen(argv) as fetcher:
        begun = time.monotonic()
        eventually(
            lambda: time.monotonic() - begun > after_s and (tmp_path / "state").exists(),
            timeout_s=20,
            what="the moment of the kill",
            interval_s=0.01,
        )
        fetcher.send_signal(signal.SIGKILL)
    mirror.fetch(sha, refs=["main"])
    with_all = mirror.export(sha, tmp_path / "tree")
    assert len(with_all.paths) == 60


def test_fetches_of_several_workers_wait_for_each_other(
    repo: Repo, repository: Repository, tmp_path: Path
) -> None:
    shas = [repo.commit({"a.py": b"%d\n" % n}) for n in range(6)]
    failed: list[BaseException] = []

    def fetch(sha: str) -> None:
        try:
            mirror = Mirror(tmp_path / "state", repository)
            mirror.fetch(sha, refs=["main"])
            assert mirror.export(sha, tmp_path / sha).read("a.py")
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=fetch, args=(sha,)) for sha in shas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_repository_cut_off_at_some_depth_is_fetched_as_far_as_it_goes(
    repo: Repo, repository: Repository, tmp_path: Path
) -> None:
    shas = [repo.commit({"a.py": b"%d\n" % n}) for n in range(5)]
    cut = tmp_path / "cut.git"
    repo.git("clone", "--quiet", "--bare", "--depth=2", f"file://{repo.path}", str(cut))
    mirror = Mirror(tmp_path / "state", replace(repository, url=str(cut)))
    mirror.fetch(shas[4], refs=["main"])
    assert mirror.gather(shas[4], target="main").target_history == (shas[4], shas[3])
    assert mirror.gather(shas[3], target=None).parents == (shas[2],)
    subprocess.run(
        ["git", "fetch", "--quiet", "--unshallow", "origin"],
        cwd=cut,
        env=environment({"GIT_ALLOW_PROTOCOL": "file"}),
        check=True,
    )
    mirror.fetch(shas[4], refs=["main"])
    assert mirror.gather(shas[4], target="main").target_history == tuple(reversed(shas))


def test_sha256_repositories_are_fetched_too(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "origin.git", "--object-format=sha256")
    sha = repo.commit({"a.py": b"1\n"})
    mirror = Mirror(tmp_path / "state", Repository("a", str(repo.path), protocols=("file",)))
    mirror.fetch(sha, refs=["main"])
    assert mirror.export(sha, tmp_path / "tree").read("a.py") == b"1\n"


def test_many_fetches_do_not_leave_many_packs(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    sha = repo.commit({"a.py": b"first\n"})
    for number in range(44):
        mirror.fetch(sha, refs=["main"])
        sha = repo.commit({"a.py": b"%d\n" % number})
    mirror.fetch(sha, refs=["main"])
    assert len(list((tmp_path / "state").rglob("*.pack"))) <= 40
    assert len(mirror.gather(sha, target="main").target_history) == 45


@pytest.mark.parametrize(
    ("line", "user", "password"),
    [("ci:s3cret:x", "ci", "s3cret:x"), ("ghp_token", "x-access-token", "ghp_token")],
)
def test_the_credential_comes_from_its_file_alone(
    tmp_path: Path, line: str, user: str, password: str
) -> None:
    file = tmp_path / "credential 'file'"
    file.write_text(line + "\n")
    repository = Repository("a", "https://git.example.org/x.git", credential_file=file)
    git = Git(
        tmp_path,
        variables=remote_variables(repository, tmp_path),
        configuration=remote_configuration(repository),
    )
    assert not [value for value in git.environment().values() if password in value]
    done = subprocess.run(
        ["git", "credential", "fill"],
        input=b"protocol=https\nhost=git.example.org\n\n",
        env=git.environment(),
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert f"username={user}\npassword={password}\n".encode() in done.stdout


def test_a_tree_over_its_bounds_is_no_verdict(
    repo: Repo, repository: Repository, tmp_path: Path
) -> None:
    sha = repo.commit({f"{n}.py": b"x" * 100 for n in range(20)})
    for bounds in (Bounds(files=19), Bounds(total_bytes=1999)):
        mirror = Mirror(tmp_path / "state", repository, bounds=bounds)
        mirror.fetch(sha)
        with pytest.raises(CheckError) as error:
            mirror.export(sha, tmp_path / "tree")
        assert error.value.reason is FailureReason.RESOURCE_LIMIT


def test_a_tree_is_gone_when_it_is_closed(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    sha = repo.commit({"a/b/c.py": b"1\n"})
    mirror.fetch(sha)
    with mirror.export(sha, tmp_path / "tree") as tree:
        assert tree.read("a/b/c.py") == b"1\n"
        assert tree.size("a/b/c.py") == 2
    assert not (tmp_path / "tree").exists()
