"""The process that evaluates predicates: one for all, isolated, and gone when it should be."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devsecops_eda.errors import UnavailableError
from devsecops_eda.policy.loading.expression_names import NAMES
from devsecops_eda.predicates import CelEvaluator
from devsecops_eda.predicates.process import ChildGoneError, EvaluatingChild
from tests.evaluating import MANY, alive, answers, children_of, resident_kib
from tests.judging import completed, facts, finding
from tests.predicate_cases import CODE
from tests.rig.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_was_killed_is_started_again(ends: signal.Signals) -> None:
    with CelEvaluator(timeout_s=60, children=1) as evaluator:
        assert answers(evaluator, facts(completed(CODE)), "f.line == 40") == [(True,)]
        (pid,) = children_of(evaluator)
        os.kill(pid, ends)
        eventually(lambda: not alive(pid), timeout_s=30, what="the signal is obeyed")
        first = answers(evaluator, facts(completed(CODE)), "f.line == 41")
        assert children_of(evaluator) != [pid]
        second = answers(evaluator, facts(completed(CODE)), "f.line == 42")
    assert (first, second) == ([(False,)], [(False,)])


def test_one_child_serves_many_calls_and_is_gone_with_its_evaluator() -> None:
    with CelEvaluator(timeout_s=60) as evaluator:
        assert children_of(evaluator) == []
        for line in range(5):
            answers(evaluator, facts(completed(CODE)), f"f.line == {line}")
        (pid,) = children_of(evaluator)
        assert alive(pid)
    assert not alive(pid)


def test_a_closed_evaluator_says_that_nothing_can_be_evaluated_now() -> None:
    evaluator = CelEvaluator()
    evaluator.close()
    evaluator.close()
    with pytest.raises(UnavailableError, match="no longer"):
        answers(evaluator, facts(completed(CODE)), "f.line == 40")


def test_twenty_threads_have_each_its_own_answer() -> None:
    known = [
        facts(completed(*(finding(f"x:{at}", line=at) for at in range(30 + number))))
        for number in range(20)
    ]
    with CelEvaluator(timeout_s=60) as evaluator, ThreadPoolExecutor(20) as threads:
        told = list(
            threads.map(
                lambda one: answers(evaluator, one, *(f"f.line < {line}" for line in range(10))),
                known * 5,
            )
        )
    expected = [
        [tuple(at < line for at in range(30 + number)) for line in range(10)]
        for number in range(20)
    ]
    assert told == expected * 5


def test_a_caller_waits_its_time_for_others_and_no_longer() -> None:
    with (
        CelEvaluator(timeout_s=0.2, children=1) as evaluator,
        evaluator._slot(time.monotonic()),
        pytest.raises(UnavailableError, match=r"within 0\.2 s"),
    ):
        answers(evaluator, facts(completed(CODE)), "f.line == 40")


def test_closing_waits_for_those_who_are_served() -> None:
    evaluator = CelEvaluator(children=1)
    with ThreadPoolExecutor(1) as threads:
        with evaluator._slot(time.monotonic()):
            closing = threads.submit(evaluator.close)
            eventually(lambda: evaluator._closed, timeout_s=30, what="it begins to close")
            assert not closing.done()
        closing.result(30)


KINDS = tuple((name, kind.value) for name, kind in NAMES.items())


def test_a_child_that_cannot_start_says_so() -> None:
    with pytest.raises(ChildGoneError, match=r"ended the process|more than 16 MiB"):
        EvaluatingChild(KINDS, memory_bytes=16 * 1024**2, until=time.monotonic() + 60)


def test_a_child_has_no_environment_and_nothing_open() -> None:
    with CelEvaluator(timeout_s=60, children=1) as evaluator:
        answers(evaluator, facts(completed(CODE)), "f.line == 40")
        (pid,) = children_of(evaluator)
        process = Path(f"/proc/{pid}")
        assert process.joinpath("environ").read_bytes() == b""
        assert sorted(one.name for one in process.joinpath("fd").iterdir()) == ["0", "1", "2"]
        assert os.getpgid(pid) == pid
        assert process.joinpath("cwd").resolve() == Path("/")


@pytest.mark.parametrize("busy", [False, True])
def test_a_child_does_not_outlive_a_parent_that_was_killed(busy: bool) -> None:
    code = f"""
import sys
from devsecops_eda.predicates import CelEvaluator
from tests.judging import completed, facts, finding
from devsecops_eda.policy.facts import PredicateWanted
from tests.evaluating import DRAGS_ON, MANY, children_of
evaluator = CelEvaluator(timeout_s=3, children=1)
evaluator.matches([PredicateWanted("f.line == 7", "semgrep")], facts(MANY))
print(*children_of(evaluator), flush=True)
if {busy}:
    evaluator.matches([PredicateWanted(DRAGS_ON, "semgrep")], facts(MANY))
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
    finally:
        parent.kill()
        parent.communicate()
    eventually(lambda: not alive(child), timeout_s=30, what="the child ends with its parent")


def test_memory_stays_flat_over_many_calls() -> None:
    with CelEvaluator(timeout_s=60, children=1) as evaluator:

        def work(rounds: range) -> None:
            for at in rounds:
                told = answers(
                    evaluator,
                    facts(MANY),
                    f"f.line % 7 == {at}",
                    f"f.path.matches('{at}[0-9]+[.]py')",
                    f"f.cwe.exists(c, c == '{at}')",
                )
                assert all(isinstance(one, tuple) for one in told)

        work(range(5))
        (pid,) = children_of(evaluator)
        before = resident_kib(pid)
        work(range(5, 25))
        assert children_of(evaluator) == [pid]
        assert resident_kib(pid) - before < 4096
