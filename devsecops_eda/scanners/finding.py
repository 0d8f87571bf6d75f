"""Where a scanner is, in the version we tested, and which folders it needs to run."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason

TOOLS = ("semgrep", "safety")
COMPLETE = ".complete"
"""The file that an environment has when everything in it is installed."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One scanner as it is here. ``prefix`` is its environment, there or not yet."""

    tool: str
    version: str
    prefix: Path
    installed: bool

    @property
    def program(self) -> Path:
        """Return its executable."""
        return self.prefix / "bin" / self.tool


def requirements_text(tool: str) -> str:
    """Return the hashed requirement file of ``tool``.

    Raises:
        ConfigurationError: no such tool.
    """
    if tool not in TOOLS:
        raise ConfigurationError(f"there is no scanner {tool!r}; there are: {', '.join(TOOLS)}")
    return (files("devsecops_eda.scanners") / f"{tool}.txt").read_text(encoding="ascii")


@cache
def pinned_version(tool: str) -> str:
    """Return the version of ``tool`` that this release was tested with."""
    start = f"{tool}=="
    line = next(line for line in requirements_text(tool).splitlines() if line.startswith(start))
    return line.removeprefix(start).split()[0]


@cache
def environment_name(tool: str) -> str:
    """Return the name of the folder of ``tool``: another one for every other list of packages."""
    digest = hashlib.sha256(requirements_text(tool).encode()).hexdigest()[:12]
    return f"{tool}-{pinned_version(tool)}-{digest}"


def installation(tool: str, *, state_dir: Path) -> Installation:
    """Return where ``tool`` is: in its own environment, else beside this program, else nowhere.

    Beside this program counts only in exactly the tested version. A tool that does not come with
    this package (a check of somebody else's) is looked for on the PATH, in a folder ``bin``.
    """
    if tool not in TOOLS:
        found = shutil.which(tool)
        bin_folder = Path(found).parent if found else Path("/nowhere/bin")
        here = found is not None and bin_folder.name == "bin"
        return Installation(tool, "", bin_folder.parent, installed=here)
    own = state_dir.absolute() / "scanners" / environment_name(tool)
    wanted = pinned_version(tool)
    if (own / COMPLETE).exists():
        return Installation(tool, wanted, own, installed=True)
    beside = Path(sys.prefix)
    if (beside / "bin" / tool).exists() and _version_here(tool) == wanted:
        return Installation(tool, wanted, beside, installed=True)
    return Installation(tool, wanted, own, installed=False)


def program(tool: str, *, state_dir: Path) -> Path:
    """Return the executable of ``tool``.

    Raises:
        CheckError: not installed, or not for this user (``tool_missing``); says what to do.
    """
    found = installation(tool, state_dir=state_dir)
    if not found.installed and tool not in TOOLS:
        raise CheckError(FailureReason.TOOL_MISSING, f"there is no program {tool} on the PATH")
    if not found.installed:
        raise CheckError(
            FailureReason.TOOL_MISSING,
            f"{tool} {found.version} is not installed: run `devsecops-eda scanners install`",
        )
    for file in (found.program, *_interpreters(found.prefix)):
        if not os.access(file, os.X_OK):
            raise CheckError(
                FailureReason.TOOL_MISSING,
                f"{file} cannot be run by this user: run `devsecops-eda scanners install` with "
                "--python and an interpreter that everybody can read",
            )
    return found.program


def bind_paths(tool: str, *, state_dir: Path) -> tuple[Path, ...]:
    """Return the folders that ``tool`` needs beside /usr, each to be seen at its own path.

    Its environment, and the installation of its interpreter where that lies elsewhere.
    """
    prefix = installation(tool, state_dir=state_dir).prefix
    # Its programs name their interpreter by the path they were installed at, so that one too
    # where a link led here.
    wanted = [prefix, prefix.resolve(), *(path.parent.parent for path in _interpreters(prefix))]
    base = _base_prefix(prefix)
    if base is not None:
        wanted += [base, base.resolve()]
    return tuple(dict.fromkeys(path for path in wanted if not _is_of_the_system(path)))


def environment(tool: str, *, state_dir: Path) -> Mapping[str, str]:
    """Return the variables that ``tool`` needs.

    semgrep does not start without certificates, though it is told to send nothing: it is given
    those that were installed with it, for not every machine has some.
    """
    prefix = installation(tool, state_dir=state_dir).prefix
    found = sorted(prefix.glob("lib/python3*/site-packages/certifi/cacert.pem"))
    return {"SSL_CERT_FILE": str(found[0])} if found else {}


def _version_here(tool: str) -> str | None:
    try:
        return version(tool)
    except PackageNotFoundError:
        return None


def _interpreters(prefix: Path) -> Iterator[Path]:
    """Yield what ``bin/python`` of an environment leads to, link by link."""
    path = prefix / "bin" / "python"
    for _ in range(40):
        try:
            link = path.readlink()
        except OSError:
            # It is none, or lies where this user may not look: who runs it finds that out.
            return
        path = Path(os.path.normpath(path.parent / link))
        yield path


def _base_prefix(prefix: Path) -> Path | None:
    try:
        text = (prefix / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return None
    values = dict(line.partition("=")[::2] for line in text.splitlines())
    home = {key.strip(): value.strip() for key, value in values.items()}.get("home")
    return Path(home).parent if home else None


def _is_of_the_system(path: Path) -> bool:
    # "/" comes of /bin/python3: it would show the sandbox everything.
    return path == Path("/") or path == Path("/usr") or path.is_relative_to("/usr")
