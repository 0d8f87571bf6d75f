"""`demo`: the sample application through the whole event flow, told as it happens."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devsecops_eda.cli import PROGRAM
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode, of_verdict
from devsecops_eda.cli.output import print_report
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import Event, OutcomeStatus, Verdict
from devsecops_eda.reports import plain

if TYPE_CHECKING:
    from devsecops_eda.embedded import ScanResult
    from devsecops_eda.settings import Settings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHOP, ADVISORIES = "vulnerable-shop", "advisories"
SCANNERS = ("semgrep", "safety")

INTRODUCTION = """\
A small shop that is vulnerable on purpose goes through the whole flow: an event says that it is
to be scanned, each check answers with an event of its own, and the gate folds the answers into one
decision. All of it runs in this process, on a stand-in for RabbitMQ; the scanners are real.
"""
NEXT = """\
What to do next
  scan your own checkout       {program} scan PATH
  write a report for others    {program} scan PATH --output sarif=report.sarif
  connect it to RabbitMQ       README.md, "On a real RabbitMQ"
"""


@click.command()
@click.option(
    "--sample", type=click.Path(path_type=Path), metavar="DIR",
    help=f"Folder with {SHOP}/ and {ADVISORIES}/, instead of examples/ of the source tree.",
)  # fmt: skip
@pass_app
def demo(app: App, sample: Path | None) -> ExitCode:
    """Scan the sample application through the whole event flow.

    Exit status: 0 the flow worked, whatever the gate decides; 2 usage, 3 it did not work.
    """
    from devsecops_eda import embedded
    from devsecops_eda.cli.policy_source import configured_policy

    examples = sample or EXAMPLES
    for name in (SHOP, ADVISORIES):
        if not (examples / name).is_dir():
            raise ConfigurationError(
                f"{examples} has no folder {name}: the sample comes with the source, not with the "
                "wheel; get the source and say --sample DIR with its folder examples"
            )
    click.echo(INTRODUCTION)
    with tempfile.TemporaryDirectory(prefix="devsecops-eda-demo-") as folder:
        shop = prepare(examples, Path(folder))
        settings = _settings(app.settings, Path(folder))
        click.echo("Events as they flow")
        result = embedded.scan(
            shop,
            settings=settings,
            policy=configured_policy(settings),
            on_event=told(time.monotonic),
        )
        click.echo("\nFindings and decision")
        print_report(result, "text", root=shop)
    return conclusion(result)


def prepare(examples: Path, into: Path) -> Path:
    """Make the shop and its vulnerability data in ``into``; return the shop's folder.

    The secret in it and the date of the data are made now: neither stands in the source.
    """
    from devsecops_eda.advisories import import_osv

    shop = into / SHOP
    shutil.copytree(examples / SHOP, shop)
    # It opens nothing. Hexadecimal, so that no word in it makes a rule take it for a place holder.
    secret = f"k9{secrets.token_hex(16)}"
    (shop / "shop" / "local_settings.py").write_text(
        f'"""Made for this demonstration."""\n\nPAYMENT_API_KEY = "{secret}"\n', encoding="utf-8"
    )
    import_osv(examples / ADVISORIES, into / "database", date=datetime.now(UTC))
    return shop


def told(clock: Callable[[], float]) -> Callable[[Event], None]:
    """Return what prints one line per event: seconds since now, type, routing key."""
    from devsecops_eda.codec import key_of

    start = clock()

    def on_event(event: Event) -> None:
        seconds = clock() - start
        click.echo(f"  {seconds:6.2f} s  {event.type.value:<19} {plain(key_of(event))}")

    return on_event


def conclusion(result: ScanResult) -> ExitCode:
    """Say what a gate would have exited with and what to do next; return the demo's own code."""
    verdict = result.decision.verdict
    completed = {o.check for o in result.outcomes if o.status is OutcomeStatus.COMPLETED}
    worked = completed >= set(SCANNERS) and verdict in (Verdict.ALLOW, Verdict.DENY)
    click.echo()
    if not worked:
        click.echo("The flow did not work: the report above says what is missing.", err=True)
        return ExitCode.COULD_NOT_EVALUATE
    click.echo(
        f"In a CI job this command would have exited with {of_verdict(verdict).value} "
        f"({verdict.value}). This is a demonstration, so it exits with 0.\n"
    )
    # `make run` started it from an environment that the reader's PATH does not have.
    program = PROGRAM if shutil.which(PROGRAM) else f".venv/bin/{PROGRAM}"
    click.echo(NEXT.format(program=program), nl=False)
    return ExitCode.ALLOW


def _settings(settings: Settings, folder: Path) -> Settings:
    """Return the settings with every check's own rules and the sample's data."""
    from devsecops_eda.checks import CheckSettings
    from devsecops_eda.settings import DEFAULT_CHECKS

    checks = {name: CheckSettings(name) for name in DEFAULT_CHECKS}
    checks["safety"] = CheckSettings("safety", database=folder / "database")
    return replace(settings, checks=checks, gate=replace(settings.gate, policy=None))
