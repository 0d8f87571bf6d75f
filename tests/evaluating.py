"""Predicates that are evaluated in tests, and the processes that do it."""

from pathlib import Path

from devsecops_eda.policy.facts import Facts, PredicateWanted
from devsecops_eda.predicates import CelEvaluator
from tests.judging import completed, finding

MANY = completed(*(finding(f"x:{at}", path=f"{at:05}.py", line=at) for at in range(3000)))
EXPLODES = "['xxxxxxxx']" + ".map(x, x + x)" * 26 + ".size() > 0"
"""Takes a few hundred MiB."""

DRAGS_ON = "f.path.matches('" + "".join(f"{one}{{1000}}" for one in "abcdefghij") + "' + f.path)"
"""Takes a minute on MANY: each finding has its own large regular expression."""


def answers(
    evaluator: CelEvaluator, known: Facts, *where: str
) -> list[tuple[bool, ...] | str | None]:
    """The matches of each predicate, or why there are none."""
    told = evaluator.matches([PredicateWanted(one, "semgrep") for one in where], known)
    assert [(one.where, one.check) for one in told] == [(one, "semgrep") for one in where]
    return [one.error if one.matching is None else one.matching for one in told]


def children_of(evaluator: CelEvaluator) -> list[int]:
    return [slot.pid for slot in evaluator._slots if slot.pid is not None]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
