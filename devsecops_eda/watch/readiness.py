"""Whether a program has what it needs, asked of the world and not remembered from its start."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devsecops_eda.errors import DevSecOpsError
from devsecops_eda.metrics import Need, Reading

LOG = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""So long all the questions of one request may take; what has not answered by then is not met."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: ``ask`` returns why the need is not met, None where it is, or raises why.

    What it says is believed for ``good_s`` seconds where it is met, a tenth of that where not.
    """

    ask: Callable[[], str | None]
    good_s: float = 1.0


@dataclass(slots=True)
class _Last:
    why: str | None = "not known yet"
    known_at: float | None = None
    asking: threading.Event | None = None

    def fresh(self, good_s: float) -> bool:
        if self.known_at is None:
            return False
        return time.monotonic() - self.known_at < (good_s if self.why is None else good_s / 10)


class Readiness:
    """Asks what a program needs, each question by one thread at a time. Thread-safe.

    A question that hangs keeps its own thread, a daemon, and neither those who ask nor the end of
    the program.
    """

    def __init__(self, answers: Mapping[Need, Answer]) -> None:
        """Take the needs and who answers for each."""
        self._answers = answers
        self._last = {need: _Last() for need in answers}
        self._lock = threading.Lock()

    def asked(self) -> Mapping[str, str | None]:
        """Return why each need is not met now, None where it is; takes ``PATIENCE_S`` at most."""
        end = time.monotonic() + PATIENCE_S
        asking = {need: self._begin(need) for need in self._answers}
        for need, done in asking.items():
            if done is not None and not done.wait(max(0.0, end - time.monotonic())):
                self._learn(need, f"no answer within {PATIENCE_S:g} s")
        return {need.value: self._last[need].why for need in self._answers}

    def reading(self) -> Reading:
        """Return 1 or 0 for each need as it was last known; what is old is asked in passing."""
        for need in self._answers:
            self._begin(need)
        known = {need: last for need, last in self._last.items() if last.known_at is not None}
        return {(need.value,): float(last.why is None) for need, last in known.items()}

    def _begin(self, need: Need) -> threading.Event | None:
        """Let a question be asked; return what is set when it is answered, None if it is known."""
        with self._lock:
            last = self._last[need]
            if last.asking is not None:
                return last.asking
            if last.fresh(self._answers[need].good_s):
                return None
            done = last.asking = threading.Event()
        try:
            threading.Thread(
                target=self._ask, args=(need, done), name=f"readiness {need.value}", daemon=True
            ).start()
        except RuntimeError as error:
            # The system gives no more threads; who is asked again tries again.
            self._answered(need, done, f"cannot be asked: {error}")
        return done

    def _ask(self, need: Need, done: threading.Event) -> None:
        try:
            why = self._answers[need].ask()
        except DevSecOpsError as error:
            why = str(error)
        except Exception as error:
            # A thread that ends in silence would leave the need unanswered for ever.
            LOG.exception("cannot tell of %s", need.value, extra={"action": "readiness"})
            why = f"cannot be told: {type(error).__name__}"
        self._answered(need, done, why)

    def _answered(self, need: Need, done: threading.Event, why: str | None) -> None:
        self._last[need].asking = None
        self._learn(need, why)
        done.set()

    def _learn(self, need: Need, why: str | None) -> None:
        with self._lock:
            last = self._last[need]
            last.why, last.known_at = why, time.monotonic()
