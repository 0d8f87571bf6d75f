"""A checkout and a plain folder as they are on a laptop."""

import os
from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import ChangedFile
from devsecops_eda.workspace import Checkout, copy_folder
from tests.rig.repositories import git_in


def reason_of(error: pytest.ExceptionInfo[CheckError]) -> FailureReason:
    return error.value.reason


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    folder = tmp_path / "app"
    folder.mkdir()
    git_in(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "a.py").write_bytes(b"1\n")
    (folder / "lib").mkdir()
    (folder / "lib" / "b.py").write_bytes(b"2\n")
    (folder / ".gitignore").write_bytes(b"*.log\n")
    git_in(folder, "add", ".")
    git_in(folder, "commit", "--quiet", "-m", "first")
    return folder


def state_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def test_a_clean_checkout_is_its_commit(work: Path, tmp_path: Path) -> None:
    with Checkout(work) as checkout:
        head = git_in(work, "rev-parse", "HEAD")
        assert (checkout.head(), checkout.branch(), checkout.is_dirty()) == (head, "main", False)
        tree = checkout.export(head, tmp_path / "tree")
        snapshot = checkout.snapshot(tmp_path / "snapshot")
        assert tree.paths == (".gitignore", "a.py", "lib/b.py")
        assert tree.digest == snapshot.digest


def test_a_dirty_checkout_is_its_files_as_they_are(work: Path, tmp_path: Path) -> None:
    (work / "a.py").write_bytes(b"changed\n")
    (work / "lib" / "b.py").unlink()
    (work / "new.py").write_bytes(b"new\n")
    (work / "x.log").write_bytes(b"ignored\n")
    with Checkout(work) as checkout:
        assert checkout.is_dirty()
        tree = checkout.snapshot(tmp_path / "tree")
        assert {path: tree.read(path) for path in tree.paths} == {
            ".gitignore": b"*.log\n",
            "a.py": b"changed\n",
            "new.py": b"new\n",
        }
        facts = checkout.gather(None, target=None)
        assert set(facts.changed_files) == {
            ChangedFile("a.py", "M"),
            ChangedFile("lib/b.py", "D"),
            ChangedFile("new.py", "A"),
        }
        assert facts.tree_digest == tree.digest


@pytest.mark.parametrize("change", ["untracked", "changed", "deleted", "staged", "mode"])
def test_every_kind_of_change_makes_it_dirty(work: Path, change: str) -> None:
    match change:
        case "untracked":
            (work / "new").touch()
        case "changed":
            (work / "a.py").write_bytes(b"3\n")
        case "deleted":
            (work / "a.py").unlink()
        case "staged":
            (work / "a.py").write_bytes(b"3\n")
            git_in(work, "add", "a.py")
        case "mode":
            (work / "a.py").chmod(0o755)
    with Checkout(work) as checkout:
        assert checkout.is_dirty()


def test_a_dirty_tree_is_compared_with_the_merge_base_of_its_base(work: Path) -> None:
    base = git_in(work, "rev-parse", "HEAD")
    git_in(work, "checkout", "--quiet", "-b", "topic")
    (work / "b.py").write_bytes(b"b\n")
    git_in(work, "add", ".")
    git_in(work, "commit", "--quiet", "-m", "second")
    (work / "a.py").write_bytes(b"3\n")
    with Checkout(work) as checkout:
        facts = checkout.gather(None, target="main")
        assert facts.merge_base == base
        assert set(facts.changed_files) == {ChangedFile("b.py", "A"), ChangedFile("a.py", "M")}
        with pytest.raises(CheckError) as error:
            checkout.gather(None, target="nowhere")
        assert reason_of(error) is FailureReason.UNKNOWN_REVISION


def test_before_the_first_commit_everything_is_new(tmp_path: Path) -> None:
    work = tmp_path / "fresh"
    work.mkdir()
    git_in(work, "init", "--quiet", "--initial-branch=main")
    (work / "a.py").write_bytes(b"1\n")
    with Checkout(work) as checkout:
        assert (checkout.head(), checkout.branch(), checkout.is_dirty()) == (None, "main", True)
        facts = checkout.gather(None, target=None)
        assert facts.changed_files == (ChangedFile("a.py", "A"),)
        assert checkout.snapshot(tmp_path / "tree").paths == ("a.py",)


