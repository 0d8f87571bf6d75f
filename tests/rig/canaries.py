"""Secrets made up for one test, and a search that finds them however they were written."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, field

SONG = "Kanar1enV0gel"
"""How every canary begins, in both its halves; nothing else says so."""
CALL = "Kuckuck5Ruf7x"
"""How a word begins that may be seen: where it is not found nobody has looked."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One secret of a test's own, and where it is put; ``halves`` are of letters and digits."""

    name: str
    halves: tuple[str, str] = field(
        default_factory=lambda: (SONG + secrets.token_hex(6), SONG + secrets.token_hex(6))
    )

    @property
    def secret(self) -> str:
        """The secret with all that has to be escaped somewhere."""
        return '/:@"%é'.join(self.halves)

    @property
    def token(self) -> str:
        """The secret as a token: letters and digits only."""
        return "".join(self.halves)


def call() -> str:
    """Return a word that may be seen."""
    return CALL + secrets.token_hex(6)


def forms(word: str) -> tuple[re.Pattern[bytes], ...]:
    """Return what a word of letters and digits looks like: plain, hexadecimal, in base64.

    Percent-encoding and the escapes of JSON, Python, SQL and shells leave such a word as it is.
    """
    plain = word.encode()
    hexed = [plain.hex(), plain.hex(" "), plain.hex(":")]
    coded = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + plain).decode().rstrip("=")
        # The letters at its ends are also of what stands before and behind it.
        coded.append(text[-(-before * 8 // 6) : -1])
    anyhow = re.compile("|".join([re.escape(word), *hexed]).encode(), re.IGNORECASE)
    return anyhow, re.compile("|".join(map(re.escape, coded)).encode())


class Search:
    """Finds words that begin with ``beginning``, and says which of ``known`` it was."""

    def __init__(self, beginning: str, known: dict[str, str]) -> None:
        """Take the words by their names."""
        self._any = forms(beginning)
        self._known = {name: forms(word) for name, word in known.items()}

    def found(self, data: bytes | str) -> frozenset[str]:
        """Return the names of what is in ``data``, however it is written there."""
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        if not any(form.search(raw) for form in self._any):
            return frozenset()
        names = {
            name for name, known in self._known.items() if any(form.search(raw) for form in known)
        }
        return frozenset(names or {"a piece of one"})


def search_for(canaries: tuple[Canary, ...]) -> Search:
    """Return a search for each half of each canary."""
    halves = {f"{one.name} ({n})": half for one in canaries for n, half in enumerate(one.halves, 1)}
    return Search(SONG, halves)
