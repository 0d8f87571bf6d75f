"""The events a client tells, with the ids that make a repeat a repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid5

from uuid6 import uuid7

from devsecops_eda.model import (
    NAMESPACE,
    ArtifactPublished,
    CommitPushed,
    DecisionRequested,
    DeploymentRequested,
    Event,
    EventType,
    ListingRequested,
    ScanRequested,
    Subject,
    branch_name,
    commit_pushed_id,
    flow_of,
)

SOURCE = "urn:devsecops-eda:ci"
"""The same on every host: with it a job that runs again elsewhere tells the same event."""


def _full_ref(ref: str) -> str:
    # One spelling: the id does not tell `main` from `refs/heads/main`, so the content must not.
    return ref if ref.startswith("refs/") else f"refs/heads/{ref}"


def commit_pushed(
    repo: str,
    *,
    ref: str,
    sha: str,
    now: datetime,
    target: str | None = None,
    before: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the fact that ``sha`` was pushed to ``ref``, to be merged into ``target``.

    Its id comes from repository, ref, sha and target: the same push told twice is the same event
    and the same flow. ``before`` and ``source`` must then be the same too.

    Raises:
        ValueError: ``sha`` is no full commit sha.
    """
    data = CommitPushed(
        repo=repo,
        ref=_full_ref(ref),
        sha=sha,
        target=branch_name(target) if target else None,
        before=before,
    )
    id_ = commit_pushed_id(repo=repo, ref=ref, sha=sha, target=target)
    return Event(
        id=id_,
        source=source,
        type=EventType.COMMIT_PUSHED,
        subject=str(data.subject),
        time=now,
        correlationid=flow_of(id_),
        data=data,
    )


def flow_of_push(repo: str, *, ref: str, sha: str, target: str | None = None) -> str:
    """Return the flow that begins with this push."""
    return flow_of(commit_pushed_id(repo=repo, ref=ref, sha=sha, target=target))


def scan_requested(
    subject: Subject,
    *,
    check: str,
    now: datetime,
    ref: str | None = None,
    target: str | None = None,
    reason: str = "",
    flow: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the wish that ``check`` looks at ``subject`` again: a new fact each time.

    It begins a flow of its own unless ``flow`` names one.
    """
    data = ScanRequested(
        subject=subject,
        check=check,
        ref=_full_ref(ref) if ref else None,
        target=branch_name(target) if target else None,
        reason=reason,
    )
    id_ = str(uuid7())
    return Event(
        id=id_,
        source=source,
        type=EventType.SCAN_REQUESTED,
        subject=str(subject),
        time=now,
        correlationid=flow or flow_of(id_),
        data=data,
    )


def decision_requested(
    repo: str,
    *,
    flow: str,
    gate: str,
    now: datetime,
    environment: str | None = None,
    expires_after: timedelta | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the question how ``gate`` stands on ``flow``; it has no other effect."""
    return Event(
        id=str(uuid7()),
        source=source,
        type=EventType.DECISION_REQUESTED,
        subject=repo,
        time=now,
        correlationid=flow,
        data=DecisionRequested(repo=repo, gate=gate, environment=environment),
        expirytime=now + expires_after if expires_after else None,
    )


def deployment_requested(
    subject: Subject,
    *,
    environment: str,
    now: datetime,
    target: str | None = None,
    requester: str = "",
    reason: str = "",
    request: str | None = None,
    source: str = SOURCE,
) -> Event:
    """Return the wish that ``subject`` goes to ``environment``: a new one each time.

    ``target`` is the branch that a commit has to have been let into. With ``request``, a name of
    the one wish (the id of a pipeline), telling it again is a repeat and joins the same flow.
    """
    data = DeploymentRequested(
        subject=subject,
        environment=environment,
        target=branch_name(target) if target else None,
        requester=requester,
        reason=reason,
    )
    id_ = str(uuid7())
    if request is not None:
        # All that makes the content another one: the same id with other content is a conflict.
        named = (subject, environment, data.target or "", requester, reason, request)
        id_ = str(uuid5(NAMESPACE, "\0".join(("deployment.requested", *map(str, named)))))
    return Event(
        id=id_,
        source=source,
        type=EventType.DEPLOYMENT_REQUESTED,
        subject=str(subject),
        time=now,
        correlationid=flow_of(id_),
        data=data,
    )


def artifact_published(
    artifact: Subject, *, built_from: Subject, now: datetime, name: str = "", source: str = SOURCE
) -> Event:
    """Return the fact that ``artifact`` was built from the commit ``built_from``.

    Its id comes from both: told twice it is the same event.
    """
    id_ = str(uuid5(NAMESPACE, f"artifact.published/{artifact}/{built_from}/{name}"))
    return Event(
        id=id_,
        source=source,
        type=EventType.ARTIFACT_PUBLISHED,
        subject=str(artifact),
        time=now,
        correlationid=flow_of(id_),
        data=ArtifactPublished(subject=artifact, built_from=built_from, name=name),
    )


def listing_requested(
    request: ListingRequested, *, now: datetime, flow: str | None = None, source: str = SOURCE
) -> Event:
    """Return the question what is recorded; it has no other effect. Without ``flow``: a new one."""
    id_ = str(uuid7())
    return Event(
        id=id_,
        source=source,
        type=EventType.LISTING_REQUESTED,
        subject=request.repo or request.of.value,
        time=now,
        correlationid=flow or flow_of(id_),
        data=request,
    )
