"""AsyncAPI's own parser, as a judge of our document."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.rig.provide import CACHE, CannotProvideError, install

PARSER = "@asyncapi/parser@3.6.6"
FOLDER = CACHE / "asyncapi"
_JUDGE = Path(__file__).with_name("judge.mjs")
# Its advice to use the newest version of the specification, which fewer tools read yet.
_ADVICE = "asyncapi-latest-version"


@dataclass(frozen=True, slots=True)
class Said:
    """What the parser said: complaints (where and why), and how much it found."""

    complaints: tuple[str, ...]
    operations: int | None
    messages: int | None


def provide() -> None:
    """Get Node and the parser, where they are missing; nothing in the parser's packages is run.

    Raises:
        CannotProvideError: they are not here and not to be had.
    """
    wanted = [
        package
        for program, package in (("node", "nodejs"), ("npm", "npm"))
        if not shutil.which(program)
    ]
    if wanted:
        if os.geteuid() != 0:
            raise CannotProvideError(f"install the packages {' '.join(wanted)}")
        install(wanted)
    if not (FOLDER / "node_modules" / "@asyncapi" / "parser").is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-save")
        argv = ("npm", "install", "--prefix", str(FOLDER), *quiet, PARSER)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise CannotProvideError(f"npm could not install {PARSER}: {done.stderr[-500:]}")


def judged(text: str) -> Said:
    """Return what the parser says to the document ``text``."""
    argv = ("node", str(_JUDGE), f"{FOLDER}{os.sep}")
    done = subprocess.run(
        argv, input=text, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    said = json.loads(done.stdout)
    complaints = tuple(
        f"{each['path']}: {each['message']}"
        for each in said["complaints"]
        if each["code"] != _ADVICE
    )
    return Said(complaints, said["operations"], said["messages"])
