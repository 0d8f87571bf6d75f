"""Judges that are packages of npm, installed where they are missing; none of their scripts runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.rig.provide import CACHE, CannotProvideError, install

_PROGRAMS = {"node": "nodejs", "npm": "npm", "java": "default-jre-headless"}


def provide(package: str, *, programs: Iterable[str] = ("node", "npm")) -> Path:
    """Return the folder in which ``package`` (``name@version``) is installed, with what it needs.

    Raises:
        CannotProvideError: they are not here and not to be had.
    """
    wanted = [_PROGRAMS[program] for program in programs if not shutil.which(program)]
    if wanted:
        if os.geteuid() != 0:
            raise CannotProvideError(f"install the packages {' '.join(wanted)}")
        install(wanted)
    name = package.rpartition("@")[0]
    folder = CACHE / "npm" / package.replace("/", "+")
    if not (folder / "node_modules" / name).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-save")
        argv = ("npm", "install", "--prefix", str(folder), *quiet, package)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise CannotProvideError(f"npm could not install {package}: {done.stderr[-500:]}")
    return folder
