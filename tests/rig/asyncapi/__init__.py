"""AsyncAPI's own parser, as a judge of our document."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.rig.npm import provide

PARSER = "@asyncapi/parser@3.6.6"
_JUDGE = Path(__file__).with_name("judge.mjs")
# Its advice to use the newest version of the specification, which fewer tools read yet.
_ADVICE = "asyncapi-latest-version"


@dataclass(frozen=True, slots=True)
class Said:
    """What the parser said: complaints (where and why), and how much it found."""

    complaints: tuple[str, ...]
    operations: int | None
    messages: int | None


def judged(text: str) -> Said:
    """Return what the parser says to the document ``text``.

    Raises:
        CannotProvideError: Node or the parser is not here and not to be had.
    """
    argv = ("node", str(_JUDGE), f"{provide(PARSER)}{os.sep}")
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
