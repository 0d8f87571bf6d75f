"""People at the gate: when they are asked, whose votes count, and how a round ends."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.ledger import Message, open_ledger
from devsecops_eda.model import (
    ApprovalClosed,
    Ballot,
    Closing,
    Listed,
    Subject,
    Verdict,
)
from tests.governed import (
    HEADER,
    MERGED,
    PEOPLE,
    POLICY,
    SOON,
    VOTES,
    asking,
    asks,
    governed,
    image,
    listed,
    put_back,
    rounds,
    said,
    says,
    types,
    vote,
    votes,
    wanted,
)
from tests.judged import (
    NOW,
    REPO,
    commit_told,
    decisions,
    pushed,
    semgrep_told,
    take,
)

MOMENT = timedelta(microseconds=1)
DEADLINE = NOW + timedelta(hours=4)
WINDOWED = POLICY + (
    "  - {id: hours, kind: window, gates: [deploy], zone: UTC, open:"
    ' [{days: [sun], from: "09:00", until: "14:00"}]}\n'
)


def closings(messages: list[Message] | tuple[Message, ...]) -> list[Closing]:
    return [one.data.closing for one in said(messages) if isinstance(one.data, ApprovalClosed)]


def test_people_are_asked_once_everything_else_is_satisfied() -> None:
    judge, push, wish = governed(), pushed(), wanted()
    assert take(judge, wish, push, commit_told(push)) == []
    (request,) = rounds(take(judge, semgrep_told(push)))
    assert (request.n, request.environment, request.gate) == (2, "prod", "deploy")
    # The author of the commit may not vote, and is told so.
    assert request.eligible == ("ada", "grace", "linus")
    assert [(one.person, one.reason) for one in request.excluded] == [
        ("alan", "author of the commit")
    ]
    assert request.deadline == DEADLINE


def test_enough_votes_of_the_right_people_let_it_through() -> None:
    judge, _, request = asking()
    assert says(judge, "ada", vote(request)) == []
    answer = says(judge, "linus", vote(request))
    assert types(answer) == ["approval.granted", "decision.made.allow"]
    assert [one.counted for one in votes(judge, request)] == [True, True]


def test_who_asks_meanwhile_is_told_that_votes_are_outstanding() -> None:
    judge, wish, _ = asking()
    (decision,) = decisions(take(judge, asks(wish.correlationid, "deploy", environment="prod")))
    assert decision.verdict is Verdict.PENDING
    assert [line.votes for line in decision.requirements if line.id == "two"] == [True]


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("alan", "author of the commit"),
        ("margaret", "none of the groups appsec, owners"),
        ("stranger", "nobody the operator named"),
        ("ada", ""),
    ],
)
def test_a_vote_that_does_not_count_is_recorded_with_the_reason(user: str, reason: str) -> None:
    judge, _, request = asking()
    ballot = vote(request)
    assert says(judge, user, ballot) == []
    (one,) = votes(judge, request)
    assert (one.event, one.counted) == (ballot.id, not reason)
    assert reason in one.reason


def test_nobody_votes_for_what_he_asked_for() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    (request,) = rounds(take(judge, wanted(requester="linus@example.org")))
    assert request.eligible == ("ada", "grace")
    assert ("linus", "requester of the deployment") in [
        (one.person, one.reason) for one in request.excluded
    ]


def test_one_person_has_one_vote_whatever_number_of_names() -> None:
    judge, _, request = asking()
    assert says(judge, "grace", vote(request)) == []
    assert says(judge, "grace-ops", vote(request)) == []
    assert sorted(one.counted for one in votes(judge, request)) == [False, True]


@pytest.mark.parametrize("vetoer", ["ada", "grace", "linus"])
def test_a_veto_before_the_deadline_denies_also_after_the_quorum(vetoer: str) -> None:
    judge, _, request = asking()
    says(judge, "ada", vote(request))
    assert closings(says(judge, "linus", vote(request))) == [Closing.GRANTED]
    veto = vote(request, Ballot.REJECT, comment="no")
    answer = says(judge, vetoer, veto, now=DEADLINE - MOMENT)
    assert types(answer) == ["approval.denied", "decision.made.deny"]
    # The same person's second thought does not bring it back.
    assert says(judge, vetoer, vote(request), now=DEADLINE - MOMENT) == []
    (part,) = listed(judge, Listed.APPROVALS, about=request.approval, now=DEADLINE)
    assert part.approvals[0].closing is Closing.DENIED


def test_a_veto_at_the_deadline_is_too_late() -> None:
    judge, _, request = asking()
    says(judge, "ada", vote(request))
    says(judge, "linus", vote(request))
    assert says(judge, "grace", vote(request, Ballot.REJECT), now=DEADLINE) == []


@pytest.mark.parametrize("outsider", ["alan", "margaret", "stranger"])
def test_vetoes_of_authors_and_outsiders_do_not_count(outsider: str) -> None:
    judge, _, request = asking()
    assert says(judge, outsider, vote(request, Ballot.REJECT)) == []
    says(judge, "ada", vote(request))
    assert types(says(judge, "linus", vote(request))) == ["approval.granted", "decision.made.allow"]


def test_whatever_order_votes_and_vetoes_come_in_the_decision_is_the_same() -> None:
    ledger = open_ledger("sqlite://")
    push, wish = pushed(), wanted()
    before = [push, commit_told(push), semgrep_told(push), wish]
    (request,) = rounds(take(governed(ledger=ledger), *before))
    open_round = image(ledger)
    ballots = [
        (vote(request), "ada"),
        (vote(request), "linus"),
        (vote(request, Ballot.REJECT), "alan"),
        (vote(request, Ballot.REJECT), "stranger"),
    ]
    vetoed = [*ballots, (vote(request, Ballot.REJECT), "grace")]
    for history, verdict in ((ballots, Verdict.ALLOW), (vetoed, Verdict.DENY)):
        ends = set()
        for order in itertools.permutations(history):
            judge = governed(ledger=put_back(ledger, open_round))
            for event, user in order:
                for _ in range(2):
                    says(judge, user, event)
            question = asks(wish.correlationid, "deploy", environment="prod")
            (decision,) = decisions(take(judge, question))
            ends.add((decision.verdict, decision.id))
        assert {end for end, _ in ends} == {verdict}
        assert len(ends) == 1


def test_a_vote_that_is_told_again_says_again_what_it_led_to() -> None:
    judge, _, request = asking()
    says(judge, "ada", vote(request))
    last = vote(request)
    first = says(judge, "linus", last)
    assert says(judge, "linus", last, now=SOON) == first


def test_a_vote_in_a_round_that_never_was_is_refused() -> None:
    judge, _, request = asking()
    never = replace(request, approval="5d0c3a52-4f0e-5a8f-9b6d-2c7e1f3a4b5c")
    elsewhere = replace(request, subject=Subject.commit(REPO, "d" * 40))
    for wrong, path in ((never, "/data/approval"), (elsewhere, "/data/subject")):
        with pytest.raises(InvalidEventError) as caught:
            says(judge, "ada", vote(wrong))
        assert (caught.value.reason, caught.value.path) == (RefusalReason.UNKNOWN_ID, path)
    assert votes(judge, request) == []


def test_without_the_gate_before_it_nobody_is_asked() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    assert types(take(judge, wanted())) == ["decision.made.deny"]


def test_a_commit_of_nobody_the_operator_named_is_not_voted_on() -> None:
    people = type(PEOPLE)(PEOPLE.persons[:-1], {**PEOPLE.groups, "owners": frozenset({"linus"})})
    judge, push = governed(people=people), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    (decision,) = decisions(take(judge, wanted()))
    assert decision.verdict is Verdict.DENY


def test_votes_alone_may_be_asked_for_at_any_gate() -> None:
    policy = HEADER + MERGED + VOTES.replace("gates: [deploy]", "gates: [merge]")
    judge, push = governed(policy), pushed()
    (request,) = rounds(take(judge, push, commit_told(push), semgrep_told(push)))
    says(judge, "ada", vote(request))
    assert types(says(judge, "grace", vote(request))) == ["approval.granted", "decision.made.allow"]
