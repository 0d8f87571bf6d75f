"""Repositories made to harm whoever scans them.

Nothing may be executed, nothing outside be read, and whatever is not scanned has to be listed.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
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
    ScanTree,
    copy_folder,
    git_version,
    printable_path,
)
from tests.rig.repositories import LINK, SUBMODULE, Repo, git_in

Export = Callable[..., ScanTree]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "origin.git")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def export(repo: Repo, tmp_path: Path) -> Export:
    """Commit files, fetch them into a mirror and write the scan tree."""

    def exported(
        files: Mapping[str | bytes, bytes],
        modes: Mapping[str | bytes, str] | None = None,
        bounds: Bounds | None = None,
    ) -> ScanTree:
        sha = repo.commit(files, modes=modes)
        repository = Repository("acme/app", str(repo.path), protocols=("file",))
        mirror = Mirror(tmp_path / "state", repository, bounds=bounds)
        mirror.fetch(sha, refs=["main"])
        return mirror.export(sha, tmp_path / "work" / "tree")

    return exported


def left_out(tree: ScanTree) -> dict[str, str]:
    return {gap.path: gap.reason for gap in tree.left_out}


def everything_in(tree: ScanTree) -> list[Path]:
    return list(tree.root.rglob("*"))


def assert_harmless(tree: ScanTree) -> None:
    """Hold what is true of every scan tree."""
    for path in everything_in(tree):
        inside = str(path.relative_to(tree.root))
        assert not path.is_symlink(), inside
        assert path.is_file() or path.is_dir(), inside
        assert inside.isascii(), inside
        assert inside.isprintable(), inside
        assert " " not in inside, inside
        assert not any(part.startswith("-") for part in inside.split("/")), inside
        assert path.name.lower() not in {".git", "head", ".gitignore", ".gitattributes"}, inside
        assert len(inside) < 1000, inside
    written = {str(path.relative_to(tree.root)) for path in everything_in(tree) if path.is_file()}
    assert written == set(tree.names.values())
    assert len(set(tree.names.values())) == len(tree.names)
    assert all(path.isprintable() for path in (*tree.paths, *left_out(tree)))


def test_links_and_submodules_are_listed_and_not_followed(export: Export) -> None:
    tree = export(
        {
            "a.py": b"1\n",
            "passwd.py": b"/etc/passwd",
            "etc": b"/etc",
            "loop": b"loop",
            "sub": b"1" * 40,
        },
        modes={"passwd.py": LINK, "etc": LINK, "loop": LINK, "sub": SUBMODULE},
    )
    assert_harmless(tree)
    assert tree.paths == ("a.py",)
    assert left_out(tree) == {
        "passwd.py": "link",
        "etc": "link",
        "loop": "link",
        "sub": "submodule",
    }


def test_what_git_large_files_keeps_elsewhere_is_listed(export: Export) -> None:
    pointer = (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
    )
    tree = export({"big.py": pointer, "small.py": b"1\n"})
    assert tree.paths == ("small.py",)
    assert left_out(tree) == {"big.py": "lfs_pointer"}


STRANGE_NAMES = (
    b"new\nline.py",
    b"esc\x1b[31mred.py",
    b"tab\t.py",
    b"-rf",
    b"--config=evil.py",
    b"-dir/--version/a.py",
    b"caf\xe9.py",
    b"\xff\xfe",
    "ünï/cödé.py".encode(),
    "turn\u202eyp.exe".encode(),
    b"back\\slash.py",
    b"back\\\\slash.py",
    b"back\\xe9slash.py",
    b"caf\\xe9.py",
    b"sp ace/a b.py",
    b"dollar$(touch x)`y`;.py",
    b"quote'\".py",
    b"..x/..y.py",
    b"a." + b"x" * 200,
    b"n" * 250 + b".js",
    b"_1.py",
    b"_2/_3.py",
    b"*?[]{}.py",
)


def test_strange_names_are_written_under_harmless_ones_and_found_again(export: Export) -> None:
    files = {name: b"print(%d)\n" % number for number, name in enumerate(STRANGE_NAMES)}
    tree = export(files)
    assert_harmless(tree)
    assert left_out(tree) == {}
    assert len(tree.paths) == len(files)
    for name, content in files.items():
        path = printable_path(name)
        assert tree.read(path) == content
        if name.endswith((b".py", b".js")):
            assert tree.names[path].endswith(name[-3:].decode("ascii"))


def test_names_that_rules_look_at_are_kept(export: Export) -> None:
    names = [
        "Dockerfile",
        "app/settings.py",
        "app/node_modules/x/package.json",
        "requirements-dev.txt",
        "bin/run",
        ".env",
        ".gitlab-ci.yml",
        "pyproject.toml",
        "Makefile",
    ]
    tree = export(dict.fromkeys(names, b"#!/bin/sh\n"))
    assert dict(tree.names) == {name: name for name in names}


def test_names_that_differ_in_case_alone_do_not_meet(export: Export) -> None:
    names = ["a.py", "A.py", "Lib/x.py", "lib/x.py", "LIB/x.py"]
    tree = export({name: name.encode() for name in names})
    assert_harmless(tree)
    assert len({inside.lower() for inside in tree.names.values()}) == len(names)
    assert all(tree.read(name) == name.encode() for name in names)


def test_four_hundred_folders_in_one_another_are_no_obstacle(export: Export) -> None:
    path = "/".join(f"d{n}" for n in range(400)) + "/end.py"
    tree = export({path: b"1\n", "x" * 90 + "/" + "y" * 90 + "/" + "z" * 90 + "/a.py": b"2\n"})
    assert_harmless(tree)
    assert tree.read(path) == b"1\n"
    assert tree.names[path].endswith("/end.py")


def test_configuration_of_scanners_is_listed_and_not_written(export: Export) -> None:
    names = [
        ".semgrepignore",
        "sub/.semgrepignore",
        ".semgrep.yml",
        ".bandit",
        ".safety-policy.yml",
        ".gitleaks.toml",
        ".gitleaksignore",
        ".trivyignore",
        "trivy.yaml",
        ".checkov.yaml",
        ".hadolint.yaml",
        "zizmor.yml",
        ".github/zizmor.yml",
        "ruff.toml",
        ".Bandit",
    ]
    tree = export({**dict.fromkeys(names, b"*\n"), "a.py": b"1\n"})
    assert tree.paths == ("a.py",)
    assert left_out(tree) == dict.fromkeys(names, "scanner_configuration")
    assert [path.name for path in everything_in(tree)] == ["a.py"]


def test_lists_of_what_to_ignore_are_scanned_and_not_obeyed(export: Export) -> None:
    tree = export(
        {
            ".gitignore": b"*\n",
            ".gitattributes": b"* export-ignore\n* filter=x working-tree-encoding=UTF-16\n",
            ".ignore": b"*\n",
            "a.py": b"caf\xc3\xa9\r\n",
        }
    )
    assert_harmless(tree)
    assert len(tree.paths) == 4
    assert tree.read("a.py") == b"caf\xc3\xa9\r\n"
    assert tree.read(".gitignore") == b"*\n"


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


def test_a_file_that_is_too_big_is_listed(export: Export) -> None:
    tree = export({"big.py": b"#" * 1001, "small.py": b"#" * 1000}, bounds=Bounds(file_bytes=1000))
    assert tree.paths == ("small.py",)
    assert left_out(tree) == {"big.py": "too_big"}


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_wide_text_is_written_as_utf_8(export: Export, coding: str) -> None:
    mark = "" if coding in ("utf-16", "utf-32") else "\ufeff"
    tree = export({"secret.txt": f"{mark}password = 'é'\n".encode(coding)})
    assert tree.read("secret.txt").decode("utf-8-sig") == "password = 'é'\n"
    assert [(note.path, note.reason) for note in tree.notes] == [("secret.txt", "transcoded")]


def test_what_only_begins_like_wide_text_stays_as_it_is(export: Export) -> None:
    tree = export({"x.bin": b"\xff\xfe\x00\xd8\x00", "nul.py": b"\0\0print(1)\n"})
    assert tree.read("x.bin") == b"\xff\xfe\x00\xd8\x00"
    assert tree.notes == ()


def test_python_in_a_coding_scanners_cannot_read_is_noted(export: Export) -> None:
    tree = export(
        {
            "utf7.py": b"# coding: utf-7\nx = 1\n",
            "second.py": b"#!/usr/bin/env python\n# -*- coding: cp037 -*-\n",
            "script": b"#!/usr/bin/python3\n# coding=rot13\n",
            "nonsense.py": b"# coding: no-such-thing\n",
            "utf8.py": b"# -*- coding: utf-8 -*-\n",
            "latin.py": b"# coding: latin-1\n",
            "third.py": b"x = 1\ny = 2\n# coding: utf-7\n",
            "readme.txt": b"# coding: utf-7\n",
        }
    )
    noted = {note.path for note in tree.notes if note.reason == "declared_coding"}
    assert noted == {"utf7.py", "second.py", "script", "nonsense.py"}
    assert len(tree.paths) == 8


def test_the_digest_knows_content_and_what_is_left_out(repo: Repo, tmp_path: Path) -> None:
    trees: list[tuple[dict[str | bytes, bytes], dict[str | bytes, str]]] = [
        ({"a.py": b"1\n"}, {}),
        ({"a.py": b"2\n"}, {}),
        ({"b.py": b"1\n"}, {}),
        ({"a.py": b"1\n", "l": b"x"}, {"l": LINK}),
        ({"a.py": b"1\n", "l": b"x"}, {}),
        ({b"a.py\0"[:4]: b"1\n", "caf\\xe9": b""}, {}),
        ({"a.py": b"1\n", b"caf\xe9": b""}, {}),
    ]
    digests = []
    repository = Repository("acme/app", str(repo.path), protocols=("file",))
    mirror = Mirror(tmp_path / "state", repository)
    for number, (files, modes) in enumerate(trees):
        sha = repo.commit(files, modes=modes)
        mirror.fetch(sha, refs=["main"])
        digests.append(mirror.export(sha, tmp_path / str(number)).digest)
    assert len(set(digests)) == len(trees)


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


# A checkout that gives orders --------------------------------------------------------------------


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
    settings = {
        "core.fsmonitor": run,
        "core.sshCommand": run,
        "core.pager": run,
        "core.editor": run,
        "core.askPass": run,
        "core.gitProxy": run,
        "core.alternateRefsCommand": run,
        "pager.status": run,
        "diff.external": run,
        "diff.x.textconv": run,
        "diff.x.command": run,
        "merge.x.driver": run,
        "filter.x.clean": run,
        "filter.x.smudge": run,
        "filter.x.process": run,
        "filter.x.required": "true",
        "credential.helper": f"!{run}",
        "gpg.program": run,
        "log.showSignature": "true",
        "uploadpack.packObjectsHook": run,
        "alias.status": f"!{run}",
        "alias.ls-files": f"!{run}",
        "remote.origin.url": f"ext::{run}",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
        "core.worktree": "/etc",
        "include.path": "../evil.config",
    }
    (work / "evil.config").write_text(f"[core]\n\tfsmonitor = {run}\n")
    for key, value in settings.items():
        with (work / ".git" / "config").open("a") as config:
            section, _, name = key.partition(".")
            sub, _, name = name.rpartition(".")
            header = f'[{section} "{sub}"]' if sub else f"[{section}]"
            config.write(f'{header}\n\t{name} = "{value}"\n')
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
