"""What may be repeated of a scanner's own words: nothing of what it read."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_WORDS_BYTES = 2000
MAX_READ_BYTES = 8 * 1024**2
"""In more than so much nobody looks for them (it takes seconds), and none of them is repeated."""
SHORTEST = 6
"""A shorter word is no secret that would withstand anybody."""

_WORD = re.compile(rb"[^\s\"'`]{%d,}" % SHORTEST)
# Also between the lines of what Python shows as bytes, and in a URL.
_INSIDE = re.compile(rb"\\[nrt]|[=(){}\[\]<>,;:@]")
_MASK = b"***"


def without_what_it_read(said: bytes, read: Iterable[bytes]) -> bytes:
    """Return the end of what a scanner ``said``, with ``***`` for each word of what it ``read``.

    A scanner that fails likes to quote, and nobody knows what stands in a repository.
    """
    # Half a word would not be found in a file, but may be half a secret.
    last = said[-MAX_WORDS_BYTES:]
    if len(said) > len(last):
        last = last.partition(b"\n")[2]
    words = {piece for word in _WORD.findall(last) for piece in _pieces(word)}
    found: set[bytes] = set()
    size = 0
    for content in read:
        size += len(content)
        if size > MAX_READ_BYTES:
            return b"(%d bytes, not shown)" % len(said)
        found |= {word for word in words - found if word in content}
    if not found:
        return last
    quoted = re.compile(b"|".join(map(re.escape, sorted(found, key=len, reverse=True))))
    return quoted.sub(_MASK, last)


def _pieces(word: bytes) -> Iterable[bytes]:
    """Yield a word, and what is left of it without the marks in which a text is put."""
    yield word
    bare = word.strip(b"()[]{}<>,;:.!?=")
    for piece in (bare, *_INSIDE.split(bare)):
        if len(piece) >= SHORTEST:
            yield piece
