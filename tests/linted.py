"""Linters from packages, run on files of this project."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def passes(program: str, *argv: str | Path) -> None:
    """Assert that a linter of this environment finds nothing."""
    done = _linted(program, argv)
    assert done.returncode == 0, done.stdout + done.stderr


def complaints(program: str, *argv: str | Path) -> str:
    """Return what a linter of this environment says of what is wrong; "" where it says nothing."""
    done = _linted(program, argv)
    return done.stdout + done.stderr if done.returncode else ""


def _linted(program: str, argv: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / program), *map(str, argv)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def fits(file: Path, schema: str, *options: str) -> None:
    """Assert that check-jsonschema takes ``file`` by one of its own schemas."""
    # Never in this process: it teaches ruamel.yaml, for everybody in it, that no text is a date.
    passes("check-jsonschema", "--builtin-schema", schema, *options, file)


def misfits(file: Path, schema: str, *options: str) -> str:
    """Return what check-jsonschema says against ``file``; "" where it fits."""
    return complaints("check-jsonschema", "--builtin-schema", schema, *options, file)
