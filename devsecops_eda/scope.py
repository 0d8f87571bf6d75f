"""Which function or class a line of Python stands in."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PYTHON_SUFFIXES = (".py", ".pyi", ".pyw")

_DEFINITION = re.compile(r"([ \t]*)(?:async[ \t]+def|def|class)[ \t]+(\w+)")
# `catch_warnings` changes the interpreter's own list; two threads in it would leave it changed.
_WARNINGS = threading.Lock()


@dataclass(frozen=True, slots=True)
class Scope:
    """One definition: its dotted name and its lines, decorators included."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Scopes:
    """The definitions of one file, outer before inner."""

    scopes: tuple[Scope, ...]

    def at(self, line: int) -> str:
        """Return the dotted name of the innermost definition around ``line``, or ``""``."""
        around = (s.name for s in reversed(self.scopes) if s.first <= line <= s.last)
        return next(around, "")


def scopes_of(path: str, text: str) -> Scopes | None:
    """Return the definitions of a Python file, None for any other; pure.

    A file with a syntax error is read by its indentation instead.
    """
    first_line = text.partition("\n")[0]
    if not path.endswith(PYTHON_SUFFIXES) and not (
        first_line.startswith("#!") and "python" in first_line
    ):
        return None
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Like the scanners, ast counts \n, \r\n and \r; we number by \n, so \r must not count.
            tree = ast.parse(text.replace("\r", " "))
        return _ordered(_defined(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _ordered(_indented(text.split("\n")))


def _ordered(scopes: Iterable[Scope]) -> Scopes:
    return Scopes(tuple(sorted(scopes, key=lambda s: (s.first, -s.last))))


def _defined(tree: ast.Module) -> Iterator[Scope]:
    # A stack of our own: hostile code nests deeper than our recursion reaches.
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, outer = stack.pop()
        name = outer
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{outer}.{node.name}" if outer else node.name
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield Scope(name, first, node.end_lineno or node.lineno)
        stack.extend((child, name) for child in ast.iter_child_nodes(node))


def _indented(lines: list[str]) -> Iterator[Scope]:
    open_: list[tuple[int, str, int]] = []
    last_code = 0
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        spaced = line.expandtabs()
        depth = len(spaced) - len(spaced.lstrip(" "))
        while open_ and depth <= open_[-1][0]:
            _, name, first = open_.pop()
            yield Scope(name, first, last_code)
        definition = _DEFINITION.match(line)
        if definition:
            outer = open_[-1][1] if open_ else ""
            name = f"{outer}.{definition[2]}" if outer else definition[2]
            open_.append((depth, name, number))
        last_code = number
    # Outer before inner, as they were opened.
    for _, name, first in open_:
        yield Scope(name, first, last_code)
