"""People at the gate: when they are asked, whose votes count, and how a round ends."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message, open_ledger
from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalRequested,
    Ballot,
    Closing,
    CountedVote,
    Event,
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
    verdicts,
)

MOMENT = timedelta(microseconds=1)
DEADLINE = NOW + timedelta(hours=4)
WINDOWED = POLICY + (
    "  - {id: hours, kind: window, gates: [deploy], zone: UTC, open:"
    ' [{days: [sun], from: "09:00", until: "14:00"}]}\n'
)


def asked(
    judge: Gate | None = None, *, requester: str = ""
) -> tuple[Gate, Event, ApprovalRequested]:
    """A gate that let a push in and asks people whether it may go to production."""
    judge, push = judge or governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    wish = wanted(requester=requester)
    (request,) = rounds(take(judge, wish))
    return judge, wish, request


def votes(judge: Gate, request: ApprovalRequested) -> list[CountedVote]:
    (part,) = listed(judge, Listed.APPROVALS, about=request.approval)
    (one,) = part.approvals
    return list(one.votes)


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
    judge, _, request = asked()
    assert says(judge, "ada", vote(request)) == []
    answer = says(judge, "linus", vote(request))
    assert types(answer) == ["approval.granted", "decision.made.allow"]
    assert [one.counted for one in votes(judge, request)] == [True, True]


def test_who_asks_meanwhile_is_told_that_votes_are_outstanding() -> None:
    judge, wish, _ = asked()
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
    judge, _, request = asked()
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
    judge, _, request = asked()
    assert says(judge, "grace", vote(request)) == []
    assert says(judge, "grace-ops", vote(request)) == []
    assert sorted(one.counted for one in votes(judge, request)) == [False, True]


@pytest.mark.parametrize("vetoer", ["ada", "grace", "linus"])
def test_a_veto_before_the_deadline_denies_also_after_the_quorum(vetoer: str) -> None:
    judge, _, request = asked()
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
    judge, _, request = asked()
    says(judge, "ada", vote(request))
    says(judge, "linus", vote(request))
    assert says(judge, "grace", vote(request, Ballot.REJECT), now=DEADLINE) == []


@pytest.mark.parametrize("outsider", ["alan", "margaret", "stranger"])
def test_vetoes_of_authors_and_outsiders_do_not_count(outsider: str) -> None:
    judge, _, request = asked()
    assert says(judge, outsider, vote(request, Ballot.REJECT)) == []
    says(judge, "ada", vote(request))
    assert types(says(judge, "linus", vote(request))) == ["approval.granted", "decision.made.allow"]


def test_a_round_without_enough_votes_expires_at_its_deadline_and_not_before() -> None:
    judge, wish, request = asked()
    says(judge, "ada", vote(request))
    assert judge.tick(DEADLINE - MOMENT, owner="me") == ()
    answer = judge.tick(DEADLINE, owner="me")
    assert types(answer) == ["approval.expired", "decision.made.deny"]
    assert judge.tick(DEADLINE + timedelta(days=1), owner="me") == ()
    # Owed until the broker confirms it, as everything the timer says.
    later = DEADLINE + timedelta(seconds=6)
    assert {one.id for one in judge.owed(later, age=timedelta(seconds=5))} >= {
        one.id for one in answer
    }
    assert verdicts(take(judge, wish, now=later)) == [Verdict.DENY]


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
    judge, _, request = asked()
    says(judge, "ada", vote(request))
    last = vote(request)
    first = says(judge, "linus", last)
    assert says(judge, "linus", last, now=SOON) == first


def test_a_vote_in_a_round_that_never_was_is_refused() -> None:
    judge, _, request = asked()
    never = replace(request, approval="5d0c3a52-4f0e-5a8f-9b6d-2c7e1f3a4b5c")
    elsewhere = replace(request, subject=Subject.commit(REPO, "d" * 40))
    for wrong, path in ((never, "/data/approval"), (elsewhere, "/data/subject")):
        with pytest.raises(InvalidEventError) as caught:
            says(judge, "ada", vote(wrong))
        assert (caught.value.reason, caught.value.path) == (RefusalReason.UNKNOWN_ID, path)
    assert votes(judge, request) == []


def test_worse_evidence_voids_the_votes_and_opens_another_round() -> None:
    judge, _, request = asked(governed(POLICY.replace("high: 0", "critical: 0")))
    says(judge, "ada", vote(request))
    push = pushed()
    worse = semgrep_told(push, "bad")  # the same slot, another meaning: a limit is not exceeded
    assert rounds(take(judge, worse)) == []
    assert [one.counted for one in votes(judge, request)] == [True]


def test_a_policy_that_changed_voids_the_votes_and_opens_another_round() -> None:
    ledger = open_ledger("sqlite://")
    judge, wish, request = asked(governed(ledger=ledger))
    says(judge, "ada", vote(request))
    changed = governed(POLICY.replace("deadline: 4h", "deadline: 5h"), ledger=ledger)
    *_, second = rounds(take(changed, wish, now=SOON))
    assert (second.supersedes, second.round) == (request.approval, 2)
    assert "the policy changed" in second.why
    (part,) = listed(changed, Listed.APPROVALS, about=request.approval, now=SOON)
    assert part.approvals[0].closing is Closing.SUPERSEDED
    assert [one.counted for one in part.approvals[0].votes] == [False]
    says(changed, "ada", vote(request), now=SOON)
    assert says(changed, "linus", vote(second), now=SOON) == []


def test_a_rule_of_another_team_voids_no_votes() -> None:
    ledger = open_ledger("sqlite://")
    judge, wish, request = asked(governed(ledger=ledger))
    says(judge, "ada", vote(request))
    other = (
        "  - {id: theirs, kind: scan, gates: [deploy], check: semgrep,"
        " applies_to: {repositories: [other/*]}}\n"
    )
    changed = governed(POLICY + other, ledger=ledger)
    assert rounds(take(changed, wish, now=SOON)) == [request]  # said again, the same bytes
    assert types(says(changed, "linus", vote(request), now=SOON)) == [
        "approval.granted",
        "decision.made.allow",
    ]


def test_another_wish_to_deploy_opens_another_round_and_a_repeat_does_not() -> None:
    judge, wish, request = asked()
    assert rounds(take(judge, wish, now=SOON)) == [request]  # said again, the same bytes
    (second,) = rounds(take(judge, wanted(), now=SOON))
    assert (second.supersedes, second.round) == (request.approval, 2)


def test_a_wish_that_expires_bounds_the_round() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    edge = NOW + timedelta(hours=1)
    wish = _expiring(wanted(), edge)
    (request,) = rounds(take(judge, wish))
    assert request.deadline == edge
    assert types(judge.tick(edge, owner="me")) == ["approval.expired", "decision.made.deny"]


def test_a_view_that_a_listing_showed_may_be_voted_on() -> None:
    judge, _, request = asked(governed(WINDOWED))
    (part,) = listed(judge, Listed.APPROVALS, now=SOON)
    (shown,) = part.approvals
    assert (shown.request.approval, shown.request.view) == (request.approval, request.view)
    # The window closes: whoever looks now sees that, and what he votes on is what he saw.
    closed = NOW + timedelta(hours=3)
    (part,) = listed(judge, Listed.APPROVALS, now=closed)
    view = part.approvals[0].request.view
    assert view != request.view
    says(judge, "ada", vote(request, view=view), now=closed)
    says(judge, "linus", vote(request, view="sha256:" + "0" * 64), now=closed)
    (part,) = listed(judge, Listed.APPROVALS, now=closed)
    by_person = {one.person: one for one in part.approvals[0].votes}
    assert by_person["ada"].counted
    assert "never showed the view" in by_person["linus"].reason


def test_without_the_gate_before_it_nobody_is_asked() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    assert types(take(judge, wanted())) == ["decision.made.deny"]


def test_who_left_the_group_before_the_close_fills_no_seat() -> None:
    ledger = open_ledger("sqlite://")
    judge, _, request = asked(governed(ledger=ledger))
    says(judge, "ada", vote(request))
    groups = {**PEOPLE.groups, "appsec": frozenset({"grace"})}
    people = type(PEOPLE)(PEOPLE.persons, groups)
    later = governed(ledger=ledger, people=people)
    assert says(later, "linus", vote(request)) == []
    assert types(says(later, "grace", vote(request))) == ["approval.granted", "decision.made.allow"]


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


def _expiring(event: Event, at: datetime) -> Event:
    return replace(event, expirytime=at)
