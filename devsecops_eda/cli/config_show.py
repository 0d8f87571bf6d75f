"""`devsecops-eda config`: what is configured, and where each value comes from."""

from __future__ import annotations

import json

import click

from devsecops_eda.cli.context import App, pass_app

_NONE = "(none)"


@click.group()
def config() -> None:
    """See what is configured."""


@config.command()
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@pass_app
def show(app: App, format_: str) -> None:
    """Print every setting, its value and where it came from; secrets are masked."""
    from devsecops_eda.settings.shown import rows

    loaded = app.loaded
    shown = rows(loaded)
    if format_ == "json":
        settings = [{"key": row.key, "value": row.value, "origin": row.origin} for row in shown]
        document = {"version": 1, "file": str(loaded.file) if loaded.file else None}
        click.echo(json.dumps({**document, "settings": settings}, indent=2))
        return
    click.echo(f"# {loaded.file or 'no configuration file: defaults and environment hold'}")
    width = max(len(row.key) for row in shown)
    for row in shown:
        value = _NONE if row.value is None else json.dumps(row.value, ensure_ascii=False)
        click.echo(f"{row.key:<{width}} = {value}  # {row.origin}")
