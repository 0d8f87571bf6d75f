"""A reader of the documentation: does in a folder of his own what a page tells him to do."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.rig.pages import named
from tests.rig.programs import Program, Programs


class Reader:
    """One who has the program on his PATH.

    Args:
        environ: what he has in his environment besides.
        instead: what stands in the pages for something of his own: a word or the beginning of a
            path, and what he writes in its place.
    """

    def __init__(
        self,
        programs: Programs,
        folder: Path,
        *,
        path: tuple[Path, ...] = (),
        environ: Mapping[str, str] | None = None,
        instead: Mapping[str, str | Path] | None = None,
    ) -> None:
        self.folder = folder
        self._programs = programs
        search = [*path, Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin"]
        self.environ = {"PATH": ":".join(map(str, search)), **(environ or {})}
        self._instead = dict(instead or {})

    def saying(self, **instead: str) -> Reader:
        """Return the same reader with other words of his own besides."""
        one = copy.copy(self)
        one._instead = {**self._instead, **instead}
        return one

    def text(self, page: str, example: str) -> str:
        """Return an example with his own words in it."""
        words = "|".join(map(re.escape, self._instead)) or "(?!)"
        whole = rf"(?<![\w-])(?:{words})(?![\w-])"
        return re.sub(whole, lambda found: str(self._instead[found[0]]), named(page, example).text)

    def writes(self, page: str, example: str, file: str) -> Path:
        """Write an example into a file of his folder."""
        path = self.folder / file
        path.write_text(self.text(page, example), encoding="utf-8")
        return path

    def starts(self, page: str, example: str) -> Program:
        """Start the commands of an example in a shell that ends at the first that fails."""
        text = self.text(page, example)
        return self._programs.start(
            *("bash", "-euo", "pipefail", "-c", text), env=self.environ, cwd=self.folder
        )

    def does(self, page: str, example: str, *, code: int = 0, timeout_s: float = 120) -> str:
        """Carry out the commands of an example; return what they said.

        Raises:
            AssertionError: they ended with another code.
        """
        program = self.starts(page, example)
        assert program.wait(timeout_s=timeout_s) == code, program.log
        return program.log
