"""Running cases: does the policy say what is expected of it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devsecops_eda.cases.building import build, with_votes
from devsecops_eda.cases.given import Case
from devsecops_eda.model import Decision, Mode, RequirementState
from devsecops_eda.policy import Facts, Policy, decide

Matching = Callable[[Policy, Facts], Facts]
"""Adds what CEL predicates say about the findings."""

_IN_NOBODYS_WAY = frozenset({RequirementState.SATISFIED, RequirementState.WAIVED})


@dataclass(frozen=True, slots=True)
class Checked:
    """One case and what came of it; ``wrong`` has a sentence for everything unexpected."""

    case: Case
    decision: Decision
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Return whether everything came out as expected."""
        return not self.wrong


def check_case(case: Case, policy: Policy, checks: tuple[str, ...], matching: Matching) -> Checked:
    """Return what ``policy`` says to a case, compared with what the case expects."""
    facts = matching(policy, build(case.given, policy, checks).facts)
    facts = with_votes(facts, case.given, policy)
    decision = decide(policy, facts, case.given.at)
    return Checked(case, decision, tuple(_wrong(case, decision)))


def _wrong(case: Case, decision: Decision) -> list[str]:
    expected = case.expected
    lines = {line.id: line for line in decision.requirements}
    wrong = []
    if expected.verdict is not None and decision.verdict is not expected.verdict:
        wrong.append(
            f"the verdict is {decision.verdict.value}, expected was {expected.verdict.value}:"
            f" {decision.message}"
        )
        # Why, of what the case expects nothing of and is not told of below.
        wrong += [
            f"{line.id} is {line.state.value}: {line.message}"
            for line in decision.requirements
            if line.mode is Mode.ENFORCE
            and line.state not in _IN_NOBODYS_WAY
            and not line.harmless
            and line.id not in expected.requirements
        ]
    for name, state in expected.requirements.items():
        if name not in lines:
            wrong.append(f"{name} gives no line here, expected was {state.value}")
        elif lines[name].state is not state:
            wrong.append(
                f"{name} is {lines[name].state.value}, expected was {state.value}:"
                f" {lines[name].message}"
            )
    wrong += [
        f"{name} is {lines[name].state.value}, expected was no line of it"
        for name in expected.absent
        if name in lines
    ]
    return wrong
