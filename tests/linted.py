"""Linters from packages, run on files of this project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def passes(program: str, *argv: str | Path) -> None:
    """Assert that a linter of this environment finds nothing."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *map(str, argv)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def fits(file: Path, schema: str, *options: str) -> None:
    """Assert that check-jsonschema takes ``file`` by one of its own schemas."""
    # Never in this process: it teaches ruamel.yaml, for everybody in it, that no text is a date.
    passes("check-jsonschema", "--builtin-schema", schema, *options, file)
