"""What came of predicates, remembered: a gate looks at the same findings again and again."""

from __future__ import annotations

import hashlib
import marshal
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from devsecops_eda.predicates.child import Value

MAX_ANSWERS = 256
"""As many answers are kept, those that were asked for last; each has a byte for a row."""

RETRY_S = 60.0
"""So long an error is believed that may pass: whoever asks again at once is not kept waiting."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A byte 0 or 1 for each row; or what is wrong, and on which row if it is one's fault."""

    answers: bytes
    error: str = ""
    row: int | None = None


def key_of(where: str, names: tuple[str, ...], rows: tuple[tuple[Value, ...], ...]) -> bytes:
    """Return a key that is another for another predicate or other values.

    The same values may, rarely, have two keys.
    """
    return hashlib.sha256(marshal.dumps((where, names, rows), 2)).digest()


class Memory:
    """Answers by key. Safe from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what tells seconds."""
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[bytes, tuple[Answer, float | None]] = OrderedDict()

    def recall(self, key: bytes) -> Answer | None:
        """Return the answer that was kept, None where there is none or it holds no longer."""
        with self._lock:
            answer, until = self._kept.get(key, (None, None))
            if answer is None or (until is not None and self._clock() >= until):
                return None
            self._kept.move_to_end(key)
            return answer

    def keep(self, key: bytes, answer: Answer, *, passing: bool) -> None:
        """Keep an answer; a ``passing`` one for RETRY_S."""
        with self._lock:
            self._kept[key] = answer, self._clock() + RETRY_S if passing else None
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_ANSWERS:
                self._kept.popitem(last=False)
