"""Run a scanner: in bubblewrap, or in the weaker mode that the configuration has to name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.sandbox.process import (
    GONE_S,
    Completed,
    Limits,
    end_marked,
    last_words_of,
    wait_for,
    watched,
)
from devsecops_eda.settings import SandboxMode

MARKER = "DEVSECOPS_EDA_RUN"
"""The variable by which a scanner's processes are found again where no namespace holds them."""

_SIGNAL = 128
_OF_BUBBLEWRAP = 2
_RAN_OUT = (
    "MemoryError",
    "std::bad_alloc",
    "Out_of_memory",
    "Out of memory",
    "out of memory",
    "heap memory",
    "Cannot allocate memory",
    "Cannot fork",
    "Resource temporarily unavailable",
)

# What a program needs beside its own folders; /etc itself stays outside.
_SYSTEM = (
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
)
_TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

# A bare repository inside the tree would have its configuration obeyed by a scanner that asks git.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "safe.bareRepository",
    "GIT_CONFIG_VALUE_0": "explicit",
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "core.hooksPath",
    "GIT_CONFIG_VALUE_2": "/dev/null",
}


def missing(mode: SandboxMode) -> str | None:
    """Return one sentence why ``mode`` does not work here, None when it does. It is tried out."""
    try:
        with tempfile.TemporaryDirectory() as empty:
            run(
                ["/usr/bin/env", "true"],
                mode=mode,
                limits=Limits(timeout_s=30),
                read_only=(),
                cwd=Path(empty),
                env={},
            )
    except CheckError as error:
        return error.detail
    return None


def run(
    argv: Sequence[str],
    *,
    mode: SandboxMode,
    limits: Limits,
    read_only: Sequence[Path],
    writable: Sequence[Path] = (),
    cwd: Path,
    env: Mapping[str, str],
    stop: threading.Event | None = None,
) -> Completed:
    """Run ``argv`` to its end within ``limits``; nothing it started lives on.

    The child sees /usr, the named folders (at their own paths) and an empty /tmp; no network, no
    other process, and of the environment only ``env`` over a fixed, harmless base. In the mode
    ``none`` it sees everything its user sees, and only time, output and processes are bounded.
    Safe from several threads; the thread that calls must live until it returns, for the child
    dies with it. Killed in the very moment the child starts, a thread may leave one behind: it ends
    by its bound on processor time alone, or waits inside of bubblewrap for what never comes, with
    0.3 MiB, until the service ends. Setting ``stop`` from elsewhere ends it, as does an exception
    in this thread.

    Raises:
        CheckError: ``timeout``, ``output_limit``, ``resource_limit``, ``tool_missing``,
            ``no_sandbox``; ``other`` when stopped.
    """
    name = Path(argv[0]).name
    if not os.access(argv[0], os.X_OK):
        raise CheckError(FailureReason.TOOL_MISSING, f"there is no program {argv[0]}")
    if shutil.which("prlimit") is None:
        raise CheckError(
            FailureReason.NO_SANDBOX, "prlimit is not installed: install the package util-linux"
        )
    if mode is SandboxMode.BUBBLEWRAP:
        done = _in_bubblewrap(
            [*_prlimit(limits), f"--nproc={limits.processes}", "--", *argv],
            view=_view(limits, read_only, writable, cwd),
            name=name,
            limits=limits,
            env=env,
            stop=stop,
        )
    else:
        # No bound by the kernel on processes here: outside a namespace it counts all of a user's.
        done = _in_the_open(
            [*_prlimit(limits), "--", *argv], name=name, limits=limits, cwd=cwd, env=env, stop=stop
        )
    _refuse_what_broke_a_bound(name, done, limits)
    return done


def _in_bubblewrap(
    argv: Sequence[str],
    *,
    view: Sequence[str],
    name: str,
    limits: Limits,
    env: Mapping[str, str],
    stop: threading.Event | None,
) -> Completed:
    program = shutil.which("bwrap")
    if program is None:
        raise CheckError(FailureReason.NO_SANDBOX, "bubblewrap (bwrap) is not installed")
    status, status_write = os.pipe()
    os.set_blocking(status, False)
    told: dict[str, int] = {}
    try:
        done = watched(
            [program, *view, "--json-status-fd", str(status_write), "--", *argv],
            name=name,
            # The environment is handed over whole instead of by --setenv: argument lists are
            # shown to every user of the machine.
            env={**_ENVIRONMENT, "HOME": "/tmp", "TMPDIR": "/tmp", **env},  # noqa: S108
            cwd=Path("/"),
            timeout_s=limits.timeout_s,
            output_bytes=limits.output_bytes,
            processes=limits.processes + _OF_BUBBLEWRAP,
            pass_fds=(status_write,),
            stop=stop,
        )
    finally:
        # bwrap is gone now and the first process of its namespace dies with it; the kernel lets
        # that one go only when the whole namespace is empty.
        told = _status(status)
        os.close(status)
        os.close(status_write)
        _wait_until_gone(told)
    if "exit-code" not in told:
        # Were it killed, a scanner's words may stand behind its own.
        why = last_words_of("bwrap", done.stderr)
        raise CheckError(FailureReason.NO_SANDBOX, f"bubblewrap does not work here: {why}")
    return done


