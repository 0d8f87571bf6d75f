"""What a CI job is about: each CI system says it elsewhere, and none is believed about a merge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.cli.ci_detect import detect
from devsecops_eda.cli.ci_git import LocalGit
from devsecops_eda.cli.ci_job import Fact, Job

HEAD, MERGE, BASE = "1" * 40, "2" * 40, "3" * 40


@dataclass(frozen=True)
class NoGit:
    """Stands for a checkout."""

    head_: str | None = HEAD
    branch_: str | None = "topic"
    upstream_: str | None = None
    default: str | None = "main"
    url: str | None = "git@git.example:acme/app.git"
    parents_: Mapping[str, int] = field(default_factory=lambda: {HEAD: 1, MERGE: 2})

    def head(self) -> str | None:
        return self.head_

    def branch(self) -> str | None:
        return self.branch_

    def upstream(self) -> str | None:
        return self.upstream_

    def default_branch(self) -> str | None:
        return self.default

    def origin(self) -> str | None:
        return self.url

    def parents(self, sha: str) -> int | None:
        return self.parents_.get(sha)


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "acme/app",
    "GITHUB_SHA": MERGE,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "77",
    "GITHUB_ACTOR": "ada",
    "GITHUB_TRIGGERING_ACTOR": "grace",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_COMMIT_SHA": HEAD,
    "CI_PROJECT_PATH": "acme/app",
    "CI_PROJECT_URL": "https://gitlab.example/acme/app",
    "CI_PIPELINE_ID": "88",
    "GITLAB_USER_LOGIN": "ada",
    "GITLAB_USER_EMAIL": "ada@example.org",
}
MERGE_REQUEST = {
    **GITLAB,
    "CI_MERGE_REQUEST_IID": "5",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/app",
    "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/acme/app",
}
JENKINS = {"JENKINS_URL": "https://ci.example", "GIT_COMMIT": HEAD, "BUILD_TAG": "jenkins-app-9"}
PULL_REQUEST = {
    "pull_request": {
        "head": {"sha": HEAD, "ref": "topic", "repo": {"full_name": "acme/app"}},
        "base": {"ref": "main", "repo": {"full_name": "acme/app"}},
    }
}
MERGE_GROUP = {
    "merge_group": {
        "head_sha": HEAD,
        "head_ref": "refs/heads/gh-readonly-queue/main/pr-1",
        "base_ref": "refs/heads/main",
    }
}


def hub(event: str, **more: str) -> dict[str, str]:
    return {**GITHUB, "GITHUB_EVENT_NAME": event, **more}


def lab(**more: str) -> dict[str, str]:
    return {**GITLAB, **more}


def merge_request(**more: str) -> dict[str, str]:
    named = {f"CI_MERGE_REQUEST_{name}": value for name, value in more.items()}
    return {**MERGE_REQUEST, **named}


def jenkins(**more: str) -> dict[str, str]:
    return {**JENKINS, **more}


def change(**more: str) -> dict[str, str]:
    return jenkins(CHANGE_ID="5", CHANGE_BRANCH="topic", CHANGE_TARGET="main", **more)


def other_head(job: dict[str, str]) -> dict[str, str]:
    """Return the job with a merge that the CI system made for itself."""
    return {**job, "CI_COMMIT_SHA": MERGE}


def found(environ: Mapping[str, str], event: Any = None, git: NoGit | None = None) -> Job:
    return detect(environ, event=lambda: event, git=git or NoGit())


QUEUED = "refs/heads/gh-readonly-queue/main/pr-1"


def told(job: Job) -> tuple[str | None, ...]:
    facts = job.facts()
    return tuple(
        facts[name].value if name in facts else None for name in ("sha", "branch", "target")
    )


@pytest.mark.parametrize(
    ("environ", "event", "sha", "branch", "target"),
    [
        # GitHub: the head of the pull request, never the merge commit in GITHUB_SHA.
        (hub("pull_request"), PULL_REQUEST, HEAD, "topic", "main"),
        (hub("pull_request_target"), PULL_REQUEST, HEAD, "topic", "main"),
        (hub("merge_group"), MERGE_GROUP, HEAD, QUEUED, "refs/heads/main"),
        (hub("push"), None, MERGE, "refs/heads/main", None),
        (hub("push", GITHUB_REF="refs/tags/v1"), None, MERGE, "refs/tags/v1", None),
        (hub("workflow_dispatch"), None, MERGE, "refs/heads/main", None),
        # GitLab: the head of the source branch, also where CI_COMMIT_SHA is a merged result.
        (lab(CI_COMMIT_BRANCH="main"), None, HEAD, "main", None),
        (lab(CI_COMMIT_TAG="v1"), None, HEAD, "refs/tags/v1", None),
        (merge_request(SOURCE_BRANCH_SHA=""), None, HEAD, "topic", "main"),
        (other_head(merge_request(SOURCE_BRANCH_SHA=HEAD)), None, HEAD, "topic", "main"),
        # Jenkins.
        (jenkins(BRANCH_NAME="main"), None, HEAD, "main", None),
        (jenkins(GIT_BRANCH="origin/topic"), None, HEAD, "topic", None),
        (jenkins(GIT_COMMIT="", BRANCH_NAME="main"), None, HEAD, "main", None),
        (jenkins(TAG_NAME="v1", BRANCH_NAME="v1"), None, HEAD, "refs/tags/v1", None),
        (change(BRANCH_NAME="PR-5"), None, HEAD, "topic", "main"),
        # A push to a branch may well be a merge, of a change request it may not.
        (jenkins(GIT_COMMIT=MERGE, BRANCH_NAME="main"), None, MERGE, "main", None),
    ],
)
def test_the_commit_is_the_one_that_people_pushed(
    environ: dict[str, str], event: Any, sha: str, branch: str, target: str | None
) -> None:
    job = found(environ, event)
    assert told(job) == (sha, branch, target)
    assert job.unknown == {}
    assert all(fact.source for fact in job.facts().values())


@pytest.mark.parametrize(
    ("git", "branch", "target"),
    [
        (NoGit(), "topic", "main"),
        (NoGit(upstream_="theirs"), "theirs", "main"),
        (NoGit(branch_="main"), "main", None),
        (NoGit(default=None), "topic", None),
    ],
)
def test_a_plain_checkout_is_meant_for_the_default_branch(
    git: NoGit, branch: str, target: str | None
) -> None:
    assert told(found({}, git=git)) == (HEAD, branch, target)


@pytest.mark.parametrize(
    ("environ", "event", "git", "unknown"),
    [
        (hub("pull_request"), None, NoGit(), {"sha", "branch", "target"}),
        (hub("pull_request"), {"pull_request": []}, NoGit(), {"sha", "branch", "target"}),
        (
            hub("merge_group"),
            {"merge_group": {"head_sha": 1}},
            NoGit(),
            {"sha", "branch", "target"},
        ),
        (hub("workflow_run"), None, NoGit(), {"sha", "branch"}),
        # Jenkins may have made this merge for itself; that one it does not even show.
        (change(GIT_COMMIT=MERGE), None, NoGit(), {"sha"}),
        (change(GIT_COMMIT=BASE), None, NoGit(), {"sha"}),
        (jenkins(CHANGE_ID="5", BRANCH_NAME="PR-5"), None, NoGit(), {"branch", "target"}),
        ({}, None, NoGit(branch_=None), {"branch"}),
    ],
)
def test_what_is_not_said_is_not_guessed(
    environ: dict[str, str], event: Any, git: NoGit, unknown: set[str]
) -> None:
    job = found(environ, event, git)
    assert set(job.unknown) == unknown
    assert not unknown & job.facts().keys()


def test_a_run_again_names_the_same_request_by_whoever_set_it_off() -> None:
    job = found(hub("push"))
    assert job.request == Fact("77", "GITHUB_RUN_ID")
    assert job.requester == Fact("grace", "GITHUB_TRIGGERING_ACTOR")
    assert found(GITLAB).requester == Fact("ada@example.org", "GITLAB_USER_EMAIL")


def test_a_fork_is_told() -> None:
    event = json.loads(json.dumps(PULL_REQUEST))
    event["pull_request"]["head"]["repo"]["full_name"] = "evil/app"
    job = found(hub("pull_request"), event)
    assert job.notes == ("the pull request comes from the fork evil/app",)
    assert found(merge_request(SOURCE_PROJECT_PATH="evil/app")).notes == (
        "the merge request comes from the fork evil/app",
    )


def git(*argv: str, cwd: Path) -> str:
    words = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *argv]
    return subprocess.run(words, cwd=cwd, check=True, capture_output=True).stdout.decode().strip()


def test_a_checkout_says_commit_branch_default_branch_and_origin(tmp_path: Path) -> None:
    bare, clone = tmp_path / "bare.git", tmp_path / "clone"
    git("init", "-q", "--bare", "-b", "main", str(bare), cwd=tmp_path)
    first = tmp_path / "first"
    git("clone", "-q", str(bare), str(first), cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "c", cwd=first)
    git("push", "-q", "origin", "HEAD:main", "HEAD:theirs", cwd=first)
    git("clone", "-q", str(bare), str(clone), cwd=tmp_path)
    sha = git("rev-parse", "HEAD", cwd=clone)
    here = LocalGit(clone)
    assert (here.head(), here.branch(), here.upstream()) == (sha, "main", "main")
    assert (here.default_branch(), here.origin()) == ("main", str(bare))
    assert (here.parents(sha), here.parents(BASE)) == (0, None)
    assert here.has("origin/theirs")
    assert not here.has("origin/nobody")
    git("checkout", "-q", "-b", "mine", "origin/theirs", cwd=clone)
    assert (here.branch(), here.upstream()) == ("mine", "theirs")
    git("checkout", "-q", "--detach", cwd=clone)
    assert (here.branch(), here.upstream()) == (None, None)
    nowhere = LocalGit(tmp_path)
    assert (nowhere.head(), nowhere.origin(), nowhere.default_branch()) == (None, None, None)
