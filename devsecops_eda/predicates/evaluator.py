"""Predicates on findings, evaluated in a child process that can be killed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from threading import Condition
from types import TracebackType
from typing import Protocol, Self

from devsecops_eda.errors import UnavailableError
from devsecops_eda.model import Finding
from devsecops_eda.policy.effective import findings_of
from devsecops_eda.policy.facts import Facts, Matches, PredicateWanted
from devsecops_eda.policy.loading.expression_names import NAMES
from devsecops_eda.policy.loading.expression_text import ExpressionError
from devsecops_eda.predicates import child
from devsecops_eda.predicates.memory import Answer, Memory, key_of
from devsecops_eda.predicates.process import TOO_LATE, ChildGoneError, EvaluatingChild
from devsecops_eda.predicates.rows import Columns, Table

TIMEOUT_S = 5.0
"""So long all predicates of one question may take together."""

MEMORY_BYTES = 256 * 1024**2
"""So much address space the child may have; it needs a tenth of that."""

CHILDREN = 2
"""As many processes evaluate at once; further callers wait."""

ROWS_AT_ONCE = 500
_LIBRARY = "cel-expr-python"
_GRACE_S = 1.0
# The library says first what its callers could do about it.
_STATUS = re.compile(r"\A[A-Z_]+: ")


class Evaluator(Protocol):
    """Says which findings a predicate matches."""

    @property
    def name(self) -> str:
        """The program and version that evaluates, for the archive."""

    def matches(self, wanted: Sequence[PredicateWanted], facts: Facts) -> tuple[Matches, ...]:
        """Return what came of each of ``wanted``, in their order; never an exception for them."""


class CelEvaluator:
    """Evaluates predicates in children of this process. Safe from several threads.

    All of one call takes at most ``timeout_s``. A predicate that takes too long, needs too much
    memory or fails on a finding has an error for an answer and harms no other: each has its share
    of the time first, and what is left over goes to those that need more.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        memory_bytes: int = MEMORY_BYTES,
        children: int = CHILDREN,
    ) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._slots = [_Slot(memory_bytes) for _ in range(children)]
        self._idle = list(self._slots)
        self._memory = Memory()
        self._changed = Condition()
        self._closed = False

    @property
    def name(self) -> str:
        """Library and version, as ``cel-expr-python 0.1.3``."""
        return f"{_LIBRARY} {metadata.version(_LIBRARY)}"

    def matches(self, wanted: Sequence[PredicateWanted], facts: Facts) -> tuple[Matches, ...]:
        """Return what came of each of ``wanted``, in their order.

        Raises:
            UnavailableError: the evaluator is closed, or was the whole time at others' service.
        """
        until = time.monotonic() + self._timeout_s
        # Outcomes of one slot are merged each time they are asked for, which is dear.
        columns = {
            check: Columns(check, findings_of(check, facts), facts)
            for check in {one.check for one in wanted}
        }
        jobs = [_job(one, columns[one.check]) for one in wanted]
        for job in jobs:
            job.recall(self._memory)
        due = [job for job in jobs if not job.settled]
        if due:
            with self._slot(until) as slot:
                _carry_out(due, slot, until)
            for job in due:
                job.remember(self._memory, self._timeout_s)
        return tuple(job.matches() for job in jobs)

    def close(self) -> None:
        """End the children, as soon as those who use them are done."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: len(self._idle) == len(self._slots))
            for slot in self._slots:
                slot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _slot(self, until: float) -> Iterator[_Slot]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._idle or self._closed, max(until - time.monotonic(), 0)
            )
            if self._closed:
                raise UnavailableError("predicates are evaluated no longer")
            if not self._idle:
                raise UnavailableError(f"no predicate was evaluated within {self._timeout_s:g} s")
            # The one that was used last: the other ones are not even started.
            slot = self._idle.pop()
        try:
            yield slot
        finally:
            with self._changed:
                self._idle.append(slot)
                self._changed.notify_all()


class _Slot:
    """Room for one child, which is started when it is needed."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._child: EvaluatingChild | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child, None where there is none."""
        return self._child.pid if self._child else None

    def ask(self, request: child.Request, *, most: int, until: float) -> bytes:
        """Return the child's answer.

        Raises:
            ChildGoneError: there was none by ``until``; the next request starts another child.
        """
        if self._child is not None and not self._child.alive:
            # Killed by somebody while it had nothing to do: nobody's predicate is to blame.
            self.close()
        if self._child is None:
            kinds = tuple((name, kind.value) for name, kind in NAMES.items())
            self._child = EvaluatingChild(kinds, memory_bytes=self._memory_bytes, until=until)
        try:
            return self._child.ask(request, most=most, until=until)
        except BaseException:
            # Also when we are interrupted: half an answer may be on its way.
            self._child.close()
            self._child = None
            raise

    def close(self) -> None:
        """End the child, where there is one."""
        if self._child is not None:
            self._child.close()
            self._child = None


