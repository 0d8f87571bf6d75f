"""Making text from outside harmless for a terminal and a CI log."""

from __future__ import annotations

import re

# A CI system acts on these wherever a job prints them: GitHub on a line that begins with "::"
# (blanks before it do not help), Azure and older runners on "##[…]" and "##vso[…]" anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#(?:\[|vso\[))")


def plain(text: str) -> str:
    """Return ``text`` on one line with everything spelled out that a reader could not see.

    Escape sequences, line breaks, bidirectional and zero-width characters become ``\\x1b``,
    ``\\n``, ``\\u202e``; what a CI system would take for a command loses its first character to
    ``\\x3a`` or ``\\x23``.
    """
    visible = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
    return _COMMAND.sub(lambda match: f"{match[1] or ''}\\x{ord(match[0][-1]):02x}", visible)


def sentence(text: str, limit: int = 400) -> str:
    """Return ``text`` as one harmless line of at most ``limit`` characters, blanks run together."""
    joined = plain(" ".join(text.split()))
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"
