"""`devsecops-eda scanners`: the scanners' own environments."""

from __future__ import annotations

import json
from pathlib import Path

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.scanners import TOOLS, Installation, install, installation

OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""


@click.group()
def scanners() -> None:
    """Manage the scanners' own environments."""


@scanners.command("install")
@click.argument("tools", nargs=-1, metavar="[TOOL]...")
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Interpreter for new environments; else the one that runs this program.",
)
@pass_app
def install_(app: App, tools: tuple[str, ...], python: Path | None) -> None:
    """Install the scanners, or those named, in the tested versions; what is there stays."""
    state_dir = app.settings.state_dir
    for tool in tools or TOOLS:
        if not installation(tool, state_dir=state_dir).installed:
            click.echo(f"installing {tool}, this takes a while", err=True)
        click.echo(_line(install(tool, state_dir=state_dir, python=python)))


@scanners.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def list_(app: App, form: str) -> None:
    """List the scanners: version, where, and whether they are installed."""
    found = [installation(tool, state_dir=app.settings.state_dir) for tool in TOOLS]
    if form == "text":
        for one in found:
            click.echo(_line(one))
        return
    rows = [
        {
            "tool": one.tool,
            "version": one.version,
            "path": str(one.prefix),
            "installed": one.installed,
        }
        for one in found
    ]
    click.echo(json.dumps({"version": OUTPUT_VERSION, "scanners": rows}, indent=2))


def _line(one: Installation) -> str:
    state = f"in {one.prefix}" if one.installed else "not installed"
    return f"{one.tool} {one.version}: {state}"
