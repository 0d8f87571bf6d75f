"""Mirror, checkout and folder on real repositories."""

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
from devsecops_eda.model import ChangedFile, Signature
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Bounds, Checkout, Mirror, copy_folder
from devsecops_eda.workspace.git import Git
from devsecops_eda.workspace.remote import remote_configuration, remote_variables
from tests.rig.repositories import Repo, environment, git_in
from tests.rig.waiting import eventually

UNKNOWN = "0" * 40


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "origin.git")


@pytest.fixture
def repository(repo: Repo) -> Repository:
    return Repository(key="acme/app", url=str(repo.path), protocols=("file",))


@pytest.fixture
def mirror(tmp_path: Path, repository: Repository) -> Mirror:
    return Mirror(tmp_path / "state", repository)


def reason_of(error: pytest.ExceptionInfo[CheckError]) -> FailureReason:
    return error.value.reason


# Mirror ------------------------------------------------------------------------------------------


def test_a_commit_is_fetched_with_its_history_and_its_target(repo: Repo, mirror: Mirror) -> None:
    first = repo.commit({"a.py": b"1\n" * 30, "old.py": b"same\n" * 30})
    second = repo.commit({"a.py": b"1\n" * 30, "old.py": b"same\n" * 30, "b.py": b"2\n"})
    topic = repo.commit(
        {"a.py": b"2\n", "new.py": b"same\n" * 30}, branch="topic", parents=[first], author="Dora"
    )
    topic = repo.commit(
        {"a.py": b"3\n", "new.py": b"same\n" * 30}, branch="topic", committer="Emil"
    )
    mirror.fetch(topic, refs=["refs/heads/topic", "main"])
    facts = mirror.gather(topic, target="main")
    assert facts.author == Signature("Ann", "ann@example.org")
    assert set(facts.committers) == {
        Signature("Carl", "carl@example.org"),
        Signature("Emil", "emil@example.org"),
    }
    assert (facts.target, facts.merge_base) == ("main", first)
    assert len(facts.parents) == 1
    assert facts.target_history == (second, first)
    assert set(facts.changed_files) == {
        ChangedFile("a.py", "M"),
        ChangedFile("new.py", "R", "old.py"),
    }


