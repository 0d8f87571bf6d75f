"""`devsecops-eda ci`: one command for a CI job. What is it about, may it go on, and why not?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devsecops_eda.cli.about import accept_override as override_option
from devsecops_eda.cli.ci_detect import detect
from devsecops_eda.cli.ci_git import LocalGit
from devsecops_eda.cli.ci_job import Fact, Job
from devsecops_eda.cli.ci_repository import key_of, shown
from devsecops_eda.cli.ci_waiting import heartbeat
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.emitted import event_of, subject_of
from devsecops_eda.cli.exit_codes import ExitCode, of_verdict
from devsecops_eda.cli.output import Target, print_report, targets_of, write_all
from devsecops_eda.cli.telling import Conversation, connected, seconds_of
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.evidence import open_evidence
from devsecops_eda.model import DEFAULT_GATE, Decision, Event, EventType
from devsecops_eda.reports import FORMATS, Result, plain, render_annotations
from devsecops_eda.settings import Loaded
from devsecops_eda.settings.keys import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from devsecops_eda.client import Client

MAX_EVENT_FILE_BYTES = 32 * 1024**2
LISTING_S = 20.0
"""So long the gate may take to list what a report needs."""
TELL_S = 60.0
"""So long a broker that is not there is waited for."""
_CREDENTIALS = tuple(f"{ENVIRONMENT_PREFIX}BROKER_{name}" for name in ("URL", "PASSWORD"))
_NAMES = {"sha": "commit", "target": "into", "repo": "repository"}
_ORDER = ("sha", "artifact", "branch", "target", "environment", "repo", "requester", "request")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of one call ask for, beside what is judged."""

    gate: str
    wait_s: float
    form: str
    targets: Sequence[Target]
    annotations: bool
    accept_override: bool


@click.command()
@click.option("--gate", default=DEFAULT_GATE, show_default=True, help="Who decides.")
@click.option(
    "--wait", "wait_s", callback=seconds_of, metavar="TIME", default="15m", show_default=True,
    help="How long to wait for the decision.",
)  # fmt: skip
@click.option("--repo", help="Key of the repository, instead of finding it in [repositories].")
@click.option("--sha", help="The commit, instead of what the CI system says.")
@click.option("--branch", help="Its branch, instead of what the CI system says.")
@click.option("--target", metavar="REF", help="The branch it is to be merged into.")
@click.option("--environment", metavar="NAME", help="Ask to deploy it there.")
@click.option("--artifact", metavar="DIGEST", help="Deploy this artifact, not the commit.")
@click.option("--requester", help="Who asks for the deployment, instead of who runs the job.")
@click.option(
    "--output", "targets", callback=targets_of, multiple=True, metavar="FORMAT=PATH",
    help=f"Also write a report into a file ({', '.join(FORMATS)}); may be repeated.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--annotations", is_flag=True, help="Print the findings as GitHub annotations.")
@click.option(
    "--or-scan", is_flag=True, help="Without credentials, scan here and let the policy here judge."
)
@override_option
@pass_app
def ci(
    app: App,
    /,
    gate: str,
    wait_s: float,
    targets: Sequence[Target],
    form: str,
    annotations: bool,
    or_scan: bool,
    accept_override: bool,
    **options: str | None,
) -> int:
    """Tell the commit of this CI job, wait for the gate's decision and write reports.

    GitHub Actions, GitLab CI, Jenkins or a plain checkout say which commit it is; each fact is
    printed with its source, and options win. A job that runs again joins the same flow. The end
    of the job ends only the waiting. With --environment it asks for a deployment.

    Exit status: 0 allow, 1 deny, 2 usage, 3 could not evaluate, 4 no credentials or not
    authorised, 8 still pending, 130 interrupted.
    """
    wanted = Wanted(gate, wait_s, form, targets, annotations, accept_override)
    # A secret that a fork may not read is an empty variable.
    blank = {name for name, value in app.environ.items() if _ours(name) and not value.strip()}
    environ = {name: value for name, value in app.environ.items() if name not in blank}
    app = App(app.config_path, environ, app.log)
    here = Path.cwd()
    git = LocalGit(here)
    job = detect(environ, event=partial(_event_file, environ), git=git)
    # What is judged does not configure its judge: a file found by chance in here is not read.
    loaded = app.load(outside=here)
    if ("broker", "url") not in loaded.origins or blank & set(_CREDENTIALS):
        return _without_credentials(app, job, wanted, or_scan, git, options)
    given = _given(job, options, loaded, say=partial(click.echo, err=form == "json"))
    return _ask(app, given, wanted, loaded)


def _ours(name: str) -> bool:
    return name.startswith(ENVIRONMENT_PREFIX)


