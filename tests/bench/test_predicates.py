"""How long ten predicates take on twenty thousand findings, and what it does to memory.

Prints, asserts no times. ``make bench`` runs it.
"""

import os
import time
from pathlib import Path

import pytest

from devsecops_eda.model import Severity
from devsecops_eda.policy.facts import PredicateWanted
from devsecops_eda.predicates import CelEvaluator
from devsecops_eda.predicates.memory import Memory
from tests.judging import completed, facts, finding

FINDINGS = 20_000
ROUNDS = 10
PREDICATES = (
    'f.severity == "high"',
    'f.severity_rank >= 4 && f.path.startsWith("src/")',
    'f.cwe.exists(c, c in ["CWE-79", "CWE-22"])',
    'f.path.matches("^src/.*mod[0-9]+[.]py$")',
    'f.rule.startsWith("rule-1") && protected',
    '!f.path.contains("test") && f.line > 100',
    'f.message.contains("1")',
    'f.confidence == "high" || f.fix_available',
    "!f.has_package",
    'f.path.endsWith(".py") && f.cwe.size() > 0 && environment == ""',
)

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


def test_ten_predicates_on_twenty_thousand_findings() -> None:
    severities = list(Severity)
    known = facts(
        completed(
            *(
                finding(
                    f"x:{at}",
                    severities[at % 6],
                    rule=f"rule-{at % 211}",
                    path=f"src/pkg{at % 97}/mod{at % 5003}.py",
                    line=at,
                    cwe=("CWE-79", f"CWE-{at % 300}"),
                    message=f"what is wrong with {at}",
                )
                for at in range(FINDINGS)
            )
        )
    )
    wanted = [PredicateWanted(where, "semgrep") for where in PREDICATES]
    print(f"\n{FINDINGS} findings, {len(wanted)} predicates")
    with CelEvaluator(timeout_s=60, children=1) as evaluator:
        print(
            f"{evaluator.name}\n{'round':>6} {'s':>7} {'CPU s':>7} {'own MiB':>8} {'child MiB':>10}"
        )
        for number in range(ROUNDS):
            evaluator._memory = Memory()
            begun, busy = time.perf_counter(), time.process_time() + cpu_s(evaluator._slots[0].pid)
            told = evaluator.matches(wanted, known)
            took = time.perf_counter() - begun
            busy = time.process_time() + cpu_s(evaluator._slots[0].pid) - busy
            assert all(one.matching is not None for one in told)
            own, child = rss_mib("self"), rss_mib(evaluator._slots[0].pid)
            print(f"{number:>6} {took:>7.2f} {busy:>7.2f} {own:>8.0f} {child:>10.0f}")
        begun = time.perf_counter()
        evaluator.matches(wanted, known)
        print(f"{time.perf_counter() - begun:>7.3f} s  asked once more")
        evaluator._memory = Memory()
        for where, one in zip(PREDICATES, wanted, strict=True):
            begun = time.perf_counter()
            evaluator.matches([one], known)
            print(f"{time.perf_counter() - begun:>7.3f} s  {where}")


def rss_mib(pid: int | str | None) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def cpu_s(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