def test_a_push_to_the_target_differs_from_its_first_parent(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a.py": b"1\n"})
    sha = repo.commit({"a.py": b"1\n", "b.py": b"2\n"})
    mirror.fetch(sha, refs=["main"])
    facts = mirror.gather(sha, target="refs/heads/main")
    assert facts.merge_base == sha
    assert facts.changed_files == (ChangedFile("b.py", "A"),)


def test_the_first_commit_of_all_has_everything_changed(repo: Repo, mirror: Mirror) -> None:
    sha = repo.commit({"a.py": b"1\n", "b.py": b"2\n"})
    mirror.fetch(sha, refs=["main"])
    facts = mirror.gather(sha, target="main")
    assert facts.parents == ()
    assert [changed.path for changed in facts.changed_files] == ["a.py", "b.py"]


def test_without_a_target_there_is_no_merge_base(repo: Repo, mirror: Mirror) -> None:
    first = repo.commit({"a.py": b"1\n"})
    sha = repo.commit({"a.py": b"2\n"})
    mirror.fetch(sha, refs=["main"])
    facts = mirror.gather(sha, target=None)
    assert (facts.target, facts.merge_base) == (None, None)
    assert facts.target_history == (sha, first)
    assert facts.changed_files == (ChangedFile("a.py", "M"),)


def test_histories_with_nothing_in_common_have_no_merge_base(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a.py": b"1\n"})
    other = repo.commit({"a.py": b"1\n", "b.py": b"2\n"}, branch="other", parents=[])
    mirror.fetch(other, refs=["other", "main"])
    facts = mirror.gather(other, target="main")
    assert facts.merge_base is None
    assert len(facts.changed_files) == 2


def test_the_same_tree_has_the_same_digest_whatever_its_history(repo: Repo, mirror: Mirror) -> None:
    one = repo.commit({"a.py": b"1\n"})
    squashed = repo.commit({"a.py": b"1\n"}, branch="squashed", parents=[], author="Dora")
    other = repo.commit({"a.py": b"2\n"}, branch="other")
    digests = []
    for sha in (one, squashed, other):
        mirror.fetch(sha)
        digests.append(mirror.gather(sha, target=None).tree_digest)
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].startswith("sha256:")


def test_a_commit_no_branch_leads_to_is_fetched_by_its_id(repo: Repo, mirror: Mirror) -> None:
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    lost = repo.commit({"a.py": b"1\n"})
    repo.commit({"a.py": b"2\n"}, parents=[])
    mirror.fetch(lost, refs=["main"])
    assert mirror.has(lost)


def test_a_server_that_gives_no_commit_by_its_id_is_asked_for_the_branch_first(
    repo: Repo, mirror: Mirror
) -> None:
    repo.git("config", "uploadpack.allowAnySHA1InWant", "false")
    first = repo.commit({"a.py": b"1\n"})
    repo.commit({"a.py": b"2\n"})
    mirror.fetch(first, refs=["main"])
    assert mirror.has(first)


def test_a_commit_nobody_has_is_an_unknown_revision(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a.py": b"1\n"})
    with pytest.raises(CheckError) as error:
        mirror.fetch(UNKNOWN, refs=["main"])
    assert reason_of(error) is FailureReason.UNKNOWN_REVISION
    with pytest.raises(CheckError) as error:
        mirror.gather(UNKNOWN, target=None)
    assert reason_of(error) is FailureReason.UNKNOWN_REVISION


def test_a_push_that_has_not_quite_arrived_is_found_at_the_second_look(
    repo: Repo, repository: Repository, tmp_path: Path
) -> None:
    repo.commit({"a.py": b"1\n"})
    elsewhere = Repo(tmp_path / "elsewhere.git")
    late = elsewhere.commit({"a.py": b"2\n"})

    def arrives(_: float) -> None:
        elsewhere.git("push", "--quiet", "--force", str(repo.path), "main")

    mirror = Mirror(tmp_path / "state", repository, pause=arrives)
    mirror.fetch(late, refs=["main"])
    assert mirror.has(late)


@pytest.mark.parametrize(
    "sha", ["main", "--upload-pack=touch /tmp/x", "HEAD", "0" * 39, "A" * 40, ""]
)
def test_only_a_full_commit_id_is_fetched(repo: Repo, mirror: Mirror, sha: str) -> None:
    repo.commit({"a.py": b"1\n"})
    with pytest.raises(CheckError) as error:
        mirror.fetch(sha)
    assert reason_of(error) is FailureReason.UNKNOWN_REVISION


@pytest.mark.parametrize(
    "ref", ["", "*", "a:b", "a b", "a..b", "a\nb", "x^{tree}", "refs/", "a\\b", "a@{1}", "a" * 2000]
)
def test_what_is_no_name_of_a_branch_is_not_asked_for(repo: Repo, mirror: Mirror, ref: str) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    with pytest.raises(CheckError) as error:
        mirror.fetch(sha, refs=[ref])
    assert reason_of(error) is FailureReason.UNKNOWN_REVISION


def test_a_branch_that_looks_like_an_option_is_a_branch(repo: Repo, mirror: Mirror) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    repo.git("update-ref", "refs/heads/--upload-pack=x", sha)
    mirror.fetch(sha, refs=["--upload-pack=x"])
    assert mirror.gather(sha, target="--upload-pack=x").merge_base == sha


def test_a_branch_that_is_gone_does_not_stand_in_the_way(repo: Repo, mirror: Mirror) -> None:
    first = repo.commit({"a.py": b"1\n"})
    topic = repo.commit({"a.py": b"2\n"}, branch="topic", parents=[first])
    mirror.fetch(topic, refs=["topic", "main"])
    repo.git("update-ref", "-d", "refs/heads/topic")
    newer = repo.commit({"a.py": b"3\n"})
    mirror.fetch(newer, refs=["topic", "main"])
    assert mirror.gather(newer, target="topic").merge_base is None
    assert mirror.gather(newer, target="main").target_history == (newer, first)


def test_a_branch_may_become_a_folder_of_branches(repo: Repo, mirror: Mirror) -> None:
    first = repo.commit({"a.py": b"1\n"}, branch="a")
    mirror.fetch(first, refs=["a"])
    repo.git("update-ref", "-d", "refs/heads/a")
    second = repo.commit({"a.py": b"2\n"}, branch="a/b", parents=[first])
    mirror.fetch(second, refs=["a/b"])
    assert mirror.gather(second, target="a/b").target_history == (second, first)


def test_a_forced_push_replaces_what_was_there(repo: Repo, mirror: Mirror) -> None:
    first = repo.commit({"a.py": b"1\n"})
    mirror.fetch(first, refs=["main"])
    forced = repo.commit({"a.py": b"2\n"}, parents=[])
    mirror.fetch(forced, refs=["main"])
    assert mirror.gather(forced, target="main").target_history == (forced,)
    assert mirror.has(first)


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
    assert reason_of(error) is FailureReason.FETCH_REFUSED


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
    assert reason_of(error) is FailureReason.FETCH_REFUSED
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
        assert reason_of(error) is FailureReason.RESOURCE_LIMIT


def test_a_tree_is_gone_when_it_is_closed(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    sha = repo.commit({"a/b/c.py": b"1\n"})
    mirror.fetch(sha)
    with mirror.export(sha, tmp_path / "tree") as tree:
        assert tree.read("a/b/c.py") == b"1\n"
        assert tree.size("a/b/c.py") == 2
    assert not (tmp_path / "tree").exists()


# Checkout ----------------------------------------------------------------------------------------


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


# Plain folder ------------------------------------------------------------------------------------


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
