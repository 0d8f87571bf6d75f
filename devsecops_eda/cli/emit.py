"""`devsecops-eda emit`, `wait` and `rescan`: telling a fact, and waiting for the decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO, TypeVar

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.telling import Conversation, connected, seconds_of
from devsecops_eda.codec import MAX_BODY_BYTES
from devsecops_eda.model import Event, EventType, Subject

DEFAULT_BRANCH = "main"
"""Without a branch we say the one that is protected: leaving it out makes nothing easier."""
DEFAULT_WAIT_S = 900.0
EMITTED = (EventType.COMMIT_PUSHED, EventType.DECISION_REQUESTED, EventType.SCAN_REQUESTED)
"""What a person or a job tells; everything else is said by programs."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _subject_options(*, required: bool) -> Callable[[Command], Command]:
    """Add the options that name what is judged."""

    def add(command: Command) -> Command:
        for option in reversed(
            (
                click.option("--repo", required=required, help="Key of the repository."),
                click.option("--sha", help="Full sha of the commit."),
                click.option(
                    "--branch", help=f"Branch it was pushed to.  [default: {DEFAULT_BRANCH}]"
                ),
                click.option("--target", metavar="REF", help="Branch it is to be merged into."),
                click.option("--gate", default="merge", show_default=True, help="Who decides."),
                click.option(
                    "--format", "form", type=click.Choice(["text", "json"]), default="text"
                ),
            )
        ):
            command = option(command)
        return command

    return add


@click.command()
@click.argument(
    "type_", metavar="TYPE", required=False, type=click.Choice([each.value for each in EMITTED])
)
@_subject_options(required=False)
@click.option(
    "--data", type=click.File("rb"), metavar="FILE",
    help="JSON object with the event's data (- is standard input); options win over it.",
)  # fmt: skip
@click.option("--flow", help="Flow the event belongs to, where it does not begin one.")
@click.option(
    "--wait",
    "wait_s",
    callback=seconds_of,
    metavar="TIME",
    help="Wait so long for the decision (90s, 15m, 1h).",
)
@click.option(
    "--timeout", "timeout_s", callback=seconds_of, metavar="TIME", default="30s", show_default=True,
    help="How long telling it may take.",
)  # fmt: skip
@click.option("--spool", is_flag=True, help="If the broker is away, keep the event on disk.")
@click.option("--flush", is_flag=True, help="Send what is kept on disk, and end.")
@pass_app
def emit(
    app: App,
    /,
    type_: str | None,
    data: BinaryIO | None,
    flow: str | None,
    wait_s: float | None,
    timeout_s: float,
    spool: bool,
    flush: bool,
    form: str,
    **options: str | None,
) -> int:
    """Publish an event of TYPE, confirmed by the broker; with --wait, return the decision.

    The same push told twice is the same event and the same flow.

    Exit status: 0 allow or published, 1 deny, 2 usage, 3 could not evaluate, 4 not authorised, 8
    still pending, 130 interrupted.
    """
    if flush:
        return _flush(app, timeout_s)
    if type_ is None:
        raise click.UsageError("Missing argument 'TYPE' (or --flush).")
    if wait_s is not None and (spool or type_ == EventType.DECISION_REQUESTED):
        raise click.UsageError("--wait goes neither with --spool nor with decision.requested")
    event = _event(EventType(type_), _given(data, options), flow)
    about = Conversation(
        form=form,
        flow=event.correlationid,
        repo=_repo(event),
        gate=options["gate"] or "",
        event_id=event.id,
        subject=event.subject,
    )
    about.begin(event.subject)
    with connected(app) as client, about.interruptible():
        if wait_s is None:
            if spool and not client.publish_or_spool(event, timeout_s=timeout_s):
                return about.told("spooled")
            if not spool:
                client.publish(event, timeout_s=timeout_s)
            return about.told("published")
        ask = client.rescan if event.type is EventType.SCAN_REQUESTED else client.ask
        asking = partial(ask, event, gate=about.gate, timeout_s=wait_s, on_event=about.hear)
        return about.end(about.reaching(asking, min(timeout_s, wait_s)))


