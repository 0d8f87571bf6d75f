"""Which files semgrep takes as its targets under a given rule pack.

Read out of semgrep 1.182.0 (its table of languages) and held by tests that run it: both engines
list a file as scanned when a rule of its language exists, by the end of its name or, for a
program without one, by its first line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_JS = (".js", ".jsx", ".mjs", ".cjs")
_TS = (".ts", ".tsx")
_PYTHON = (".py", ".pyi")
_CPP = (".cc", ".cpp", ".cxx", ".c++", ".pcc", ".tpp", ".C", ".h", ".hh", ".hpp", ".hxx")

ENDINGS: Mapping[str, tuple[str, ...]] = {
    "apex": (".cls",),
    "bash": (".bash", ".sh"),
    "c": (".c", ".h"),
    "c#": (".cs",),
    "c++": _CPP,
    "cpp": _CPP,
    "csharp": (".cs",),
    "dart": (".dart",),
    "docker": (".dockerfile", ".Dockerfile", "Dockerfile", "dockerfile"),
    "dockerfile": (".dockerfile", ".Dockerfile", "Dockerfile", "dockerfile"),
    "elixir": (".ex", ".exs"),
    "go": (".go",),
    "golang": (".go",),
    "hcl": (".tf", ".tofu", ".hcl", ".tfvars"),
    "html": (".htm", ".html"),
    "java": (".java",),
    "javascript": _JS,
    "js": _JS,
    "json": (".json", ".ipynb"),
    "kotlin": (".kt", ".kts", ".ktm"),
    "kt": (".kt", ".kts", ".ktm"),
    "lua": (".lua",),
    "php": (".php", ".tpl", ".phtml"),
    "powershell": (".ps1",),
    "py": _PYTHON,
    "python": _PYTHON,
    "python2": _PYTHON,
    "python3": _PYTHON,
    "ruby": (".rb",),
    "rust": (".rs",),
    "scala": (".scala",),
    "sh": (".bash", ".sh"),
    "solidity": (".sol",),
    "swift": (".swift",),
    "terraform": (".tf", ".tofu", ".hcl", ".tfvars"),
    "tf": (".tf", ".tofu", ".hcl", ".tfvars"),
    "ts": _TS,
    "typescript": _TS,
    "vue": (".vue",),
    "xml": (".xml", ".plist"),
    "yaml": (".yml", ".yaml"),
}
"""The ends of file names of a language, by every word a rule may call it."""

ANY_FILE = frozenset({"aliengrep", "generic", "none", "regex", "spacegrep"})
"""Languages of rules that look at every file."""

LEFT_OUT = (".min.js",)
"""Ends of names that semgrep passes over although they hold code that runs."""
_DECLARATIONS = (".d.ts",)
_INTERPRETERS: Mapping[str, str] = {
    "bash": ".sh",
    "node": ".js",
    "nodejs": ".js",
    "python": ".py",
    "python2": ".py",
    "python3": ".py",
    "sh": ".sh",
}
_SHEBANG = re.compile(
    rb"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?:\S*/)?([a-z]+\d?)[\d.]*(?:\s|$)"
)


@dataclass(frozen=True, slots=True)
class _Wants:
    endings: tuple[str, ...] | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Return whether the rules of this kind look at the file called ``path``."""
        if self.endings is not None and not _ends(path, self.endings):
            return False
        if self.include and not _globs(self.include).match(path):
            return False
        return not (self.exclude and _globs(self.exclude).match(path))


@dataclass(frozen=True, slots=True)
class Targets:
    """The files a rule pack has rules for."""

    wants: tuple[_Wants, ...]

    @classmethod
    def of(cls, rules: Iterable[Mapping[str, Any]]) -> Targets:
        """Return the targets of semgrep rules.

        A language that is not in our table is taken to look at no file: what semgrep scans
        beyond the eligible files is scanned all the same, only not accounted for.
        """
        return cls(tuple({_wants(rule): None for rule in rules}))

    def takes(self, path: str) -> bool:
        """Return whether some rule looks at the file called ``path``."""
        return any(want.takes(path) for want in self.wants)

    def minified(self, path: str) -> bool:
        """Return whether some rule would look at ``path``, were it not called minified."""
        return path.endswith(LEFT_OUT) and any(
            want.endings is not None and ".js" in want.endings for want in self.wants
        )

    def script_ending(self, path: str, head: bytes) -> str | None:
        """Return the ending a program without one ought to have, by its first line; else None."""
        name = path.rpartition("/")[2]
        if "." in name.lstrip(".") or not head.startswith(b"#!"):
            return None
        found = _SHEBANG.match(head)
        ending = _INTERPRETERS.get(found[1].decode()) if found else None
        return ending if ending and self.takes(path + ending) else None


def _wants(rule: Mapping[str, Any]) -> _Wants:
    languages: Collection[str] = [str(word).lower() for word in rule.get("languages", ())]
    paths = rule.get("paths") or {}
    endings = tuple(ending for word in languages for ending in ENDINGS.get(word, ()))
    return _Wants(
        endings=None if ANY_FILE.intersection(languages) else endings,
        include=tuple(paths.get("include", ())),
        exclude=tuple(paths.get("exclude", ())),
    )


def _ends(path: str, endings: tuple[str, ...]) -> bool:
    # Endings without a dot are whole names.
    return (path.endswith(endings) and not path.endswith(LEFT_OUT + _DECLARATIONS)) and (
        path.endswith(_dotted(endings)) or path.rpartition("/")[2] in endings
    )


@cache
def _dotted(endings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(ending for ending in endings if ending.startswith("."))


@cache
def _globs(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return patterns of ``paths:`` as semgrep reads them: anywhere in the tree, or a folder."""
    anchored = [_glob(pattern) for pattern in patterns if pattern.startswith("/")]
    anywhere = [_glob(pattern) for pattern in patterns if not pattern.startswith("/")]
    kinds = [f"(?:{'|'.join(anchored)})"] if anchored else []
    kinds += [f"(?:.*/)?(?:{'|'.join(anywhere)})"] if anywhere else []
    return re.compile(rf"(?:{'|'.join(kinds)})(?:/.*)?\Z", re.DOTALL)


def _glob(pattern: str) -> str:
    body, rest = "", pattern.strip("/")
    while rest:
        if rest.startswith("**/"):
            body, rest = body + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            body, rest = body + ".*", rest[2:]
        elif rest[0] in "*?":
            body, rest = body + ("[^/]*" if rest[0] == "*" else "[^/]"), rest[1:]
        else:
            body, rest = body + re.escape(rest[0]), rest[1:]
    return body
