"""Making a scanner's environment: once, by one process, all of it or nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.redaction import masked_text
from devsecops_eda.scanners.finding import (
    COMPLETE,
    Installation,
    environment_name,
    pinned_version,
    requirements_text,
)
from devsecops_eda.settings.keys import without_ours

TIMEOUT_S = 1800.0
"""For one environment: some hundred megabytes over a slow line."""


def install(tool: str, *, state_dir: Path, python: Path | None = None) -> Installation:
    """Return the environment of ``tool``, made with ``python`` unless it is there already.

    Several processes may call this at once: one makes it, the others wait. What a killed one left
    behind is made anew.

    Raises:
        ConfigurationError: no such tool, or it could not be made; says what pip said last.
    """
    prefix = state_dir.absolute() / "scanners" / environment_name(tool)
    made = Installation(tool, pinned_version(tool), prefix, installed=True)
    if (prefix / COMPLETE).exists():
        return made
    try:
        with _lock(prefix.with_name(f".{prefix.name}.lock")) as lock:
            if not (prefix / COMPLETE).exists():
                _make(tool, prefix, python or Path(sys.executable), lock)
    except OSError as e:
        raise ConfigurationError(f"{prefix} cannot be made: {e.strerror}") from e
    return made


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _make(tool: str, prefix: Path, python: Path, lock: int) -> None:
    # At its final place, since an environment cannot be moved; the marker comes last.
    shutil.rmtree(prefix, ignore_errors=True)
    listed = prefix / "requirements.txt"
    try:
        _run([str(python), "-m", "venv", str(prefix)], lock)
        listed.write_text(requirements_text(tool), encoding="ascii")
        _run(
            [
                str(prefix / "bin" / "python"),
                *("-I", "-m", "pip", "install", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--require-hashes", "-r", str(listed)),
            ],
            lock,
        )
    except BaseException:
        shutil.rmtree(prefix, ignore_errors=True)
        raise
    descriptor = os.open(prefix / COMPLETE, os.O_CREAT | os.O_WRONLY, 0o644)
    os.close(descriptor)


def _run(argv: Sequence[str], lock: int) -> None:
    try:
        subprocess.run(
            argv,
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env=without_ours(os.environ),
            # When we are killed, pip goes on for a while; until its end nobody else may begin.
            pass_fds=(lock,),
        )
    except FileNotFoundError as e:
        raise ConfigurationError(f"there is no interpreter {argv[0]}") from e
    except PermissionError as e:
        raise ConfigurationError(f"{argv[0]} cannot be run by this user") from e
    except subprocess.TimeoutExpired as e:
        raise ConfigurationError(f"`{' '.join(argv)}` took longer than {TIMEOUT_S:g} s") from e
    except subprocess.CalledProcessError as e:
        said = (e.stderr or e.stdout).decode(errors="replace").strip().splitlines()
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
        why = masked_text(" ".join(errors)[:1000]) or "it did not say why"
        raise ConfigurationError(f"`{' '.join(argv)}` failed: {why}") from e
