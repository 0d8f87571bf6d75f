"""`devsecops-eda events`: what events there are, and whether a file holds one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import BinaryIO

import click

from devsecops_eda.cli import asyncapi as asyncapi_document
from devsecops_eda.cli import eventdocs
from devsecops_eda.cli.tail import tail
from devsecops_eda.codec import decode, schemas
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.model import EventType

MAX_INPUT_BYTES = 64 * 1024 * 1024
OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the door says to one event of a file; ``line`` is where the event begins."""

    file: str
    line: int
    valid: bool
    type: str | None = None
    id: str | None = None
    reason: str | None = None
    path: str | None = None
    detail: str | None = None


@click.group()
def events() -> None:
    """Show the events there are, check events of your own, follow what is said."""


events.add_command(tail)


@events.command("list")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="markdown prints the whole reference.",
)
def list_(form: str) -> None:
    """List the types of events with routing key, speakers and consumers."""
    if form == "markdown":
        click.echo(eventdocs.markdown(), nl=False)
    elif form == "json":
        rows = [asdict(row) for row in eventdocs.rows()]
        click.echo(json.dumps({"version": OUTPUT_VERSION, "events": rows}, indent=2))
    else:
        for row in eventdocs.rows():
            click.echo(f"{row.type.value}: {row.title}")
            click.echo(f"    key          {row.key}")
            click.echo(f"    said by      {', '.join(row.said_by)}")
            click.echo(f"    consumed by  {', '.join(row.consumed_by)}")


@events.command()
@click.argument("name", metavar="TYPE", type=click.Choice(schemas.NAMES))
@click.option("--example", is_flag=True, help="Print an example instead of the schema.")
def show(name: str, example: bool) -> None:
    """Print the JSON Schema of an event's data (TYPE), of the envelope or of the common parts."""
    if not example:
        click.echo(json.dumps(schemas.document(name), indent=2, ensure_ascii=False))
    elif name in set(EventType):
        click.echo(eventdocs.example(EventType(name)), nl=False)
    else:
        raise click.UsageError(f"{name} is no event; --example goes with a type of event")


@events.command()
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def asyncapi(form: str) -> None:
    """Print all channels, operations and messages as one AsyncAPI 3 document."""
    if form == "json":
        click.echo(json.dumps(asyncapi_document.document(), indent=2, ensure_ascii=False))
    else:
        click.echo(asyncapi_document.as_yaml(), nl=False)


@events.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.File("rb"))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def validate(ctx: click.Context, files: tuple[BinaryIO, ...], form: str) -> None:
    """Say of each event in FILE (- is standard input) whether the door would take it.

    A file holds one event, or one event on each line. Routing key and sender are not looked at.

    Exit status: 0 all are valid, 1 some are not, 2 a file cannot be read.
    """
    judged = [each for file in files for each in _judge(file)]
    if form == "json":
        listed = [asdict(each) for each in judged]
        click.echo(json.dumps({"version": OUTPUT_VERSION, "events": listed}, indent=2))
    else:
        for each in judged:
            click.echo(_line(each))
    ctx.exit(0 if all(each.valid for each in judged) else 1)


def _judge(file: BinaryIO) -> list[Judged]:
    name = click.format_filename(getattr(file, "name", "-")).replace("<stdin>", "-")
    try:
        content = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > MAX_INPUT_BYTES:
        raise click.UsageError(f"{name} is over {MAX_INPUT_BYTES} bytes; split it")
    return [_judged(name, line, body) for line, body in _bodies(content)]


def _bodies(content: bytes) -> list[tuple[int, bytes]]:
    """Return each event with its line: a file whose first line is a whole object holds many."""
    lines = [(at, text) for at, text in enumerate(content.split(b"\n"), 1) if text.strip()]
    first = lines[0][1].strip() if lines else b""
    if len(lines) > 1 and first.startswith(b"{") and first.endswith(b"}"):
        return lines
    return [(lines[0][0] if lines else 1, content)]


def _judged(file: str, line: int, body: bytes) -> Judged:
    try:
        event = decode(body)
    except InvalidEventError as error:
        return Judged(
            file, line, False, reason=error.reason.value, path=error.path, detail=error.detail
        )
    return Judged(file, line, True, type=event.type.value, id=event.id)


def _line(judged: Judged) -> str:
    where = f"{judged.file}:{judged.line}"
    if judged.valid:
        return f"{where}: ok {judged.type} {judged.id}"
    path = f"{judged.path} " if judged.path else ""
    return f"{where}: {judged.reason} {path}{judged.detail}"