@dataclass(slots=True)
class _Job:
    """One predicate, how far it has come, and what is wrong with it.

    ``passing`` says that what is wrong may be over the next time.
    """

    wanted: PredicateWanted
    findings: tuple[Finding, ...]
    table: Table | None
    error: str = ""
    answers: bytearray = field(default_factory=bytearray)
    failed_on: int | None = None
    key: bytes = b""
    passing: bool = False

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to do."""
        return bool(self.error) or self.table is None or len(self.answers) == len(self.table.rows)

    def go_on(self, slot: _Slot, until: float) -> None:
        """Evaluate as far as it goes by ``until``."""
        assert self.table is not None
        while not self.settled and (left := until - time.monotonic()) > 0:
            rows = self.table.rows[len(self.answers) : len(self.answers) + ROWS_AT_ONCE]
            request = (self.wanted.where, self.table.names, rows, left + _GRACE_S)
            most = max(1 + len(rows), 1 + child.ROW.size + child.MAX_ERROR_BYTES)
            try:
                self._take(slot.ask(request, most=most, until=until), len(rows))
            except ChildGoneError as gone:
                slot.close()
                self.error = "" if gone.late else str(gone)
                self.passing = True
                return

    def recall(self, memory: Memory) -> None:
        """Take what came of the same predicate on the same values before."""
        if self.table is not None:
            self.key = key_of(self.wanted.where, self.table.names, self.table.rows)
            known = memory.recall(self.key)
            if known is not None:
                self.answers = bytearray(known.answers)
                self.error, self.failed_on = known.error, known.row

    def remember(self, memory: Memory, timeout_s: float) -> None:
        """Let ``memory`` have what came of it, which is that it took too long if nothing did."""
        late = not self.settled
        if late:
            self.error = f"{TOO_LATE}: not done within {timeout_s:g} s"
        answers = b"" if self.error else bytes(self.answers)
        answer = Answer(answers, self.error, self.failed_on)
        memory.keep(self.key, answer, passing=late or self.passing)

    def matches(self) -> Matches:
        """Return what came of it."""
        where, check = self.wanted.where, self.wanted.check
        if self.table is None or self.error:
            on = "" if self.failed_on is None else self._on(self.failed_on)
            return Matches(where, check, None, f"{self.error}{on}")
        truths = [answer == 1 for answer in self.answers]
        return Matches(where, check, tuple(map(truths.__getitem__, self.table.row_of)))

    def _take(self, answer: bytes, rows: int) -> None:
        kind, rest = answer[:1], answer[1:]
        if kind == child.ANSWERS and len(rest) == rows and not rest.strip(b"\0\1"):
            self.answers += rest
        elif kind == child.ERROR and len(rest) >= child.ROW.size:
            (row,) = child.ROW.unpack(rest[: child.ROW.size])
            told = rest[child.ROW.size :].decode("utf-8", "replace")
            self.error = _STATUS.sub("", told) or "cannot be evaluated"
            self.failed_on = len(self.answers) + row if row >= 0 else None
        else:
            raise ChildGoneError("answers what nobody asked")

    def _on(self, row: int) -> str:
        assert self.table is not None
        finding = self.findings[self.table.row_of.index(row)]
        return f" on {finding.rule} at {finding.path}:{finding.line}"


def _job(wanted: PredicateWanted, columns: Columns) -> _Job:
    try:
        return _Job(wanted, columns.findings, columns.table(wanted.where))
    except ExpressionError as error:
        return _Job(wanted, columns.findings, None, error.detail)


def _carry_out(jobs: Sequence[_Job], slot: _Slot, until: float) -> None:
    for at, job in enumerate(jobs):
        # One share more than there are predicates, for those that need more than theirs.
        shares = len(jobs) - at + (len(jobs) > 1)
        job.go_on(slot, time.monotonic() + (until - time.monotonic()) / shares)
    late = [job for job in jobs if not job.settled]
    for at, job in enumerate(late):
        job.go_on(slot, time.monotonic() + (until - time.monotonic()) / (len(late) - at))
