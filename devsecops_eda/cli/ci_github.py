"""What a job of GitHub Actions is about.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devsecops_eda.cli.ci_job import Fact, Job, fact

_FILE = "the event file"


def github(environ: Mapping[str, str], event: Callable[[], Any]) -> Job:
    """Return what the job is about; ``event`` gives the document in ``GITHUB_EVENT_PATH``."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    match name:
        case "pull_request" | "pull_request_target" | "pull_request_review":
            found = _of_pull_request(event())
        case "merge_group":
            found = _of_merge_group(event())
        case "workflow_run":
            # GITHUB_SHA is the newest commit of the default branch then, whatever was built.
            said = "in a workflow_run GITHUB_SHA is not the commit that the other run was about"
            found = {"unknown": {"sha": said, "branch": said}}
        case _:
            found = {
                "sha": fact(environ, "GITHUB_SHA"),
                "branch": fact(environ, "GITHUB_REF"),
            }
    server, slug = environ.get("GITHUB_SERVER_URL"), fact(environ, "GITHUB_REPOSITORY")
    url = None
    if server and slug:
        url = Fact(f"{server.rstrip('/')}/{slug.value}", "GITHUB_SERVER_URL, GITHUB_REPOSITORY")
    return Job(
        f"GitHub Actions, {name}" if name else "GitHub Actions",
        slug=slug,
        url=url,
        requester=fact(environ, "GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
        request=fact(environ, "GITHUB_RUN_ID"),
        **found,
    )


def _of_pull_request(event: Any) -> dict[str, Any]:
    """Return head and base of the request: GITHUB_SHA is a merge that GitHub made for itself."""
    head = _text(event, "pull_request", "head", "sha")
    ref = _text(event, "pull_request", "head", "ref")
    base = _text(event, "pull_request", "base", "ref")
    notes: tuple[str, ...] = ()
    fork = _text(event, "pull_request", "head", "repo", "full_name")
    if fork and fork.value != (_of(event, "pull_request", "base", "repo", "full_name") or ""):
        notes = (f"the pull request comes from the fork {fork.value}",)
    return _found({"sha": head, "branch": ref, "target": base}, notes)


def _of_merge_group(event: Any) -> dict[str, Any]:
    return _found(
        {
            "sha": _text(event, "merge_group", "head_sha"),
            "branch": _text(event, "merge_group", "head_ref"),
            "target": _text(event, "merge_group", "base_ref"),
        }
    )


def _found(facts: dict[str, Fact | None], notes: tuple[str, ...] = ()) -> dict[str, Any]:
    missing = "GITHUB_EVENT_PATH names no file that can be read, or it does not say"
    unknown = {name: missing for name, value in facts.items() if value is None}
    return {**facts, "notes": notes, "unknown": unknown}


def _text(event: Any, *path: str) -> Fact | None:
    value = _of(event, *path)
    return Fact(value, f"{'.'.join(path)} in {_FILE}") if value else None


def _of(event: Any, *path: str) -> str | None:
    for name in path:
        event = event.get(name) if isinstance(event, dict) else None
    return event if isinstance(event, str) else None
