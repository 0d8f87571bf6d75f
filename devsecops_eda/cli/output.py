"""Where reports go: standard output, and files named with `--output format=path`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.reports import FORMATS, LineOf, Result, render_scan

MAX_SOURCE_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Target:
    """One report to be written into a file."""

    format: str
    path: Path


def targets_of(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[Target, ...]:
    """Return the targets of ``--output``, each refused before anything is scanned if wrong."""
    return tuple(_target(value, ctx, param) for value in values)


def _target(value: str, ctx: click.Context, param: click.Parameter) -> Target:
    format_, sep, path = value.partition("=")
    if not sep or not path or format_ not in FORMATS:
        known = ", ".join(f"{name}=PATH" for name in FORMATS)
        raise click.BadParameter(f"{value!r} is none of {known}", ctx, param)
    target = Path(path)
    if not target.parent.is_dir() or target.is_dir():
        raise click.BadParameter(f"{path!r} is no file in a folder that exists", ctx, param)
    if target.is_file() and _is_stdout(target):
        # Two writers of one file, each at its own place, would overwrite each other.
        raise click.BadParameter(
            f"{path!r} is where standard output goes; --format says what is printed", ctx, param
        )
    return Target(format_, target)


def _is_stdout(path: Path) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(1))
    except OSError:
        return False


def write_all(result: Result, targets: Sequence[Target]) -> None:
    """Write every report whole or not at all; what is no regular file is written to, and stays.

    Raises:
        ConfigurationError: one cannot be written.
    """
    for target in targets:
        text = FORMATS[target.format](result)
        try:
            _write(target.path, text)
        except OSError as error:
            raise ConfigurationError(
                f"{target.path} cannot be written: {error.strerror}"
            ) from error


def _write(path: Path, text: str) -> None:
    # A device or pipe has nothing to put in its place: root would lose /dev/stdout. And a link
    # goes on leading to the file it leads to.
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def print_report(result: Result, format_: str, *, root: Path | None) -> None:
    """Print the report; for a person at a terminal with colours and lines of their code."""
    if format_ != "text":
        click.echo(FORMATS[format_](result), nl=False)
        return
    line_of = lines_below(root) if root is not None and sys.stdout.isatty() else None
    click.echo(render_scan(result, colour=colours(), line_of=line_of), nl=False)


def colours() -> bool:
    """Return whether standard output is for a person who wants colours (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()


def lines_below(root: Path) -> LineOf:
    """Return a reader of single lines of regular files below ``root``."""
    top = root.resolve()

    def line_of(path: str, line: int) -> str | None:
        file = top / path
        try:
            # A link could show any file of the reader's; a pipe would never answer.
            if not file.resolve().is_relative_to(top) or not file.is_file():
                return None
            with file.open("rb") as opened:
                lines = opened.read(MAX_SOURCE_BYTES).splitlines()
        except (OSError, ValueError):
            return None
        return lines[line - 1].decode("utf-8", "replace") if 0 < line <= len(lines) else None

    return line_of
