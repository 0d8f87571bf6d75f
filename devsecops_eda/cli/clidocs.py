"""The reference of all commands for readers: `docs/cli.md`, made from what `--help` is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from devsecops_eda.cli import PROGRAM, group

_CODE = re.compile(r"(`[^`]*`)")
_MARKS = re.compile(r"([*<])")


def leaves() -> Iterator[click.Context]:
    """Yield a context for each command that does something, groups aside.

    Raises:
        MissingExtraError: a part of the package that a command needs is not installed.
    """
    return (each for each in _contexts(_root()) if not isinstance(each.command, click.Group))


def markdown() -> str:
    """Return one section for each command: what it does, how it is called, its options.

    Raises:
        MissingExtraError: as ``leaves``.
    """
    return "\n\n".join(_section(each) for each in _contexts(_root())) + "\n"


def _root() -> click.Context:
    return click.Context(group, info_name=PROGRAM)


def _contexts(of: click.Context) -> Iterator[click.Context]:
    """Yield ``of`` and everything below it, as the help lists it."""
    yield of
    if isinstance(of.command, click.Group):
        for name in of.command.list_commands(of):
            command = of.command.get_command(of, name)
            assert command is not None
            yield from _contexts(click.Context(command, info_name=name, parent=of))


def _section(context: click.Context) -> str:
    words = context.command_path.split()[1:]
    parts = [f"{'#' * max(2, len(words) + 1)} {' '.join(words) or 'Options of every command'}"]
    if words:
        parts.append(_escaped(inspect.cleandoc(context.command.help or "")))
    if not isinstance(context.command, click.Group):
        usage = " ".join(context.command.collect_usage_pieces(context))
        parts.append(f"```text\n{context.command_path} {usage}\n```")
    options = "\n".join(_options(context))
    return "\n\n".join(part for part in (*parts, options) if part)


def _options(context: click.Context) -> Iterator[str]:
    for param in context.command.get_params(context):
        # What an argument is stands in the text; --help is everywhere.
        if isinstance(param, click.Argument) or "--help" in param.opts:
            continue
        record = param.get_help_record(context)
        if record is not None:
            option, text = record
            yield f"- `{option}`" + (f": {_escaped(' '.join(text.split()))}" if text else "")


def _escaped(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is; what stands in backquotes is code."""
    return "".join(
        part if part.startswith("`") else _MARKS.sub(r"\\\1", part) for part in _CODE.split(text)
    )
