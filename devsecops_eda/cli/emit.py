"""`devsecops-eda emit`: telling a fact, and waiting for the decision about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import BinaryIO

import click

from devsecops_eda.cli.about import accept_override, subject_options
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.emitted import MEANT_FOR, NEEDED, event_of, given_in
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.telling import Conversation, connected, seconds_of
from devsecops_eda.model import EventType

_UNDECIDED = (EventType.DECISION_REQUESTED, EventType.ARTIFACT_PUBLISHED)
"""No gate decides because of these; they have nothing to wait for."""


@click.command()
@click.argument(
    "type_", metavar="TYPE", required=False, type=click.Choice([each.value for each in NEEDED])
)
@subject_options(required=False)
@click.option("--artifact", metavar="DIGEST", help="The artifact, sha256:….")
@click.option("--built-from", metavar="SHA", help="The commit an artifact was built from.")
@click.option("--name", help="What people call the artifact.")
@click.option("--environment", metavar="NAME", help="Where it is to be deployed.")
@click.option("--requester", help="Who asks through this job: a mail address or broker user.")
@click.option("--reason", help="Why, for the record.")
@click.option(
    "--request", metavar="ID",
    help="Name of this one request (a pipeline's id): told again with it, it is a repeat.",
)  # fmt: skip
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
@accept_override
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
    accept_override: bool,
    spool: bool,
    flush: bool,
    form: str,
    **options: str | None,
) -> int:
    """Publish an event of TYPE, confirmed by the broker; with --wait, return the decision.

    TYPE is commit.pushed, decision.requested, scan.requested, deployment.requested or
    artifact.published. The same push told twice is the same event and the same flow.

    Exit status: 0 allow or published, 1 deny, 2 usage, 3 could not evaluate, 4 not authorised, 8
    still pending, 130 interrupted.
    """
    if flush:
        return _flush(app, timeout_s)
    if type_ is None:
        raise click.UsageError("Missing argument 'TYPE' (or --flush).")
    _refuse_ignored(EventType(type_), options, waits=wait_s is not None, spool=spool)
    given = given_in(data, options)
    event = event_of(EventType(type_), given, flow)
    about = Conversation(
        form=form,
        flow=event.correlationid,
        repo=given["repo"],
        gate=options["gate"] or "",
        event_id=event.id,
        subject=event.subject,
        environment=getattr(event.data, "environment", None),
        accept_override=accept_override,
    )
    about.begin(event.subject)
    with connected(app) as client, about.interruptible():
        if wait_s is not None:
            ask = client.rescan if event.type is EventType.SCAN_REQUESTED else client.ask
            asking = partial(ask, event, gate=about.gate, timeout_s=wait_s, on_event=about.hear)
            return about.end(about.decided(partial(about.reaching, asking, min(timeout_s, wait_s))))
        if not spool:
            client.publish(event, timeout_s=timeout_s)
        elif not client.publish_or_spool(event, timeout_s=timeout_s):
            return about.told("spooled")
        return about.told("published")


def _refuse_ignored(
    type_: EventType, options: Mapping[str, str | None], *, waits: bool, spool: bool
) -> None:
    if waits and (spool or type_ in _UNDECIDED):
        undecided = ", ".join(each.value for each in _UNDECIDED)
        raise click.UsageError(f"--wait goes neither with --spool nor with {undecided}")
    for name, value in options.items():
        if value is not None and type_ not in MEANT_FOR.get(name, NEEDED):
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with {type_.value}")


def _flush(app: App, timeout_s: float) -> int:
    with connected(app) as client:
        click.echo(f"sent {client.flush(timeout_s=timeout_s)}")
    return ExitCode.ALLOW
