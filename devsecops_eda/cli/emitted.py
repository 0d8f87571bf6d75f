"""The event that the options of `emit` describe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from devsecops_eda.cli.about import DEFAULT_BRANCH, uuid_of
from devsecops_eda.codec import MAX_BODY_BYTES
from devsecops_eda.model import Event, EventType, Subject

NEEDED: Mapping[EventType, tuple[str, ...]] = {
    EventType.COMMIT_PUSHED: ("repo", "sha"),
    EventType.DECISION_REQUESTED: ("repo",),
    EventType.SCAN_REQUESTED: ("repo", "sha", "check"),
    EventType.DEPLOYMENT_REQUESTED: ("repo", "environment"),
    EventType.ARTIFACT_PUBLISHED: ("repo", "artifact", "built_from"),
}
"""What a person or a job tells, and what each needs; everything else is said by programs."""
MEANT_FOR: Mapping[str, frozenset[EventType]] = {
    "environment": frozenset((EventType.DEPLOYMENT_REQUESTED, EventType.DECISION_REQUESTED)),
    "artifact": frozenset((EventType.DEPLOYMENT_REQUESTED, EventType.ARTIFACT_PUBLISHED)),
    "built_from": frozenset((EventType.ARTIFACT_PUBLISHED,)),
    "name": frozenset((EventType.ARTIFACT_PUBLISHED,)),
    "requester": frozenset((EventType.DEPLOYMENT_REQUESTED,)),
    "request": frozenset((EventType.DEPLOYMENT_REQUESTED,)),
    "reason": frozenset((EventType.DEPLOYMENT_REQUESTED, EventType.SCAN_REQUESTED)),
}
"""Options that go with some types only: ignored, they would let one believe to have said it."""
_OPTIONS = {name: f"--{name.replace('_', '-')}" for names in NEEDED.values() for name in names}

Given = Mapping[str, Any]


def given_in(data: BinaryIO | None, options: Mapping[str, str | None]) -> Given:
    """Return the event's data as the file and the options have it; options win.

    Raises:
        UsageError: the file holds no JSON object, or too much.
    """
    document: object = {}
    if data is not None:
        body = data.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise click.UsageError(f"--data holds more than {MAX_BODY_BYTES} bytes")
        try:
            document = json.loads(body)
        except ValueError as error:
            raise click.UsageError(f"--data is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise click.UsageError("--data holds no JSON object")
    document = {**_named_in(document), **document}
    return {**document, **{name: value for name, value in options.items() if value is not None}}


def _named_in(document: Given) -> dict[str, Any]:
    """Return by the names of our options what an event's data calls otherwise."""
    named: dict[str, Any] = {}
    subject, built_from = document.get("subject"), document.get("built_from")
    if isinstance(subject, dict):
        revision = "artifact" if subject.get("kind") == "artifact" else "sha"
        named |= {"repo": subject.get("repo"), revision: subject.get("revision")}
    if isinstance(built_from, dict):
        named |= {"built_from_sha": built_from.get("revision")}
    if "ref" in document:
        named["branch"] = document["ref"]
    return named


def event_of(type_: EventType, given: Given, flow: str | None) -> Event:
    """Return the event that is described.

    Raises:
        UsageError: something is missing, or no door would take it.
    """
    if isinstance(given.get("built_from"), dict):
        given = {**given, "built_from": given.get("built_from_sha")}
    for name in NEEDED[type_]:
        if not isinstance(given.get(name), str):
            raise click.UsageError(f"{type_.value} needs {name}: {_OPTIONS[name]}, or in --data")
    if (flow is None) == (type_ is EventType.DECISION_REQUESTED):
        raise click.UsageError("--flow goes with decision.requested, which needs it, alone")
    try:
        return _MADE[type_](given, flow or "", datetime.now(UTC))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def subject_of(given: Given) -> Subject:
    """Return the commit or the artifact that is named.

    Raises:
        UsageError: none is, or both are, or it is no revision of its kind.
    """
    sha, artifact = given.get("sha"), given.get("artifact")
    try:
        if isinstance(sha, str) and artifact is None:
            return Subject.commit(given["repo"], sha)
        if isinstance(artifact, str) and sha is None:
            return Subject.artifact(artifact, given["repo"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    raise click.UsageError("give either --sha or --artifact")


def _push(given: Given, _flow: str, now: datetime) -> Event:
    from devsecops_eda.client import commit_pushed

    return commit_pushed(
        given["repo"],
        ref=given.get("branch") or DEFAULT_BRANCH,
        sha=given["sha"],
        target=given.get("target"),
        before=given.get("before"),
        now=now,
    )


def _scan(given: Given, _flow: str, now: datetime) -> Event:
    from devsecops_eda.client import scan_requested

    return scan_requested(
        Subject.commit(given["repo"], given["sha"]),
        check=given["check"],
        ref=given.get("branch") or DEFAULT_BRANCH,
        target=given.get("target"),
        reason=given.get("reason") or "",
        now=now,
    )


def _question(given: Given, flow: str, now: datetime) -> Event:
    from devsecops_eda.client import decision_requested

    return decision_requested(
        given["repo"],
        flow=uuid_of(flow),
        gate=given["gate"],
        environment=given.get("environment"),
        now=now,
    )


def _deployment(given: Given, _flow: str, now: datetime) -> Event:
    from devsecops_eda.client import deployment_requested

    return deployment_requested(
        subject_of(given),
        environment=given["environment"],
        target=given.get("target"),
        requester=given.get("requester") or "",
        reason=given.get("reason") or "",
        request=given.get("request"),
        now=now,
    )


def _artifact(given: Given, _flow: str, now: datetime) -> Event:
    from devsecops_eda.client import artifact_published

    return artifact_published(
        Subject.artifact(given["artifact"], given["repo"]),
        built_from=Subject.commit(given["repo"], given["built_from"]),
        name=given.get("name") or "",
        now=now,
    )


_MADE: Mapping[EventType, Callable[[Given, str, datetime], Event]] = {
    EventType.COMMIT_PUSHED: _push,
    EventType.SCAN_REQUESTED: _scan,
    EventType.DECISION_REQUESTED: _question,
    EventType.DEPLOYMENT_REQUESTED: _deployment,
    EventType.ARTIFACT_PUBLISHED: _artifact,
}