def _view(
    limits: Limits, read_only: Sequence[Path], writable: Sequence[Path], cwd: Path
) -> list[str]:
    view = [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"),
        *("--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"),
        *("--ro-bind", "/usr", "/usr"),
    ]
    for top in _TOP:
        if Path(top).is_symlink():
            view += ["--symlink", str(Path(top).readlink()), top]
        elif Path(top).is_dir():
            view += ["--ro-bind", top, top]
    for file in _SYSTEM:
        view += ["--ro-bind-try", file, file]
    # Every writable place has a size: the root and /dev, file systems in memory without a bound,
    # are made read-only once everything stands.
    size = str(limits.tmp_bytes)
    view += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]  # noqa: S108
    view += ["--size", size, "--tmpfs", "/tmp"]  # noqa: S108
    binds = {path.absolute(): "--ro-bind" for path in (cwd, *read_only)}
    binds |= {path.absolute(): "--bind" for path in writable}
    for path in sorted(binds):
        view += [binds[path], str(path), str(path)]
    return [*view, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(cwd.absolute())]


def _in_the_open(
    argv: Sequence[str],
    *,
    name: str,
    limits: Limits,
    cwd: Path,
    env: Mapping[str, str],
    stop: threading.Event | None,
) -> Completed:
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="devsecops-eda-") as home:
        try:
            return watched(
                [*dies_with_us(), *argv],
                name=name,
                env={**_ENVIRONMENT, "HOME": home, "TMPDIR": home, MARKER: mark, **env},
                cwd=cwd,
                timeout_s=limits.timeout_s,
                output_bytes=limits.output_bytes,
                processes=limits.processes,
                stop=stop,
            )
        finally:
            end_marked(f"{MARKER}={mark}")


def dies_with_us() -> list[str]:
    """Return what stands before a command so that it dies with the thread that started it."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "KILL", "--"] if found else []


def _prlimit(limits: Limits) -> list[str]:
    # Processor time is the net for a child that outlives a killed worker: nobody watches the
    # clock then. It counts per process, over all its threads.
    seconds = int(limits.timeout_s * (os.cpu_count() or 1)) + 1
    return [
        "prlimit",
        f"--as={limits.memory_bytes}",
        f"--fsize={limits.file_bytes}",
        f"--cpu={seconds}",
        "--core=0",
    ]


def _status(descriptor: int) -> dict[str, int]:
    """Read what bwrap has told so far: one JSON object per line."""
    told = b""
    with suppress(BlockingIOError):
        while piece := os.read(descriptor, 65536):
            told += piece
    status: dict[str, int] = {}
    for line in told.splitlines():
        with suppress(ValueError):
            status |= json.loads(line)
    return status


def _wait_until_gone(status: Mapping[str, int]) -> None:
    if "child-pid" not in status:
        return
    try:
        pidfd = os.pidfd_open(status["child-pid"])
    except ProcessLookupError:
        return
    try:
        wait_for(pidfd, GONE_S)
    finally:
        os.close(pidfd)


def _refuse_what_broke_a_bound(name: str, done: Completed, limits: Limits) -> None:
    ended_by = done.returncode - _SIGNAL
    if ended_by == signal.SIGXFSZ:
        raise CheckError(
            FailureReason.RESOURCE_LIMIT,
            f"{name} wrote a file of more than {limits.file_bytes} bytes",
        )
    if ended_by in (signal.SIGKILL, signal.SIGXCPU):
        # By the kernel, for want of memory; or by the bound on processor time.
        raise CheckError(FailureReason.RESOURCE_LIMIT, f"{name} was killed by the system")
    last_words = done.stderr[-4096:].decode(errors="replace")
    if done.returncode and not done.stdout and any(word in last_words for word in _RAN_OUT):
        raise CheckError(
            FailureReason.RESOURCE_LIMIT,
            f"{name} ran out of memory ({limits.memory_bytes} bytes for each process) or of "
            f"processes ({limits.processes})",
        )
