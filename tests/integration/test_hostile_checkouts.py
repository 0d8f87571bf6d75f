"""A checkout that gives orders: none is obeyed, nothing outside is read."""

import os
import subprocess
from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError
from devsecops_eda.workspace import (
    Checkout,
    copy_folder,
)
from tests.rig.repositories import git_in
from tests.rig.trees import assert_harmless, left_out

ORDERS = {
    "core.fsmonitor": "{run}",
    "core.sshCommand": "{run}",
    "core.pager": "{run}",
    "core.editor": "{run}",
    "core.askPass": "{run}",
    "core.gitProxy": "{run}",
    "core.alternateRefsCommand": "{run}",
    "pager.status": "{run}",
    "diff.external": "{run}",
    "diff.x.textconv": "{run}",
    "diff.x.command": "{run}",
    "merge.x.driver": "{run}",
    "filter.x.clean": "{run}",
    "filter.x.smudge": "{run}",
    "filter.x.process": "{run}",
    "filter.x.required": "true",
    "credential.helper": "!{run}",
    "gpg.program": "{run}",
    "log.showSignature": "true",
    "uploadpack.packObjectsHook": "{run}",
    "alias.status": "!{run}",
    "alias.ls-files": "!{run}",
    "remote.origin.url": "ext::{run}",
    "remote.origin.promisor": "true",
    "extensions.partialClone": "origin",
    "protocol.ext.allow": "always",
    "core.worktree": "/etc",
    "include.path": "../evil.config",
}
"""Whatever a configuration of git can say that runs or reaches something."""


@pytest.fixture
def hostile(tmp_path: Path, canary: Path) -> Path:
    """A checkout in which everything that can name a program names one."""
    work = tmp_path / "hostile"
    work.mkdir()
    git_in(work, "init", "--quiet", "--initial-branch=main")
    (work / "a.py").write_bytes(b"1\n")
    git_in(work, "add", ".")
    git_in(work, "commit", "--quiet", "-m", "first")
    run = f"touch {canary}"
    (work / "evil.config").write_text(f"[core]\n\tfsmonitor = {run}\n")
    for key, value in ORDERS.items():
        with (work / ".git" / "config").open("a") as config:
            section, _, name = key.partition(".")
            sub, _, name = name.rpartition(".")
            header = f'[{section} "{sub}"]' if sub else f"[{section}]"
            config.write(f'{header}\n\t{name} = "{value.format(run=run)}"\n')
    for hook in (
        "post-index-change",
        "fsmonitor-watchman",
        "post-checkout",
        "reference-transaction",
    ):
        path = work / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{run}\n")
        path.chmod(0o755)
    (work / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (work / ".git" / "info").mkdir(exist_ok=True)
    (work / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    (work / "a.py").write_bytes(b"changed\n")
    return work


QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--work-tree=.")


def test_the_hostile_checkout_is_hostile(hostile: Path, canary: Path) -> None:
    subprocess.run(["git", "status"], cwd=hostile, capture_output=True, check=False)
    subprocess.run(["git", "--work-tree=.", "diff"], cwd=hostile, capture_output=True, check=False)
    assert canary.exists()


def test_no_order_of_a_checkout_is_obeyed(hostile: Path, canary: Path, tmp_path: Path) -> None:
    with Checkout(hostile) as checkout:
        head = checkout.head()
        assert head is not None
        assert checkout.is_dirty()
        checkout.branch()
        checkout.repo_name()
        checkout.gather(head, target="main")
        facts = checkout.gather(None, target="main")
        checkout.export(head, tmp_path / "commit")
        tree = checkout.snapshot(tmp_path / "tree")
    assert not canary.exists()
    assert {changed.path for changed in facts.changed_files} == {
        "a.py",
        ".gitattributes",
        "evil.config",
    }
    assert tree.read("a.py") == b"changed\n"


def test_an_object_that_is_missing_is_not_fetched_from_where_the_checkout_says(
    hostile: Path, canary: Path, tmp_path: Path
) -> None:
    blob = git_in(hostile, *QUIET, "rev-parse", "HEAD:a.py")
    (hostile / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    canary.unlink(missing_ok=True)
    with Checkout(hostile) as checkout:
        head = checkout.head()
        assert head is not None
        with pytest.raises(CheckError):
            checkout.export(head, tmp_path / "tree")
    assert not canary.exists()


def test_links_and_pipes_of_a_work_tree_lead_nowhere(hostile: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_bytes(b"hunter2\n")
    (hostile / "lib").mkdir()
    (hostile / "lib" / "secret.py").write_bytes(b"mine\n")
    blob = git_in(hostile, *QUIET, "hash-object", "-w", "--no-filters", "lib/secret.py")
    row = f"100644,{blob},lib/secret.py"
    git_in(hostile, *QUIET, "update-index", "--add", "--cacheinfo", row)
    (hostile / "lib" / "secret.py").unlink()
    (hostile / "lib").rmdir()
    (hostile / "lib").symlink_to(outside)
    (hostile / "file.py").symlink_to(outside / "secret.py")
    (hostile / "a.py").unlink()
    os.mkfifo(hostile / "a.py")
    with Checkout(hostile) as checkout:
        tree = checkout.snapshot(tmp_path / "tree")
    assert_harmless(tree)
    assert not [path for path in tree.paths if b"hunter2" in tree.read(path)]
    assert left_out(tree)["file.py"] == "link"
    assert left_out(tree)["a.py"] == "special_file"
    assert left_out(tree)["lib"] == "link"


def test_a_plain_folder_with_a_repository_in_it_runs_nothing(
    hostile: Path, canary: Path, tmp_path: Path
) -> None:
    tree = copy_folder(hostile.parent, tmp_path.parent / f"{tmp_path.name}-tree")
    with tree:
        assert_harmless(tree)
        assert left_out(tree)["hostile/.git"] == "version_control"
    assert not canary.exists()


def test_hostile_files_in_a_git_directory_do_not_hold_us(hostile: Path, tmp_path: Path) -> None:
    (hostile / ".git" / "packed-refs").unlink(missing_ok=True)
    os.mkfifo(hostile / ".git" / "packed-refs")
    (hostile / ".git" / "info" / "exclude").unlink(missing_ok=True)
    os.mkfifo(hostile / ".git" / "info" / "exclude")
    with Checkout(hostile) as checkout:
        assert checkout.is_dirty()
    (hostile / ".git" / "HEAD").unlink()
    os.mkfifo(hostile / ".git" / "HEAD")
    with pytest.raises(CheckError, match="no HEAD"):
        Checkout(hostile)
