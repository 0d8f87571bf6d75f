"""Rounds of voting: how long they are open, what voids their votes, what is shown of them."""

from dataclasses import replace
from datetime import datetime, timedelta

from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import (
    Closing,
    CommitPushed,
    Event,
    EventType,
    Listed,
    ScanRequested,
    Verdict,
)
from tests.governed import (
    PEOPLE,
    POLICY,
    SIMPLE,
    SOON,
    VOTES,
    asking,
    event,
    governed,
    grant,
    listed,
    rounds,
    says,
    types,
    vote,
    votes,
    waiver,
    wanted,
)
from tests.judged import (
    NOW,
    commit_told,
    pushed,
    semgrep_told,
    take,
    verdicts,
)

VOTED = SIMPLE + VOTES.replace("gates: [deploy]", "gates: [merge]")
MOMENT = timedelta(microseconds=1)
DEADLINE = NOW + timedelta(hours=4)
WINDOWED = POLICY + (
    "  - {id: hours, kind: window, gates: [deploy], zone: UTC, open:"
    ' [{days: [sun], from: "09:00", until: "14:00"}]}\n'
)


def test_a_round_without_enough_votes_expires_at_its_deadline_and_not_before() -> None:
    judge, wish, request = asking()
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


def test_worse_evidence_voids_the_votes_and_opens_another_round() -> None:
    judge, push, wish = governed(VOTED), pushed(), waiver()
    (request,) = rounds(take(judge, push, commit_told(push), semgrep_told(push)))
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    says(judge, "ada", vote(request))
    # Another run of the same scan found something: waived, but nobody saw that when he voted.
    (second,) = rounds(take(judge, semgrep_told(push, "bad")))
    assert (second.supersedes, second.round) == (request.approval, 2)
    assert "got worse" in second.why
    assert says(judge, "grace", vote(request)) == []
    says(judge, "ada", vote(second))
    assert types(says(judge, "grace", vote(second))) == ["approval.granted", "decision.made.allow"]


def test_equal_or_better_evidence_keeps_the_votes() -> None:
    judge, push, wish = governed(VOTED), pushed(), waiver()
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    (request,) = rounds(take(judge, push, commit_told(push), semgrep_told(push, "bad")))
    says(judge, "ada", vote(request))
    again = rescanned(push)
    assert rounds(take(judge, again, semgrep_told(again))) == []  # the finding is gone
    assert [one.counted for one in votes(judge, request)] == [True]
    assert types(says(judge, "grace", vote(request))) == ["approval.granted", "decision.made.allow"]


def test_a_policy_that_changed_voids_the_votes_and_opens_another_round() -> None:
    ledger = open_ledger("sqlite://")
    judge, wish, request = asking(governed(ledger=ledger))
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
    judge, wish, request = asking(governed(ledger=ledger))
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
    judge, wish, request = asking()
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
    judge, _, request = asking(governed(WINDOWED))
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


def test_who_left_the_group_before_the_close_fills_no_seat() -> None:
    ledger = open_ledger("sqlite://")
    judge, _, request = asking(governed(ledger=ledger))
    says(judge, "ada", vote(request))
    groups = {**PEOPLE.groups, "appsec": frozenset({"grace"})}
    people = type(PEOPLE)(PEOPLE.persons, groups)
    later = governed(ledger=ledger, people=people)
    assert says(later, "linus", vote(request)) == []
    assert types(says(later, "grace", vote(request))) == ["approval.granted", "decision.made.allow"]


def rescanned(push: Event) -> Event:
    """A wish to scan the commit of a push again."""
    assert isinstance(push.data, CommitPushed)
    data = ScanRequested(push.data.subject, "semgrep", target="main")
    return replace(event(EventType.SCAN_REQUESTED, data), time=SOON)


def _expiring(event: Event, at: datetime) -> Event:
    return replace(event, expirytime=at)
