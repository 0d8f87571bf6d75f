"""Repositories with orders hidden in them: none is obeyed, and no path leads out."""

import os
import subprocess
from pathlib import Path

import pytest

from devsecops_eda import sandbox
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.sandbox import Limits
from devsecops_eda.settings import Repository, SandboxMode
from devsecops_eda.workspace import (
    Bounds,
    Checkout,
    Mirror,
    git_version,
)
from tests.rig.repositories import Repo
from tests.rig.trees import Export, assert_harmless, everything_in, left_out


def bare_repository(prefix: str, command: str) -> dict[str | bytes, bytes]:
    """The files of a bare repository whose configuration runs a command."""
    return {
        f"{prefix}HEAD": b"ref: refs/heads/main\n",
        f"{prefix}config": (
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
            f"\tworktree = .\n\tfsmonitor = {command}\n\tsshCommand = {command}\n"
        ).encode(),
        f"{prefix}objects/info/keep": b"",
        f"{prefix}refs/heads/keep": b"",
        f"{prefix}a.py": b"1\n",
    }


@pytest.mark.parametrize("prefix", ["inner/", ""])
def test_a_repository_committed_inside_is_no_repository_in_the_tree(
    export: Export, canary: Path, prefix: str
) -> None:
    tree = export(bare_repository(prefix, f"touch {canary}"))
    assert_harmless(tree)
    assert len(tree.paths) == 5
    for folder in (tree.root, *(path for path in everything_in(tree) if path.is_dir())):
        # The bare, unhardened command a scanner might use.
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "status"],
            cwd=folder,
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "GIT_CEILING_DIRECTORIES": str(tree.root.parent)},
        )
        assert b"not a git repository" in done.stderr
    assert not canary.exists()


def test_a_repository_hidden_in_a_tree_runs_nothing_in_the_sandbox(
    repo: Repo, tmp_path: Path
) -> None:
    folder = tmp_path / "as it was"
    marker = "/tmp/canary"
    for name, content in bare_repository("", f"touch {marker}").items():
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = sandbox.run(
        ["/bin/sh", "-c", f"cd '{folder}' && git status; test ! -e {marker} && echo harmless"],
        mode=SandboxMode.BUBBLEWRAP,
        limits=Limits(timeout_s=30),
        read_only=(folder,),
        cwd=empty,
        env={},
    )
    assert done.stdout.endswith(b"harmless\n"), done


def test_a_git_directory_in_a_tree_is_listed(repo: Repo, tmp_path: Path) -> None:
    blob = repo.blob(b"[core]\n\tfsmonitor = touch x\n")
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    rows = "".join(
        f"040000 tree {inner}\t{name}\n" for name in (".git", ".GIT", "git~1", ".hg", ".svn", "ok")
    )
    sha = repo.commit_tree(repo.git("mktree", stdin=rows.encode()))
    # Such an object does not even come through the fetch; here it is in the repository already.
    mirror = Mirror(tmp_path / "state", Repository("a", str(repo.path), protocols=("file",)))
    with pytest.raises(CheckError) as error:
        mirror.fetch(sha, refs=["main"])
    assert error.value.reason is FailureReason.FETCH_REFUSED

    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").symlink_to(repo.path)
    with Checkout(work) as checkout:
        tree = checkout.export(sha, tmp_path / "tree")
    assert_harmless(tree)
    assert tree.paths == ("ok/config",)
    assert set(left_out(tree).values()) == {"version_control"}
    assert len(left_out(tree)) == 5


def test_a_path_that_leads_out_of_the_tree_stays_in_it(repo: Repo, tmp_path: Path) -> None:
    blob = repo.blob(b"1\n")
    up = repo.git("mktree", stdin=f"100644 blob {blob}\tevil.py\n".encode())
    for _ in range(8):
        up = repo.git("mktree", stdin=f"040000 tree {up}\t..\n".encode())
    sha = repo.commit_tree(up)
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").symlink_to(repo.path)
    with Checkout(work) as checkout:
        tree = checkout.export(sha, tmp_path / "tree")
    assert_harmless(tree)
    assert len(tree.paths) == 1
    assert not list(tmp_path.parent.glob("evil.py"))


def test_a_tree_that_unfolds_without_end_is_cut(repo: Repo, tmp_path: Path) -> None:
    tree = repo.git("mktree", stdin=f"100644 blob {repo.blob(b'x')}\tf\n".encode())
    for _ in range(10):
        rows = "".join(f"040000 tree {tree}\td{n}\n" for n in range(10))
        tree = repo.git("mktree", stdin=rows.encode())
    sha = repo.commit_tree(tree)
    repository = Repository("a", str(repo.path), protocols=("file",))
    mirror = Mirror(tmp_path / "state", repository, bounds=Bounds(files=10_000))
    mirror.fetch(sha, refs=["main"])
    with pytest.raises(CheckError) as error:
        mirror.export(sha, tmp_path / "tree")
    assert error.value.reason is FailureReason.RESOURCE_LIMIT
    with pytest.raises(CheckError) as error:
        mirror.gather(sha, target=None)
    assert error.value.reason in (FailureReason.RESOURCE_LIMIT, FailureReason.OUTPUT_LIMIT)


def test_a_repository_that_is_fetched_from_gives_no_orders(
    repo: Repo, canary: Path, tmp_path: Path
) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    run = f"touch {canary};"
    with (repo.path / "config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = "{run}"\n\thooksPath = hooks\n\tsshCommand = "{run}"\n'
            f'\talternateRefsCommand = "{run}"\n[uploadpack]\n\tpackObjectsHook = "{run}"\n'
            f'[include]\n\tpath = evil\n[remote "origin"]\n\turl = "ext::{run}"\n'
        )
    (repo.path / "evil").write_text(f'[uploadpack]\n\tpackObjectsHook = "{run}"\n')
    hooks = repo.path / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-receive", "reference-transaction", "post-merge"):
        (hooks / hook).write_text(f"#!/bin/sh\n{run}\n")
        (hooks / hook).chmod(0o755)
    mirror = Mirror(tmp_path / "state", Repository("a", str(repo.path), protocols=("file",)))
    mirror.fetch(sha, refs=["main"])
    assert mirror.export(sha, tmp_path / "tree").paths == ("a.py",)
    assert not canary.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_fetched_from(repo: Repo, tmp_path: Path) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    for path in (repo.path, *repo.path.rglob("*")):
        os.lchown(path, 12345, 12345)
    mirror = Mirror(tmp_path / "state", Repository("a", str(repo.path), protocols=("file",)))
    mirror.fetch(sha, refs=["main"])
    assert mirror.has(sha)


def test_git_says_its_version() -> None:
    assert git_version()[0].isdigit()