def test_nothing_is_written_into_a_checkout(work: Path, tmp_path: Path) -> None:
    (work / "a.py").touch()  # git would like to refresh its index now
    before = state_of(work)
    with Checkout(work) as checkout:
        checkout.is_dirty()
        checkout.gather(checkout.head(), target="main")
        checkout.gather(None, target=None)
        checkout.snapshot(tmp_path / "tree")
    assert state_of(work) == before


def test_a_linked_work_tree_and_a_submodule_are_checkouts(work: Path, tmp_path: Path) -> None:
    git_in(work, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    with Checkout(tmp_path / "side") as checkout:
        assert (checkout.branch(), checkout.is_dirty()) == ("side", False)
    above = tmp_path / "above"
    above.mkdir()
    git_in(above, "init", "--quiet")
    allow = ("-c", "protocol.file.allow=always")
    git_in(above, *allow, "submodule", "--quiet", "add", str(work), "sub")
    with Checkout(above / "sub") as checkout:
        assert checkout.head() == git_in(work, "rev-parse", "HEAD")
        assert not checkout.is_dirty()
    with Checkout(above) as checkout:
        tree = checkout.snapshot(tmp_path / "tree")
        assert [(gap.path, gap.reason) for gap in tree.left_out] == [("sub", "submodule")]


def test_a_checkout_cut_off_at_some_depth_can_be_read(work: Path, tmp_path: Path) -> None:
    for number in range(3):
        (work / "a.py").write_text(str(number))
        git_in(work, "commit", "--quiet", "-a", "-m", "more")
    git_in(tmp_path, "clone", "--quiet", "--depth=1", work.as_uri(), "cut")
    with Checkout(tmp_path / "cut") as checkout:
        head = checkout.head()
        assert head is not None
        facts = checkout.gather(head, target="main")
        assert len(facts.target_history) == 1
        assert facts.parents == (git_in(work, "rev-parse", "HEAD~1"),)
        assert not checkout.is_dirty()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_checkout_of_another_user_is_read(work: Path, tmp_path: Path) -> None:
    for path in (work, *work.rglob("*")):
        os.lchown(path, 12345, 12345)
    with Checkout(work) as checkout:
        head = checkout.head()
        assert head is not None
        assert not checkout.is_dirty()
        assert checkout.export(head, tmp_path / "tree").paths
        assert checkout.gather(head, target=None).author.name == "Ann"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_git_directory_of_somebody_else_is_not_used(work: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / ".git").write_text(f"gitdir: {work / '.git'}\n")
    os.chown(trap, 12345, 12345)
    with pytest.raises(CheckError, match="different users"):
        Checkout(trap)


def test_a_folder_without_git_is_no_checkout(tmp_path: Path) -> None:
    assert not Checkout.is_one(tmp_path)
    with pytest.raises(CheckError, match="is no git checkout"):
        Checkout(tmp_path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example.org/acme/App.git", "acme/app"),
        ("git@git.example.org:acme/app.git", "acme/app"),
        ("https://ci:hunter2@git.example.org/acme/app/", "acme/app"),
        ("https://git.example.org/group/sub/app.git", "sub/app"),
        ("ssh://git@git.example.org:22/app.git", "app"),
        (None, "app"),
    ],
)
def test_a_checkout_is_called_as_its_origin(work: Path, url: str | None, name: str) -> None:
    if url:
        git_in(work, "remote", "add", "origin", url)
    with Checkout(work) as checkout:
        assert checkout.repo_name() == name


def test_a_plain_folder_is_copied_under_the_same_rules(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    for name in (".git", ".hg", ".svn", "sub"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.py").write_bytes(b"1\n")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "way").symlink_to("/etc")
    (folder / ".semgrepignore").write_bytes(b"*\n")
    os.mkfifo(folder / "pipe.py")
    tree = copy_folder(folder, tmp_path / "tree")
    assert tree.paths == ("sub/a.py",)
    assert {gap.path: gap.reason for gap in tree.left_out} == {
        ".git": "version_control",
        ".hg": "version_control",
        ".svn": "version_control",
        ".semgrepignore": "scanner_configuration",
        "link.py": "link",
        "pipe.py": "special_file",
        "way": "link",
    }


def test_a_folder_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="No such file"):
        copy_folder(tmp_path / "nowhere", tmp_path / "tree")
