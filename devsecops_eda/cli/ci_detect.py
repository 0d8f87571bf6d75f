"""Which CI system this is, and what its job is about. Pure: text in, facts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devsecops_eda.cli.ci_github import github
from devsecops_eda.cli.ci_job import Fact, Git, Job, fact
from devsecops_eda.model import branch_name

Environ = Mapping[str, str]


def detect(environ: Environ, *, event: Callable[[], Any], git: Git) -> Job:
    """Return what the job is about.

    ``event`` reads GitHub's event file (None: it cannot be read). The commit is the one that
    people pushed, never a merge that a CI system made for itself: what is judged is what will be
    merged, and nobody else has that merge.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return github(environ, event)
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    if environ.get("JENKINS_URL"):
        return _jenkins(environ, git)
    return _plain(git)


def _gitlab(environ: Environ) -> Job:
    """https://docs.gitlab.com/ci/variables/predefined_variables/"""
    merge = fact(environ, "CI_MERGE_REQUEST_IID")
    # CI_COMMIT_SHA of a merged-results pipeline or a merge train is a merge that GitLab made; the
    # other variable is empty in every other pipeline.
    sha = fact(environ, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA")
    branch = fact(environ, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH")
    tag = fact(environ, "CI_COMMIT_TAG")
    if branch is None and tag is not None:
        branch = Fact(f"refs/tags/{tag.value}", tag.source)
    target = fact(environ, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME") if merge else None
    notes: tuple[str, ...] = ()
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
    if merge and source and source != environ.get("CI_MERGE_REQUEST_PROJECT_PATH"):
        notes = (f"the merge request comes from the fork {source}",)
    return Job(
        "GitLab CI, merge request" if merge else "GitLab CI",
        sha=sha,
        branch=branch,
        target=target,
        slug=fact(
            environ, *(("CI_MERGE_REQUEST_PROJECT_PATH",) if merge else ()), "CI_PROJECT_PATH"
        ),
        url=fact(environ, "CI_MERGE_REQUEST_PROJECT_URL", "CI_PROJECT_URL"),
        requester=fact(environ, "GITLAB_USER_EMAIL", "GITLAB_USER_LOGIN"),
        request=fact(environ, "CI_PIPELINE_ID"),
        notes=notes,
    )


def _jenkins(environ: Environ, git: Git) -> Job:
    """https://www.jenkins.io/doc/book/pipeline/multibranch/#additional-environment-variables"""
    change = fact(environ, "CHANGE_ID")
    sha = fact(environ, "GIT_COMMIT") or _asked(git.head(), "HEAD of the checkout")
    unknown: dict[str, str] = {}
    if change and sha and git.parents(sha.value) not in (0, 1):
        # Jenkins' strategy "merged with the target" checks out a merge that exists nowhere else,
        # and it looks like a merge that somebody pushed. Nor is one believed that cannot be seen.
        unknown["sha"] = (
            f"{sha.value[:12]} ({sha.source}) is a merge, or not in this checkout: Jenkins may"
            " have made it for this change request; let it build the"
            " head of the change, or say which commit is meant"
        )
        sha = None
    branch = fact(environ, "CHANGE_BRANCH", *(() if change else ("BRANCH_NAME", "GIT_BRANCH")))
    if branch is not None and branch.source == "GIT_BRANCH":
        branch = Fact(branch.value.removeprefix("origin/"), branch.source)
    tag = fact(environ, "TAG_NAME")
    if tag is not None:
        branch = Fact(f"refs/tags/{tag.value}", tag.source)
    if change and branch is None:
        unknown["branch"] = "CHANGE_BRANCH is not set"
    target = fact(environ, "CHANGE_TARGET")
    if change and target is None:
        unknown["target"] = "CHANGE_TARGET is not set"
    return Job(
        "Jenkins, change request" if change else "Jenkins",
        sha=sha,
        branch=branch,
        target=target if change else None,
        url=fact(environ, "GIT_URL") or _asked(git.origin(), "remote origin"),
        requester=fact(environ, "BUILD_USER_EMAIL", "BUILD_USER_ID"),
        request=fact(environ, "BUILD_TAG"),
        unknown=unknown,
    )


def _plain(git: Git) -> Job:
    """Return what the checkout says: HEAD, meant for the remote's default branch."""
    local = git.branch()
    upstream = git.upstream() if local else None
    branch = _asked(upstream, "upstream of the checked-out branch") or _asked(
        local, "checked-out branch"
    )
    default = _asked(git.default_branch(), "default branch of origin")
    # On the default branch itself the push is judged as one to it.
    same = branch and default and branch_name(branch.value) == default.value
    unknown = {}
    if branch is None:
        unknown["branch"] = "HEAD is no branch but a bare commit"
    return Job(
        "git checkout",
        sha=_asked(git.head(), "HEAD"),
        branch=branch,
        target=None if same else default,
        url=_asked(git.origin(), "remote origin"),
        unknown=unknown,
    )


def _asked(value: str | None, source: str) -> Fact | None:
    return Fact(value, source) if value else None
