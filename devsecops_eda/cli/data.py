"""`devsecops-eda data`: the vulnerability data of the check safety."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from devsecops_eda.advisories import ImportReport, import_osv, read_database
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason

MAX_LISTED = 20
REPLACING_S = 10.0
OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""


@click.group()
def data() -> None:
    """Manage vulnerability data."""


@data.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="OSV_FOLDER")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Database folder; else `database` of [checks.safety].",
)
@click.option(
    "--date",
    callback=lambda _ctx, _param, value: _moment(value),
    metavar="ISO8601",
    help="When the advisories were exported; else the newest `modified` among them.",
)
@pass_app
def import_(app: App, source: Path, into: Path | None, date: datetime | None) -> None:
    """Make a database of the OSV advisories (JSON or YAML) in a folder or zip file.

    Only advisories of the ecosystem PyPI are used. Their age counts from --date; when you have
    just downloaded a complete export, that is now.
    """
    folder = into or _configured(app)
    report = import_osv(source, folder, date=date, now=datetime.now(UTC))
    for name, reason in report.skipped[:MAX_LISTED]:
        click.echo(f"skipped {_printable(name)}: {reason}", err=True)
    if len(report.skipped) > MAX_LISTED:
        click.echo(f"and {len(report.skipped) - MAX_LISTED} more skipped", err=True)
    click.echo(_imported(report, folder))


@data.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), required=False, metavar="[DIR]"
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def show(app: App, folder: Path | None, form: str) -> None:
    """Show age, size and digest of a database; without DIR, of the configured one."""
    where = folder or _configured(app)
    database = read_database(where)
    if database is None:
        raise CheckError(
            FailureReason.NO_DATA,
            f"{where} holds no database: make one with `devsecops-eda data import`",
        )
    advisories = database.advisories
    packages = len({package for _, package in advisories})
    age_s = (datetime.now(UTC) - database.date).total_seconds()
    if form == "json":
        document = {
            "version": OUTPUT_VERSION,
            "folder": str(where),
            "date": database.date.isoformat(),
            "age_s": round(age_s),
            "advisories": len(advisories),
            "packages": packages,
            "digest": database.digest,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"folder      {where}")
    click.echo(f"speaks for  {database.date.isoformat()} ({age_s / 86400:.1f} days ago)")
    click.echo(f"advisories  {len(advisories)} for {packages} packages")
    click.echo(f"digest      {database.digest}")


@data.command()
@pass_app
def check(app: App) -> int:
    """Look whether the data of every check that is configured here is there and young enough.

    Exit status: 0 it is, 3 that of a check is missing or too old: its scans come to no verdict.
    """
    from devsecops_eda.checks import Scanner
    from devsecops_eda.scanning import the_check
    from devsecops_eda.waiting import Patience

    worst = ExitCode.ALLOW
    for name, own in app.settings.checks.items():
        scanner = the_check(name)
        if not isinstance(scanner, Scanner):
            continue
        try:
            # It may be in the middle of being replaced.
            look = partial(scanner.inputs, own, now=datetime.now(UTC))
            inputs = Patience(REPLACING_S).wait_out(look, what=f"the data of {name}")
        except CheckError as error:
            click.echo(f"{name}: {error}")
            worst = ExitCode.COULD_NOT_EVALUATE
            continue
        if inputs.data is not None:
            age_s = (datetime.now(UTC) - inputs.data.date).total_seconds()
            most_s = own.max_age_s
            click.echo(f"{name}: {age_s / 86400:.1f} days old, {most_s / 86400:g} at most")
    return worst


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as e:
        raise click.BadParameter(
            f"{value!r} is no date of ISO 8601, for example 2026-11-24T06:00:00Z"
        ) from e
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _configured(app: App) -> Path:
    check = app.settings.checks.get("safety")
    if check is None or check.database is None:
        raise ConfigurationError("name a folder, or configure it as `database` of [checks.safety]")
    return check.database


def _imported(report: ImportReport, folder: Path) -> str:
    return (
        f"{folder}: {report.advisories} advisories for {report.packages} packages, "
        f"speaks for {report.date.isoformat()} "
        f"({report.withdrawn} withdrawn, {report.others} of other ecosystems, "
        f"{len(report.skipped)} skipped)"
    )


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:200]
