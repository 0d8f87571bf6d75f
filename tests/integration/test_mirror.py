"""The mirror: what is fetched, and what git says about it."""

from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import ChangedFile, Signature
from devsecops_eda.settings import Repository
from devsecops_eda.workspace import Mirror
from tests.rig.repositories import UNKNOWN, Repo


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
        Signature("Ann", "ann@example.org"),
        Signature("Carl", "carl@example.org"),
        # Dora wrote one of the commits; that somebody else committed later does not hide her.
        Signature("Dora", "dora@example.org"),
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
    assert error.value.reason is FailureReason.UNKNOWN_REVISION
    with pytest.raises(CheckError) as error:
        mirror.gather(UNKNOWN, target=None)
    assert error.value.reason is FailureReason.UNKNOWN_REVISION


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
    assert error.value.reason is FailureReason.UNKNOWN_REVISION


@pytest.mark.parametrize(
    "ref", ["", "*", "a:b", "a b", "a..b", "a\nb", "x^{tree}", "refs/", "a\\b", "a@{1}", "a" * 2000]
)
def test_what_is_no_name_of_a_branch_is_not_asked_for(repo: Repo, mirror: Mirror, ref: str) -> None:
    sha = repo.commit({"a.py": b"1\n"})
    with pytest.raises(CheckError) as error:
        mirror.fetch(sha, refs=[ref])
    assert error.value.reason is FailureReason.UNKNOWN_REVISION


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
