"""People, rounds and votes for the policy to judge, short to write down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devsecops_eda.model import (
    ApprovalRequested,
    Ballot,
    Closing,
    Decision,
    Outcome,
    People,
    Person,
    Requirement,
    RequirementState,
    Signature,
    Verdict,
)
from devsecops_eda.policy.facts import Facts, Request, Round, Vote
from devsecops_eda.policy.judged import Judged
from devsecops_eda.policy.model import ApprovalsRule, GateSpec, Policy
from devsecops_eda.policy.voting.approvals import judge
from devsecops_eda.policy.voting.rounds import approvals_wanted, rounds_closing, tally
from devsecops_eda.policy.voting.views import view_of
from tests.judging import BASE, HEAD, NOW, commit, facts, minutes

DIGEST = "sha256:" + "5" * 64
SOON, LATER = NOW + minutes(5), NOW + minutes(60)
DEADLINE = NOW + timedelta(hours=24)
GROUPS = {
    "appsec": ("ada", "grace"),
    "owners": ("grace", "linus", "ken"),
    "others": ("eve",),
}
AUTHOR = Signature("Mal", "mal@example.org")
"""The author of the judged commit is a person in no group."""


def people(**groups: Iterable[str]) -> People:
    """Everybody has a broker user and an address of his own name."""
    told = {group: frozenset(names) for group, names in (groups or GROUPS).items()}
    names = sorted({"mal", "eve", *(name for members in told.values() for name in members)})
    persons = tuple(Person(name, (f"user-{name}",), (f"{name}@example.org",)) for name in names)
    return People(persons, told)


def approvals(**values: Any) -> ApprovalsRule:
    """Two votes of appsec and owners."""
    made = ApprovalsRule(
        id="votes",
        gates=frozenset({"merge"}),
        n=2,
        groups=("appsec", "owners"),
        deadline=timedelta(hours=24),
        within=minutes(30),
    )
    return replace(made, **values)


def made_by(author: Signature = AUTHOR, *committers: Signature, **values: Any) -> Outcome:
    """What git says about who made the judged commit."""
    told = commit(**values)
    assert told.commit is not None
    return replace(told, commit=replace(told.commit, author=author, committers=committers))


def of(name: str) -> Signature:
    return Signature(name.title(), f"{name}@example.org")


def request(name: str = "wish", *who: str, at: datetime = NOW, **values: Any) -> Request:
    return Request(name, who or ("ci",), at, **values)


def line(name: str, state: str = "satisfied", **values: Any) -> Requirement:
    """A requirement of another kind."""
    return Requirement(name, "scan", RequirementState(state), "as it is", **values)


GOOD = (line("clean"), line("covered"))
SEEN = view_of(GOOD)[1]


def round_(number: int = 1, **values: Any) -> Round:
    made = Round(
        approval=f"round-{number}",
        rule="votes",
        number=number,
        policy_digest=DIGEST,
        target="main",
        merge_base=BASE.revision,
        request=None,
        opened_at=NOW,
        deadline=DEADLINE,
    )
    return replace(made, **values)


def vote(person: str | None, word: str = "approve", at: float = 1, **values: Any) -> Vote:
    """A vote recorded `at` minutes after the round was opened, by somebody who saw all good."""
    groups = frozenset(group for group, names in GROUPS.items() if person in names)
    made = Vote(
        event_id=f"{person}-{word}-{at}",
        approval="round-1",
        user=f"user-{person}",
        person=person,
        groups=groups,
        vote=Ballot(word),
        seen=SEEN,
        recorded_at=NOW + minutes(at),
    )
    return replace(made, **values)


def voting(*votes: Vote, rounds: Iterable[Round] = (round_(),), **values: Any) -> Facts:
    """A commit by somebody outside, one open round, and these votes."""
    outcome = values.pop("outcome", None) or made_by()
    told = facts(outcome, people=people(), rounds=tuple(rounds), votes=votes)
    return replace(told, **values)


def judged(
    known: Facts,
    now: datetime = LATER,
    rule: ApprovalsRule | None = None,
    lines: Sequence[Requirement] = GOOD,
    **values: Any,
) -> Judged:
    bound = {"policy_digest": DIGEST, "target": "main", "merge_base": BASE.revision, **values}
    return judge(rule or approvals(), known, lines, now, **bound)


def state(known: Facts, *more: Any, **values: Any) -> str:
    return judged(known, *more, **values).state.value


def granted(one: Round, at: datetime = SOON) -> Round:
    return replace(one, closing=Closing.GRANTED, closed_at=at)


LINE_OF_VOTES = replace(line("votes", "running", votes=True), kind="approvals")


def policy(*rules: ApprovalsRule) -> Policy:
    return Policy("test", (GateSpec("merge"),), rules or (approvals(),))


def decision(lines: Sequence[Requirement] = GOOD, **values: Any) -> Decision:
    made = Decision(
        id="decision",
        gate="merge",
        subject=HEAD,
        verdict=Verdict.PENDING,
        requirements=(*lines, LINE_OF_VOTES),
        policy="test",
        policy_digest=policy().digest,
        inputs_digest=DIGEST,
        evaluated_at=NOW,
        target="main",
        merge_base=BASE.revision,
    )
    return replace(made, **values)


def current(number: int = 1, **values: Any) -> Round:
    """A round under the policy of these tests."""
    return round_(number, policy_digest=policy().digest, **values)


def wanted(
    known: Facts, made: Decision | None = None, now: datetime = LATER
) -> list[ApprovalRequested]:
    return list(approvals_wanted(policy(), known, made or decision(), now))


def closing(known: Facts, now: datetime = LATER, made: Decision | None = None) -> list[str]:
    closed = rounds_closing(policy(), known, made or decision(), now)
    return [one.closing.value for one in closed]


def reasons(known: Facts, lines: Sequence[Requirement] = GOOD, number: int = 1) -> dict[str, str]:
    (one,) = (each for each in known.rounds if each.number == number)
    return {
        counted.event: "counts" if counted.counted else counted.reason
        for counted in tally(policy(), known, one, lines, LATER)
    }
