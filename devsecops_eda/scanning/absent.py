"""Files a scanner would have wanted and that are not in its tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.model import Gap
from devsecops_eda.workspace import Reason, ScanTree

_NOT_INPUT = frozenset({Reason.SCANNER_CONFIGURATION.value, Reason.VERSION_CONTROL.value})


@dataclass(frozen=True, slots=True)
class _Names:
    """A tree of names alone; every file is empty."""

    sizes: Mapping[str, int]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    def read(self, path: str) -> bytes:
        return b""

    def size(self, path: str) -> int:
        return self.sizes[path]


def absent(check: Scanner, tree: ScanTree, settings: CheckSettings) -> tuple[Gap, ...]:
    """Return what was left out of ``tree`` though its name says that ``check`` wants it.

    A link ``evil.py`` to a file of another name, or a pointer in place of a large file, runs as
    well as any other; that nobody looked at it has to be said.
    """
    reasons = {gap.path: gap.reason for gap in tree.left_out if gap.reason not in _NOT_INPUT}
    if not reasons:
        return ()
    names = _Names(dict.fromkeys(sorted(reasons), 0))
    return tuple(Gap(path, reasons[path]) for path in check.select(names, settings).eligible)
