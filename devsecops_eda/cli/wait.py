"""`devsecops-eda wait`: waiting for the decision on a flow that somebody else began."""

from __future__ import annotations

from functools import partial

import click

from devsecops_eda.cli.about import DEFAULT_BRANCH, accept_override, subject_options, uuid_of
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.telling import Conversation, connected, seconds_of


@click.command()
@subject_options(required=True)
@click.option("--environment", metavar="NAME", help="Decide for this environment.")
@click.option("--flow", help="The flow; else that of --sha, --branch and --target.")
@click.option(
    "--timeout", "wait_s", callback=seconds_of, metavar="TIME", default="15m", show_default=True,
    help="How long to wait.",
)  # fmt: skip
@accept_override
@pass_app
def wait(
    app: App,
    repo: str,
    sha: str | None,
    branch: str | None,
    target: str | None,
    gate: str,
    form: str,
    environment: str | None,
    flow: str | None,
    wait_s: float,
    accept_override: bool,
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
    about = Conversation(
        form=form,
        flow=uuid_of(flow),
        repo=repo,
        gate=gate,
        subject=subject,
        environment=environment,
        accept_override=accept_override,
    )
    about.begin(subject or repo)
    with connected(app) as client, about.interruptible():
        waiting = partial(
            client.wait,
            repo,
            about.flow,
            gate=gate,
            environment=environment,
            subject=subject,
            target=(target or branch or DEFAULT_BRANCH) if sha is not None else target,
            timeout_s=wait_s,
            on_event=about.hear,
        )
        return about.end(about.decided(waiting))
