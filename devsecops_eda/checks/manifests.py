"""All manifests of a tree, their includes followed, as one list of pins with their places."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from devsecops_eda.checks import Tree
from devsecops_eda.checks.locks import is_lock, read_lock
from devsecops_eda.checks.pins import Pin, shown
from devsecops_eda.checks.requirements import Include, RequirementFile, read_requirements
from devsecops_eda.model import Gap

MAX_MANIFEST_BYTES = 8 * 1024**2
MAX_INCLUDED = 500
"""As many files all includes of a tree may name that are no manifests by their own name."""
MAX_PINS = 50_000

_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|pip)")
_IN_FOLDER = re.compile(r"(?:.*/)?requirements/(?:.*/)?[^/]+\.(?:txt|pip)")
_CONSTRAINTS = re.compile(r"(?:.*[-_.])?constraints(?:[-_.].*)?\.(?:txt|pip)")


@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests that were read, what they pin (by pin, its places), and the gaps."""

    paths: tuple[str, ...]
    places: Mapping[str, tuple[tuple[str, int], ...]]
    gaps: tuple[Gap, ...]


def is_manifest(path: str) -> bool:
    """Return whether a file is a requirement or lock file by its name."""
    name = path.rpartition("/")[2]
    return bool(
        is_lock(name) or _REQUIREMENTS.fullmatch(name) or _IN_FOLDER.fullmatch(path)
    ) and not name.startswith(".")


def _is_pinning_constraint(tree: Tree, path: str) -> bool:
    # A file of constraints installs nothing by itself, and much documentation is called so.
    return bool(
        _CONSTRAINTS.fullmatch(path.rpartition("/")[2])
        and tree.size(path) <= MAX_MANIFEST_BYTES
        and read_requirements(tree.read(path)).pins
    )


def read_manifests(tree: Tree) -> Manifests:
    """Return what all manifests of ``tree`` pin, and what nobody can judge; pure but for reading.

    Includes are followed inside the tree only, each file is read once.
    """
    reader = _Reader(tree)
    for path in tree.paths:
        if is_manifest(path) or _is_pinning_constraint(tree, path):
            reader.read(path)
    return reader.result()


@dataclass(slots=True)
class _Reader:
    tree: Tree
    files: dict[str, RequirementFile] = field(default_factory=dict)
    pins: dict[str, list[Pin]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    included: int = 0

    def __post_init__(self) -> None:
        self.known = frozenset(self.tree.paths)

    def read(self, path: str) -> None:
        """Read one manifest and, breadth first, what it includes."""
        waiting = [path]
        while waiting:
            current = waiting.pop()
            if current in self.pins:
                continue
            self.pins[current] = []
            if self.tree.size(current) > MAX_MANIFEST_BYTES:
                self.gaps.append(Gap(current, f"larger than {MAX_MANIFEST_BYTES} bytes"))
            elif is_lock(current.rpartition("/")[2]):
                reading = read_lock(current.rpartition("/")[2], self.tree.read(current))
                self.pins[current] = list(reading.pins)
                self.gaps += [Gap(current, reason) for reason in reading.gaps]
            else:
                file = read_requirements(self.tree.read(current))
                self.files[current] = file
                self.pins[current] = file.pins
                self.gaps += [Gap(current, reason) for reason in file.gaps]
                waiting += self._followed(current, file.includes)

    def _followed(self, path: str, includes: Iterable[Include]) -> list[str]:
        followed: list[str] = []
        for include in includes:
            target = self._inside(path, include.name)
            if target is None:
                self.gaps.append(Gap(path, f"includes a file outside the tree{_hint(include)}"))
            elif target not in self.pins and self.included >= MAX_INCLUDED:
                self.gaps.append(Gap(path, f"includes more than {MAX_INCLUDED} files"))
                return followed
            else:
                self.included += target not in self.pins
                followed.append(target)
        return followed

    def _inside(self, path: str, name: str) -> str | None:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        return target if target in self.known else None

    def result(self) -> Manifests:
        places: dict[str, set[tuple[str, int]]] = {}
        count = 0
        gaps = list(self.gaps)
        for path, pins in self.pins.items():
            count += len(pins)
            if count > MAX_PINS:
                gaps.append(Gap(path, f"the tree pins more than {MAX_PINS} packages"))
                continue
            for pinned in pins:
                places.setdefault(pinned.text, set()).add((path, pinned.line))
        for path, file in self.files.items():
            constrained = self._constrained(path)
            gaps += [
                Gap(path, reason)
                for reason, name in file.unpinned.items()
                if name not in constrained
            ]
        return Manifests(
            paths=tuple(sorted(self.pins)),
            places={text: tuple(sorted(where)) for text, where in sorted(places.items())},
            gaps=tuple(dict.fromkeys(sorted(gaps, key=lambda gap: (gap.path, gap.reason)))),
        )

    def _constrained(self, path: str) -> frozenset[str]:
        """Return the names that constraint files of ``path`` pin; their lines are judged there."""
        targets = (
            self._inside(path, include.name)
            for include in self.files[path].includes
            if include.constraint
        )
        return frozenset(
            pinned.name for target in targets if target for pinned in self.pins.get(target, ())
        )


def _hint(include: Include) -> str:
    return "" if ":" in include.name or "@" in include.name else f": {shown(include.name)}"
