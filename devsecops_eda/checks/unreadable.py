"""Content that a scanner would take for something else, without a word."""

from __future__ import annotations

import codecs
import re

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_READABLE_CODINGS = frozenset(
    {"utf-8", "utf8", "utf-8-sig", "latin-1", "latin1", "iso-8859-1", "iso8859-1", "ascii"}
    | {"us-ascii"}
)
_BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?\r?$")


def unreadable(content: bytes, *, python: bool) -> str | None:
    """Return why nobody should believe what a scanner says of ``content``, None when all is well.

    ``python`` says that it is a program in Python.
    """
    if content.startswith(b"version https://git-lfs"):
        return "a git LFS pointer: the content is not in the repository"
    coding = _declared_coding(content) if python else None
    if coding is not None and coding not in _READABLE_CODINGS:
        # Python would run it; semgrep reads it as UTF-8, finds nothing, and says nothing.
        return f"declared_coding: {coding if _is_coding(coding) else 'unknown'}"
    return None


def _is_coding(name: str) -> bool:
    # Only a name is repeated: the word of a comment may be anything.
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


def _declared_coding(content: bytes) -> str | None:
    """Return the coding a Python file declares in its first two lines (PEP 263)."""
    lines = re.split(rb"\r\n|\r|\n", content[:1000].removeprefix(b"\xef\xbb\xbf"), maxsplit=2)[:2]
    for line in lines:
        found = _CODING.match(line)
        if found:
            return found[1].decode("ascii", "replace").lower().replace("_", "-")
        if not _BLANK_OR_COMMENT.match(line):
            return None
    return None