@click.command()
@_subject_options(required=True)
@click.option("--flow", help="The flow; else that of --sha, --branch and --target.")
@click.option(
    "--timeout", "wait_s", callback=seconds_of, metavar="TIME", default="15m", show_default=True,
    help="How long to wait.",
)  # fmt: skip
@pass_app
def wait(
    app: App,
    repo: str,
    sha: str | None,
    branch: str | None,
    target: str | None,
    gate: str,
    form: str,
    flow: str | None,
    wait_s: float,
) -> int:
    """Wait for the decision on a flow that somebody else began.

    Exit status: as `emit --wait`.
    """
    from devsecops_eda.client import flow_of_push

    if (flow is None) == (sha is None):
        raise click.UsageError("give either --flow or --sha")
    if sha is not None:
        flow = flow_of_push(repo, ref=branch or DEFAULT_BRANCH, sha=sha, target=target)
    assert flow is not None
    subject = f"{repo}@{sha}" if sha else None
    about = Conversation(form=form, flow=_uuid(flow), repo=repo, gate=gate, subject=subject)
    about.begin(subject or repo)
    with connected(app) as client, about.interruptible():
        decision = client.wait(repo, about.flow, gate=gate, timeout_s=wait_s, on_event=about.hear)
        return about.end(decision)


@click.command()
@_subject_options(required=True)
@click.option("--check", required=True, help="The check that is to look again.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--wait",
    "wait_s",
    callback=seconds_of,
    metavar="TIME",
    help="Wait so long for the new decision (90s, 15m, 1h).",
)
@pass_app
def rescan(
    app: App,
    repo: str,
    sha: str | None,
    branch: str | None,
    target: str | None,
    gate: str,
    form: str,
    check: str,
    reason: str,
    wait_s: float | None,
) -> int:
    """Ask for a commit to be scanned again: new rules, new advisories, a repaired scanner.

    Name the same --branch and --target as the push did: a decision is about them too. With --wait,
    the decision returned is one that knows of the new scan.

    Exit status: as `emit --wait`.
    """
    if sha is None:
        raise click.UsageError("Missing option '--sha'.")
    given = {"repo": repo, "sha": sha, "branch": branch, "target": target}
    event = _event(EventType.SCAN_REQUESTED, {**given, "check": check, "reason": reason}, None)
    about = Conversation(
        form=form,
        flow=event.correlationid,
        repo=repo,
        gate=gate,
        event_id=event.id,
        subject=event.subject,
    )
    about.begin(event.subject)
    if check not in app.settings.checks:
        known = ", ".join(app.settings.checks)
        click.echo(f"note: no check {check!r} is configured here; there are: {known}", err=True)
    with connected(app) as client, about.interruptible():
        if wait_s is None:
            client.publish(event)
            return about.told("published")
        return about.end(client.rescan(event, gate=gate, timeout_s=wait_s, on_event=about.hear))


def _flush(app: App, timeout_s: float) -> int:
    with connected(app) as client:
        click.echo(f"sent {client.flush(timeout_s=timeout_s)}")
    return ExitCode.ALLOW


def _given(data: BinaryIO | None, options: dict[str, str | None]) -> dict[str, Any]:
    """Return the event's data as the file and the options have it; options win."""
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
    subject = document.get("subject")
    if isinstance(subject, dict):
        document = {"repo": subject.get("repo"), "sha": subject.get("revision"), **document}
    if "ref" in document:
        document = {"branch": document["ref"], **document}
    return {**document, **{name: value for name, value in options.items() if value is not None}}


def _event(type_: EventType, given: dict[str, Any], flow: str | None) -> Event:
    """Return the event that the options describe.

    Raises:
        UsageError: something is missing, or no door would take it.
    """
    from devsecops_eda.client import commit_pushed, decision_requested, scan_requested

    now = datetime.now(UTC)
    needed = {
        EventType.COMMIT_PUSHED: ("repo", "sha"),
        EventType.SCAN_REQUESTED: ("repo", "sha", "check"),
        EventType.DECISION_REQUESTED: ("repo",),
    }[type_]
    for name in needed:
        if not isinstance(given.get(name), str):
            raise click.UsageError(f"{type_.value} needs {name}: --{name}, or in --data")
    if (flow is None) == (type_ is EventType.DECISION_REQUESTED):
        raise click.UsageError("--flow goes with decision.requested, which needs it, alone")
    ref, target = given.get("branch") or DEFAULT_BRANCH, given.get("target")
    try:
        match type_:
            case EventType.COMMIT_PUSHED:
                push = {"ref": ref, "sha": given["sha"], "target": target}
                return commit_pushed(given["repo"], **push, before=given.get("before"), now=now)
            case EventType.SCAN_REQUESTED:
                return scan_requested(
                    Subject.commit(given["repo"], given["sha"]),
                    check=given["check"],
                    ref=ref,
                    target=target,
                    reason=given.get("reason") or "",
                    now=now,
                )
            case _:
                return decision_requested(
                    given["repo"],
                    flow=_uuid(flow or ""),
                    gate=given["gate"],
                    environment=given.get("environment"),
                    now=now,
                )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _repo(event: Event) -> str:
    return event.subject.rpartition("@")[0] or event.subject


def _uuid(flow: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(flow))
    except ValueError as error:
        raise click.UsageError(f"{flow!r} is no flow: it looks like a UUID") from error
