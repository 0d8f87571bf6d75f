"""What tests of the sandbox share: running programs in it, and finding what they left."""

import sys
import textwrap
import threading
from pathlib import Path

import pytest

from devsecops_eda import sandbox
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.sandbox import Completed, Limits
from devsecops_eda.settings import SandboxMode
from tests.rig.leftovers import processes

PYTHON = Path(sys.executable).resolve()
INTERPRETER = (PYTHON, Path(sys.base_prefix))
MODES = pytest.mark.parametrize("mode", list(SandboxMode))
BUBBLEWRAP = SandboxMode.BUBBLEWRAP


def running(mark: str) -> list[int]:
    return [one.pid for one in processes() if f"sleep {mark}" in one.command]


def run(
    *argv: str,
    empty: Path,
    mode: SandboxMode = BUBBLEWRAP,
    limits: Limits | None = None,
    read_only: tuple[Path, ...] = (),
    writable: tuple[Path, ...] = (),
    env: dict[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Completed:
    return sandbox.run(
        argv,
        mode=mode,
        limits=limits or Limits(timeout_s=60),
        read_only=read_only,
        writable=writable,
        cwd=empty,
        env=env or {},
        stop=stop,
    )


def python(code: str, *, empty: Path, mode: SandboxMode = BUBBLEWRAP, **more: object) -> Completed:
    argv = [str(PYTHON), "-I", "-c", textwrap.dedent(code)]
    return run(*argv, empty=empty, mode=mode, read_only=INTERPRETER, **more)  # type: ignore[arg-type]


def refused(reason: FailureReason, *argv: str, **more: object) -> CheckError:
    with pytest.raises(CheckError) as caught:
        run(*argv, **more)  # type: ignore[arg-type]
    assert caught.value.reason is reason, caught.value
    return caught.value