def _given(
    job: Job,
    options: Mapping[str, str | None],
    loaded: Loaded,
    *,
    say: Callable[[str], None],
) -> dict[str, str]:
    """Return what the event is made of, and say of each fact where it comes from.

    Raises:
        ConfigurationError: something is not known, and must not be guessed.
    """
    said = {name: Fact(value, f"--{name}") for name, value in options.items() if value}
    deploys = "environment" in said
    if "environment" not in said and ("artifact" in said or "requester" in said):
        raise click.UsageError("--artifact and --requester go with --environment")
    facts = job.facts()
    wanted = ["target"] if deploys else ["sha", "branch", "target"]
    if deploys and "artifact" not in said:
        wanted.insert(0, "sha")
    for name in wanted:
        found = said.get(name) or facts.get(name)
        if found is None and (name in job.unknown or name == "sha"):
            why = job.unknown.get(name, "there is no commit")
            raise ConfigurationError(f"{job.system}: {why}; say it with --{name}")
        if found is not None:
            said[name] = found
    if deploys:
        said |= {
            name: fact
            for name, fact in facts.items()
            if name in ("requester", "request") and name not in said
        }
    if "repo" not in said:
        said["repo"] = key_of(job, loaded.settings.repositories)
    say(plain(job.system))
    for name, fact in sorted(said.items(), key=lambda one: _ORDER.index(one[0])):
        say(f"  {_NAMES.get(name, name):<12} {plain(shown(fact.value))}  ({plain(fact.source)})")
    for note in job.notes:
        say(f"  note: {plain(note)}")
    return {name: fact.value for name, fact in said.items()}


def _ask(app: App, given: Mapping[str, str], wanted: Wanted, loaded: Loaded) -> int:
    deploys = "environment" in given
    if deploys:
        subject_of(given)
    event = event_of(
        EventType.DEPLOYMENT_REQUESTED if deploys else EventType.COMMIT_PUSHED, given, None
    )
    about = Conversation(
        form=wanted.form,
        flow=event.correlationid,
        repo=given["repo"],
        gate=wanted.gate,
        event_id=event.id,
        subject=event.subject,
        environment=given.get("environment"),
        accept_override=wanted.accept_override,
    )
    about.begin(event.subject)
    heard: list[Event] = []

    def hear(one: Event) -> None:
        heard.append(one)
        about.hear(one)

    with connected(app) as client, about.interruptible():
        asking = partial(
            client.ask, event, gate=wanted.gate, timeout_s=wanted.wait_s, on_event=hear
        )
        with heartbeat(about):
            reaching = partial(about.reaching, asking, min(TELL_S, wanted.wait_s))
            decision = about.decided(reaching)
        code = about.end(decision)
        known = decision or about.pending
        if known is not None:
            _report(client, about, known, heard, wanted, loaded)
        elif wanted.targets:
            click.echo("no report is written: the gate has said nothing yet", err=True)
        return code


def _report(
    client: Client,
    about: Conversation,
    decision: Decision,
    heard: Sequence[Event],
    wanted: Wanted,
    loaded: Loaded,
) -> None:
    """Write the reports and print the annotations."""
    from devsecops_eda.cli.ci_result import gathered

    if not wanted.targets and not wanted.annotations:
        return
    result = gathered(
        decision,
        repo=about.repo,
        flow=about.flow,
        heard=heard,
        listing=partial(client.list, timeout_s=LISTING_S),
        fetch=lambda digest: open_evidence(loaded.settings.evidence_url).get(digest),
    )
    for lack in result.context.lacks:
        named = f"{lack.check}: " if lack.check else ""
        click.echo(f"the reports are incomplete: {plain(named + lack.reason)}", err=True)
    _write(result, wanted)


def _write(result: Result, wanted: Wanted) -> None:
    write_all(result, wanted.targets)
    if wanted.annotations:
        for line in render_annotations(result):
            # GitHub reads both; JSON on standard output stays one document.
            click.echo(line, err=wanted.form == "json")


def _without_credentials(
    app: App,
    job: Job,
    wanted: Wanted,
    or_scan: bool,
    git: LocalGit,
    options: Mapping[str, str | None],
) -> int:
    """Say that nobody can be asked, or scan here where that is wanted.

    Raises:
        DevSecOpsError: as a local scan does.
    """
    said = "no credentials of a broker are here (DEVSECOPS_EDA_BROKER_URL; a fork has none)"
    if not or_scan:
        click.echo(
            f"{said}: the gate was not asked. `devsecops-eda scan` judges without one;"
            " --or-scan does that here",
            err=True,
        )
        return ExitCode.NOT_AUTHORISED
    from devsecops_eda.cli.scan import scanned

    click.echo(f"{said}: scanned here, this is no decision of the gate", err=True)
    target = options.get("target") or (job.target.value if job.target else None)
    base = next(
        (one for one in (f"origin/{target}", target) if target and git.has(one or "")), None
    )
    result = scanned(
        app,
        Path(),
        gate=wanted.gate,
        repo=options.get("repo") or (job.slug.value if job.slug else None),
        base=base,
        quiet=wanted.form != "text",
    )
    note = "Scanned without a broker: this is no decision of the gate."
    result = replace(result, notes=(*result.notes, note))
    _write(result, wanted)
    print_report(result, wanted.form, root=result.root)
    return of_verdict(result.decision.verdict)


def _event_file(environ: Mapping[str, str]) -> Any:
    """Return the document in ``GITHUB_EVENT_PATH``, None where there is none."""
    try:
        with Path(environ["GITHUB_EVENT_PATH"]).open("rb") as file:
            body = file.read(MAX_EVENT_FILE_BYTES + 1)
        return json.loads(body) if len(body) <= MAX_EVENT_FILE_BYTES else None
    except (KeyError, OSError, ValueError, RecursionError):
        return None
