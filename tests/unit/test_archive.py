"""What is archived comes back as it was, and the same decision comes of it, bit for bit."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given

from devsecops_eda.archive import (
    decision_bytes,
    decision_from_bytes,
    facts_from_bytes,
    facts_to_bytes,
    policy_document,
    policy_from_document,
)
from devsecops_eda.errors import EvidenceMissingError, InvalidPolicyError
from devsecops_eda.model import Outcome, OutcomeStatus, People, Person
from devsecops_eda.policy import Facts, Policy, decide
from devsecops_eda.policy.loading.policies import PolicyText, load_policies
from tests.archive_strategies import whole_facts_
from tests.judging import (
    BASE,
    CHECKS,
    NOW,
    baseline,
    commit,
    completed,
    facts,
    failed,
    finding,
    of_base,
)
from tests.judging_strategies import facts_, policies_

POLICY = """
version: 1
name: team
within: 30m
gates: {merge: {}}
rules:
  - {id: scanned, kind: scan, check: semgrep, gates: [merge]}  # é
"""


class Kept:
    """A stand-in for the ledger: it knows outcomes by place, with causes under their own names."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def place(self, outcome: Outcome) -> int:
        recorded = replace(outcome, cause="as the event says")
        if recorded not in self.outcomes:
            self.outcomes.append(recorded)
        return self.outcomes.index(recorded)

    def at(self, place: int) -> Outcome:
        return self.outcomes[place]


def there_and_back(known: Facts) -> Facts:
    kept = Kept()
    return facts_from_bytes(facts_to_bytes(known, kept.place), kept.at)


@given(whole_facts_())
def test_facts_come_back_as_they_were(known: Facts) -> None:
    assert there_and_back(known) == known


@given(whole_facts_())
def test_the_same_facts_are_the_same_bytes(known: Facts) -> None:
    kept = Kept()
    first = facts_to_bytes(known, kept.place)
    shuffled = replace(
        known,
        people=replace(known.people, groups=dict(reversed([*known.people.groups.items()]))),
    )
    assert facts_to_bytes(shuffled, kept.place) == first
    assert facts_to_bytes(facts_from_bytes(first, kept.at), kept.place) == first


@given(policies_, facts_)
def test_the_same_decision_comes_of_archived_facts_bit_for_bit(
    policy: Policy, known: Facts
) -> None:
    first = decision_bytes(decide(policy, known, NOW))
    assert decision_bytes(decide(policy, there_and_back(known), NOW)) == first


@given(policies_, facts_)
def test_a_decision_comes_back_as_it_was(policy: Policy, known: Facts) -> None:
    decision = decide(policy, known, NOW)
    assert decision_from_bytes(decision_bytes(decision)) == decision


def test_whatever_facts_may_hold_is_in_what_is_tried_here() -> None:
    tried = {
        *("gate", "subject", "repository_known", "target", "protected", "environment", "causes"),
        *("outcomes", "baselines", "people", "requests", "rounds", "votes", "waivers"),
        *("decisions", "origins", "matches", "origin_commits"),
    }
    assert {field.name for field in fields(Facts)} == tried


def test_an_outcome_with_findings_is_kept_by_reference() -> None:
    known = facts(completed(*(finding(f"x:{at}") for at in range(1000))), commit())
    assert len(facts_to_bytes(known, Kept().place)) < 1000


def test_an_outcome_without_a_verdict_needs_no_ledger() -> None:
    known = facts(failed(), baselines=[baseline(failed(subject=BASE))])

    def never(_: object) -> int:
        raise AssertionError("nobody needs to look")

    data = facts_to_bytes(known, never)
    assert facts_from_bytes(data, lambda place: known.outcomes[never(place)]) == known


def test_evidence_that_was_away_then_is_away_when_it_is_judged_again() -> None:
    known = facts(failed(detail="the evidence is gone"))
    (again,) = there_and_back(known).outcomes
    assert again.status is OutcomeStatus.FAILED
    assert again.failure is not None
    assert again.failure.detail == "the evidence is gone"


def test_another_outcome_in_the_place_is_not_taken_for_the_one() -> None:
    data = facts_to_bytes(facts(completed(check="semgrep")), lambda _: 7)
    with pytest.raises(EvidenceMissingError, match="at 7 there is an outcome of safety"):
        facts_from_bytes(data, lambda _: completed(check="safety"))
    with pytest.raises(EvidenceMissingError, match="b" * 40):
        facts_from_bytes(data, lambda _: of_base())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        zlib.compress(b"{}"),
        zlib.compress(b"[1]"),
        zlib.compress(b'{"version":2}'),
        zlib.compress(b'{"version":1,"outcomes":[],"origin_commits":[]}'),
        facts_to_bytes(facts(), lambda _: 0)[:-1],
    ],
)
def test_what_are_no_facts_is_no_evidence(data: bytes) -> None:
    with pytest.raises(EvidenceMissingError, match="archived facts cannot be read"):
        facts_from_bytes(data, lambda _: completed())


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_decision_or_policy_is_no_evidence(data: bytes) -> None:
    with pytest.raises(EvidenceMissingError, match="archived decision cannot be read"):
        decision_from_bytes(data)
    with pytest.raises(EvidenceMissingError, match="archived policy cannot be read"):
        policy_from_document(data)


def test_a_policy_comes_back_with_its_digest() -> None:
    texts = [PolicyText("a.yaml", POLICY)]
    groups = {"security": frozenset({"bob", "ada"}), "owners": ["carol"]}
    digest, document = policy_document(texts, CHECKS, groups)
    loaded = load_policies(texts, checks=CHECKS, groups={})
    assert policy_from_document(document) == loaded
    assert policy_from_document(document).digest == loaded.digest
    assert policy_document(texts, sorted(CHECKS), dict(reversed(groups.items()))) == (
        digest,
        document,
    )


@pytest.mark.parametrize(
    ("texts", "checks", "groups"),
    [
        ([PolicyText("b.yaml", POLICY)], CHECKS, {}),
        ([PolicyText("a.yaml", POLICY + "# more\n")], CHECKS, {}),
        ([PolicyText("a.yaml", POLICY)], [*CHECKS, "more"], {}),
        ([PolicyText("a.yaml", POLICY)], CHECKS, {"owners": ["ada"]}),
    ],
)
def test_all_that_a_policy_is_made_of_is_in_its_document(
    texts: list[PolicyText], checks: Iterable[str], groups: dict[str, list[str]]
) -> None:
    digest, document = policy_document([PolicyText("a.yaml", POLICY)], CHECKS, {})
    other = policy_document(texts, frozenset(checks), groups)
    assert other[0] != digest
    assert other[1] != document


def test_a_policy_that_this_program_no_longer_takes_says_so() -> None:
    _, document = policy_document([PolicyText("a.yaml", POLICY)], CHECKS, {})
    read = json.loads(document)
    read["texts"][0][1] = POLICY.replace("kind: scan", "kind: sacn")
    with pytest.raises(InvalidPolicyError, match="sacn"):
        policy_from_document(json.dumps(read).encode())


def test_people_come_back_with_all_their_names() -> None:
    people = People(
        (Person("ada", ("ada", "ada.l"), ("ada@example.org",)), Person("bob")),
        {"owners": frozenset({"ada", "bob"}), "empty": frozenset()},
    )
    assert there_and_back(facts(people=people)).people == people


def test_an_instant_comes_back_to_the_microsecond() -> None:
    at = NOW + timedelta(microseconds=1)
    known = facts()
    known = replace(known, causes=(replace(known.causes[0], time=at, recorded_at=at),))
    assert there_and_back(known).causes == known.causes
