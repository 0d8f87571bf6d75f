"""What is true of every scan tree, whatever it was made from."""

from collections.abc import Callable
from pathlib import Path

from devsecops_eda.workspace import ScanTree

Export = Callable[..., ScanTree]
"""Commits files (modes and bounds are optional), and returns the tree that is scanned."""


def left_out(tree: ScanTree) -> dict[str, str]:
    return {gap.path: gap.reason for gap in tree.left_out}


def everything_in(tree: ScanTree) -> list[Path]:
    return list(tree.root.rglob("*"))


def assert_harmless(tree: ScanTree) -> None:
    """Hold what is true of every scan tree."""
    for path in everything_in(tree):
        inside = str(path.relative_to(tree.root))
        assert not path.is_symlink(), inside
        assert path.is_file() or path.is_dir(), inside
        assert inside.isascii(), inside
        assert inside.isprintable(), inside
        assert " " not in inside, inside
        assert not any(part.startswith("-") for part in inside.split("/")), inside
        assert path.name.lower() not in {".git", "head", ".gitignore", ".gitattributes"}, inside
        assert len(inside) < 1000, inside
    written = {str(path.relative_to(tree.root)) for path in everything_in(tree) if path.is_file()}
    assert written == set(tree.names.values())
    assert len(set(tree.names.values())) == len(tree.names)
    assert all(path.isprintable() for path in (*tree.paths, *left_out(tree)))
