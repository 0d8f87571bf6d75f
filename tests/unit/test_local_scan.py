"""What of a policy a scan without a gate can judge, and what it says of the rest."""

from dataclasses import replace

import pytest

from devsecops_eda.embedded.scan import _applicable
from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.policy import Policy
from tests.judging import policy
from tests.judging_cases import MORE_RULES

ALL = ("commit", "semgrep", "safety")
SCANS = policy("kind: scan, check: semgrep", "kind: scan, check: safety")
OTHERS = tuple(
    replace(rule, id=rule.kind)
    for rule in MORE_RULES
    if rule.kind in ("window", "decision") or (rule.kind == "approvals" and rule.n == 2)  # type: ignore[union-attr]
)


def with_others(one: Policy = SCANS) -> Policy:
    return replace(one, rules=(*one.rules, OTHERS[0], OTHERS[1], OTHERS[-1]))


def test_a_policy_of_scans_alone_is_judged_as_it_is() -> None:
    assert _applicable(SCANS, ALL, "merge") == (SCANS, ())


def test_what_only_a_gate_can_judge_is_left_out_and_named() -> None:
    part, notes = _applicable(with_others(), ALL, "merge")
    assert part.rules == SCANS.rules
    assert part.name == "test (part)"
    kinds = "approvals (approvals), window (window), decision (decision)"
    assert notes == (f"Not judged in a local scan, only by a gate: {kinds}.",)


def test_a_check_that_is_not_run_is_told_apart() -> None:
    part, notes = _applicable(with_others(), ("commit", "semgrep"), "merge")
    assert [rule.id for rule in part.rules] == ["rule-0"]
    assert notes[0] == "Not judged, because their checks were not run: rule-1."
    assert len(notes) == 2


def test_rules_of_another_gate_are_not_told_of() -> None:
    elsewhere = replace(OTHERS[0], gates=frozenset({"deploy"}))
    _, notes = _applicable(replace(SCANS, rules=(*SCANS.rules, elsewhere)), ALL, "merge")
    assert notes == ()


@pytest.mark.parametrize("checks", [(), ("commit",)])
def test_where_nothing_is_left_there_is_no_scan(checks: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSettingsError, match="no rule of the gate merge"):
        _applicable(SCANS, checks, "merge")


def test_a_gate_that_only_people_judge_is_none_for_a_scan() -> None:
    people = replace(OTHERS[0], gates=frozenset({"deploy"}))
    with pytest.raises(InvalidSettingsError, match="no rule of the gate deploy"):
        _applicable(replace(SCANS, rules=(*SCANS.rules, people)), ALL, "deploy")


def test_an_unknown_gate_is_left_to_the_decision() -> None:
    assert _applicable(SCANS, ALL, "mergo") == (SCANS, ())
