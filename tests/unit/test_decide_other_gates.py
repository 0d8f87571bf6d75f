"""What another gate decided: about this, or about what it was built from, and for which branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from devsecops_eda.model import Subject, Verdict
from devsecops_eda.policy.facts import Facts, OtherDecision
from devsecops_eda.policy.judged import Judged
from devsecops_eda.policy.kinds.other_gates import instants, judge
from devsecops_eda.policy.model import DecisionRule, Of
from tests.judging import BASE, HEAD, NOW, PUSH, WITHIN, facts, minutes
from tests.voting import request

MOMENT, SOON = timedelta(microseconds=1), minutes(5)
ARTIFACT = Subject.artifact("sha256:" + "7" * 64, "acme/app")


def rule(**values: Any) -> DecisionRule:
    made = DecisionRule(id="merged", gates=frozenset({"prod"}), gate="merge", within=WITHIN)
    return replace(made, **values)


def said(verdict: str = "allow", name: str = "one", **values: Any) -> OtherDecision:
    made = OtherDecision(
        id=name,
        gate="merge",
        subject=HEAD,
        target="main",
        protected=True,
        environment=None,
        verdict=Verdict(verdict),
        decided_at=NOW,
    )
    return replace(made, **values)


def known(*decisions: OtherDecision, **values: Any) -> Facts:
    values = {"gate": "prod", "environment": "prod", "target": None, **values}
    return facts(decisions=decisions, **values)


def told(decisions: Iterable[OtherDecision], now: timedelta = SOON, **values: Any) -> Judged:
    return judge(rule(**values), known(*decisions), NOW + now)


@pytest.mark.parametrize(
    ("verdict", "state", "text"),
    [
        ("allow", "satisfied", "allowed"),
        ("deny", "failed", "denied"),
        ("error", "errored", "could not judge"),
        ("pending", "running", "has not decided yet on"),
    ],
)
def test_what_the_other_gate_says_is_what_the_line_says(
    verdict: str, state: str, text: str
) -> None:
    line = told([said(verdict)])
    assert (line.state.value, line.evidence) == (state, ("one",))
    assert line.text == f"the gate merge {text} {HEAD} for a protected branch"
    assert not line.votes


def test_a_gate_that_says_nothing_is_waited_for_from_when_it_was_first_wanted() -> None:
    for decisions, evidence in [((), ()), ((said("pending"),), ("one",))]:
        waits = told(decisions, WITHIN - MOMENT)
        assert (waits.state.value, waits.due) == ("running", NOW + WITHIN)
        over = told(decisions, WITHIN)
        assert (over.state.value, over.due, over.evidence) == ("missing", None, evidence)
        assert over.text.endswith(" within 30m")
    wish = request(at=NOW + minutes(10))
    asked = known(causes=(), requests=(wish, request("again", at=NOW + minutes(20))))
    assert judge(rule(), asked, NOW + minutes(40) - MOMENT).state.value == "running"
    assert judge(rule(), asked, NOW + minutes(40)).state.value == "missing"
    assert judge(rule(), known(causes=()), NOW).state.value == "missing"


@pytest.mark.parametrize(
    "other",
    [
        said(target="topic", protected=False),
        said(target=None, protected=False),
        said(subject=BASE),
        said(gate="release"),
        said(environment="staging"),
    ],
    ids=["topic", "no branch", "subject", "gate", "environment"],
)
def test_allowed_elsewhere_is_not_allowed_here(other: OtherDecision) -> None:
    assert told([other]).state.value == "running"
    assert told([other], WITHIN).state.value == "missing"
    assert told([other, said("deny", "two", decided_at=NOW - minutes(9))]).state.value == "failed"


def test_what_was_said_for_another_branch_is_shown() -> None:
    line = told([said(target="refs/heads/topic", protected=False)])
    assert line.text.endswith("for a protected branch, what it said for topic does not count here")


@pytest.mark.parametrize(
    ("wanted", "target", "protected", "state"),
    [
        (None, "main", True, "satisfied"),
        (None, "release", True, "satisfied"),
        (None, "main", False, "running"),
        ("main", "main", True, "satisfied"),
        ("refs/heads/main", "main", False, "satisfied"),
        ("main", "refs/heads/main", True, "satisfied"),
        ("main", "release", True, "running"),
        ("main", None, True, "running"),
    ],
)
def test_it_has_to_be_about_the_branch_that_the_rule_names(
    wanted: str | None, target: str | None, protected: bool, state: str
) -> None:
    decision = said(target=target, protected=protected)
    assert told([decision], target=wanted).state.value == state


def test_who_wants_to_deploy_from_one_branch_needs_the_decision_for_it() -> None:
    other, here = said("allow", "a", target="release"), said("deny", "b", target="main")
    for decisions, state in [([other], "running"), ([other, here], "failed"), ([here], "failed")]:
        line = judge(rule(), known(*decisions, target="refs/heads/main"), NOW)
        assert line.state.value == state
    topic = said(target="topic", protected=False)
    assert judge(rule(), known(topic, target="topic"), NOW).state.value == "running"
    # What the rule names goes before what the request does.
    assert judge(rule(target="release"), known(other), NOW).state.value == "satisfied"


def test_the_latest_decision_counts_whatever_the_order_they_are_known_in() -> None:
    decisions = [
        said("allow", "a"),
        said("deny", "b", decided_at=NOW + minutes(1), environment="prod"),
        said("allow", "c", decided_at=NOW + minutes(2)),
        said("error", "d", decided_at=NOW + minutes(2), target="release"),
    ]
    for order in permutations(decisions):
        assert told(order).evidence == ("d",)
        assert told(order, target="main").evidence == ("c",)
        assert told(one for one in order if one.id in "ab").evidence == ("b",)


def test_an_old_allow_is_stale_at_its_instant() -> None:
    age = minutes(20)
    assert told([said()], age - MOMENT, max_age=age).state.value == "satisfied"
    line = told([said()], age, max_age=age)
    assert (line.state.value, line.since) == ("stale", NOW + age)
    assert told([said("deny")], age, max_age=age).state.value == "failed"


def of_artifact(*decisions: OtherDecision, origins: tuple[Subject, ...] = (HEAD,)) -> Facts:
    return known(*decisions, subject=ARTIFACT, origins=origins)


def test_an_artifact_stands_as_the_commit_it_was_built_from() -> None:
    built = rule(of=Of.BUILT_FROM)
    for verdict, state in [("allow", "satisfied"), ("deny", "failed"), ("error", "errored")]:
        assert judge(built, of_artifact(said(verdict)), NOW).state.value == state
        # What is said about the artifact itself is another question.
        assert judge(rule(), of_artifact(said(verdict)), NOW).state.value == "running"
    own = of_artifact(said(subject=ARTIFACT))
    assert judge(rule(), own, NOW).state.value == "satisfied"
    assert judge(built, own, NOW).state.value == "running"
    nothing = of_artifact(said(), origins=())
    assert judge(built, nothing, NOW).text == "nobody said yet what it was built from"
    assert judge(built, nothing, NOW + WITHIN).state.value == "missing"


@pytest.mark.parametrize(
    ("of_head", "of_base", "state"),
    [
        ("allow", "allow", "satisfied"),
        ("allow", "deny", "failed"),
        ("error", "deny", "failed"),
        ("allow", "error", "errored"),
        ("allow", None, "running"),
        ("deny", None, "failed"),
    ],
)
def test_origins_that_contradict_each_other_are_shown_and_the_worst_counts(
    of_head: str, of_base: str | None, state: str
) -> None:
    decisions = [said(of_head, "head")]
    if of_base is not None:
        decisions.append(said(of_base, "base", subject=BASE))
    for origins in permutations([HEAD, BASE]):
        two = of_artifact(*decisions, origins=origins)
        line = judge(rule(of=Of.BUILT_FROM), two, NOW)
        assert line.state.value == state
        assert line.text.startswith(f"it is said to be built from {HEAD}, {BASE}; ")
        assert line.evidence == tuple(sorted(one.id for one in decisions))


def test_time_alone_changes_it_only_at_the_instants_it_names() -> None:
    aged = rule(max_age=minutes(20))
    assert set(instants(aged, known(said(), causes=(PUSH,)), NOW)) == {
        NOW + WITHIN,
        NOW + minutes(20),
    }
    assert set(instants(rule(), known(causes=()), NOW)) == set()
