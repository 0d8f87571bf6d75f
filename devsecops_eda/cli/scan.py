"""`scan`: a checkout or folder, the same checks and the same gate, in one process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devsecops_eda.cli.config import FILE_NAME
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode, of_verdict
from devsecops_eda.cli.output import Target, print_report, targets_of, write_all
from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.model import DEFAULT_GATE, Event, Outcome, StepKind
from devsecops_eda.policy import COMMIT_CHECK
from devsecops_eda.reports import FORMATS

if TYPE_CHECKING:
    from devsecops_eda.embedded import ScanResult


@click.command()
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--checks", default="", metavar="A,B", help="Run these only.")
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), metavar="FILE",
    help="Policy file, instead of the configured or built-in one.",
)  # fmt: skip
@click.option("--gate", default=DEFAULT_GATE, show_default=True, help="Gate of the policy.")
@click.option(
    "--repo", metavar="KEY", help="Judge it as this repository, by the rules that are about it."
)
@click.option("--base", metavar="REF", help="What it is compared with: a branch, tag or commit.")
@click.option(
    "--output", "targets", callback=targets_of, multiple=True, metavar="FORMAT=PATH",
    help=f"Also write a report into a file ({', '.join(FORMATS)}); may be repeated.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(list(FORMATS)), default="text", show_default=True,
    help="What is printed.",
)  # fmt: skip
@pass_app
def scan(
    app: App,
    path: Path,
    checks: str,
    policy_path: Path | None,
    gate: str,
    repo: str | None,
    base: str | None,
    targets: Sequence[Target],
    format_: str,
) -> ExitCode:
    """Scan the checkout or folder PATH and let the gate decide; needs no service.

    Exit status: 0 allow, 1 deny, 2 usage, 3 could not evaluate.
    """
    result = scanned(
        app,
        path,
        checks=tuple(name.strip() for name in checks.split(",") if name.strip()),
        policy_path=policy_path,
        gate=gate,
        repo=repo,
        base=base,
        quiet=format_ != "text",
    )
    write_all(result, targets)
    print_report(result, format_, root=result.root)
    return of_verdict(result.decision.verdict)


def scanned(
    app: App,
    path: Path,
    *,
    gate: str,
    checks: Sequence[str] = (),
    policy_path: Path | None = None,
    repo: str | None = None,
    base: str | None = None,
    quiet: bool = False,
) -> ScanResult:
    """Return what a scan of ``path`` in this process led to, with notes on what was not done.

    Raises:
        ConfigurationError: the configuration, the policy or a name is wrong.
        CheckError: the repository cannot be read.
    """
    from devsecops_eda import embedded
    from devsecops_eda.cli.policy_source import configured_policy

    # What is judged does not configure its judge: a file found by chance inside PATH is not read.
    loaded = app.load(outside=path)
    settings = loaded.settings
    policy = configured_policy(settings, policy_path, local=True)
    if gate not in policy.gate_names:
        known = ", ".join(policy.gate_names)
        raise InvalidPolicyError(f"the policy has no gate {gate!r}; there are: {known}")
    with progress(checks or tuple(settings.checks), quiet=quiet) as on_event:
        result = embedded.scan(
            path,
            settings=settings,
            policy=policy,
            gate=gate,
            repo=repo,
            base=base,
            checks=checks,
            on_event=on_event,
        )
    named = any(one.repositories for rule in policy.rules for one in rule.selectors)
    if repo is None and named:
        note = "Rules about named repositories do not hold here; --repo KEY says which one it is."
        result = replace(result, notes=(*result.notes, note))
    if passed_over(app, path, loaded.file):
        note = f"{FILE_NAME} inside the scanned folder was not read; name it with --config."
        result = replace(result, notes=(*result.notes, note))
    return replace(result, notes=(*result.notes, *_notes(result)))


def _notes(result: ScanResult) -> Iterator[str]:
    """Yield what a reader of this decision should mind."""
    looked = [outcome for outcome in result.outcomes if outcome.check != COMMIT_CHECK]
    if looked and not any(outcome.applicable for outcome in looked):
        yield "Nothing here is of a kind that the checks look at: is this the right folder?"
    if any(step.kind is StepKind.RESCAN for step in result.decision.way):
        yield "To rescan is to run `scan` again; the command `rescan` asks the workers of a gate."


def passed_over(app: App, path: Path, file: Path | None) -> bool:
    """Return whether a configuration file in the working directory was left alone."""
    local = Path.cwd() / FILE_NAME
    inside = local.is_file() and local.resolve().is_relative_to(path.resolve())
    return app.config_path is None and inside and (file is None or not file.samefile(local))


@contextmanager
def progress(checks: Sequence[str], *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show on a terminal's stderr which checks are still at work; gives what to call per event."""
    if quiet or not sys.stderr.isatty():
        yield lambda _event: None
        return
    from rich.console import Console

    running = dict.fromkeys(checks)
    with Console(stderr=True).status(_at_work(running)) as status:

        def on_event(event: Event) -> None:
            if isinstance(event.data, Outcome):
                running.pop(event.data.check, None)
                status.update(_at_work(running))

        yield on_event


def _at_work(running: dict[str, None]) -> str:
    return f"at work: {', '.join(running)}" if running else "the gate decides"
