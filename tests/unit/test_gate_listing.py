"""What can be asked of the gate's memory, and how much of it comes in one message."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.codec import MAX_BODY_BYTES
from devsecops_eda.gate.listing import MAX_ENTRIES, MAX_IN_PART, MAX_PART_BYTES
from devsecops_eda.ledger import Ledger, Message, open_ledger
from devsecops_eda.ledger.tables import METADATA
from devsecops_eda.model import (
    Ballot,
    Closing,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    Outcome,
    WaiverRequested,
    WaiverScope,
)
from tests.governed import (
    COMMIT,
    asks,
    event,
    governed,
    grant,
    listed,
    listing,
    overriding,
    revoke,
    rounds,
    said,
    says,
    vote,
    waiver,
    waiver_id,
    wanted,
)
from tests.judged import NOW, REPO, commit_told, decisions, pushed, semgrep_told, take

OTHER = "acme/other"
DAY = timedelta(days=1)


def written(ledger: Ledger) -> dict[str, int]:
    """How many rows each table has."""
    with ledger._engine.connect() as connection:
        return {
            table.name: len(connection.execute(table.select()).all())
            for table in METADATA.sorted_tables
        }


def test_a_question_leaves_nothing_behind_but_itself_and_its_answer() -> None:
    ledger = open_ledger("sqlite://")
    judge, push = governed(ledger=ledger), pushed()
    take(judge, push, commit_told(push), semgrep_told(push), wanted())
    before = written(ledger)
    for of in Listed:
        listed(judge, of, about=push.correlationid if of is Listed.OUTCOMES else None)
    after = written(ledger)
    assert {name for name in after if after[name] != before[name]} == {"inbox", "messages"}


def test_the_answer_goes_to_the_flow_of_who_asks_and_a_repeat_is_answered_the_same() -> None:
    judge = governed()
    question = listing(Listed.WAIVERS)
    first = says(judge, "ada", question)
    assert [message.flow for message in first] == [question.correlationid]
    assert says(judge, "ada", question) == first


@pytest.mark.parametrize("of", Listed)
def test_where_nothing_is_recorded_the_answer_is_empty_and_whole(of: Listed) -> None:
    assert listed(governed(), of) == [ListingMade(of, repo=REPO)]


def test_a_round_is_listed_with_its_votes_and_after_its_end_only_to_who_wants_every_one() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    wish = wanted()
    (request,) = rounds(take(judge, wish))
    ballot = vote(request, comment="looks good")
    says(judge, "ada", ballot)
    (part,) = listed(judge, Listed.APPROVALS)
    (one,) = part.approvals
    assert (one.request.approval, one.flow) == (request.approval, wish.correlationid)
    assert [(v.event, v.person, v.comment) for v in one.votes] == [(ballot.id, "ada", "looks good")]
    says(judge, "grace", vote(request, Ballot.REJECT))
    assert [part.approvals for part in listed(judge, Listed.APPROVALS)] == [()]
    (part,) = listed(judge, Listed.APPROVALS, every=True)
    assert [one.closing for one in part.approvals] == [Closing.DENIED]


def test_nothing_of_another_repository_is_listed_not_even_by_its_id() -> None:
    judge, push = governed(repos=(REPO, OTHER)), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    mine = waiver()
    says(judge, "linus", mine)
    (deny,) = decisions(take(judge, asks(push.correlationid, "merge")))
    (broken,) = said(says(judge, "margaret", overriding(deny.id)))
    again = pushed("d" * 40)
    take(judge, again, commit_told(again), semgrep_told(again))
    (request,) = rounds(take(judge, wanted(again.data.subject)))  # type: ignore[union-attr]
    for of, about in (
        (Listed.WAIVERS, waiver_id(mine, "linus")),
        (Listed.OVERRIDES, broken.subject),
        (Listed.APPROVALS, request.approval),
        (Listed.OUTCOMES, push.correlationid),
    ):
        assert listed(judge, of, about=about) != [ListingMade(of, repo=REPO)]
        assert listed(judge, of, repo=OTHER, about=about) == [ListingMade(of, repo=OTHER)]
        assert listed(judge, of, repo=OTHER) == [ListingMade(of, repo=OTHER)]


def test_every_outcome_of_a_flow_comes_as_its_event_carried_it() -> None:
    judge, push = governed(), pushed()
    told = [commit_told(push), semgrep_told(push, "bad")]
    take(judge, push, *told)
    parts = listed(judge, Listed.OUTCOMES, about=push.correlationid)
    assert [(part.part, part.parts) for part in parts] == [(1, 2), (2, 2)]
    outcomes = [one for part in parts for one in part.outcomes]
    assert [(one.event, one.outcome) for one in outcomes] == [(one.id, one.data) for one in told]


def test_an_outcome_nobody_caused_is_not_listed() -> None:
    judge, push = governed(), pushed()
    take(judge, push)
    foreign = semgrep_told(push)
    assert isinstance(foreign.data, Outcome)
    foreign = replace(foreign, causationid="never", data=replace(foreign.data, cause="never"))
    take(judge, foreign)
    assert listed(judge, Listed.OUTCOMES, about=push.correlationid) == [
        ListingMade(Listed.OUTCOMES, repo=REPO)
    ]


def test_only_waivers_that_end_soon_are_listed_to_who_asks_for_these() -> None:
    judge = governed()
    soon, late, never = waiver(days=5), waiver(days=10), waiver(days=4)
    for wish in (soon, late, never):
        says(judge, "linus", wish)
    for wish in (soon, late):
        says(judge, "ada", grant(wish, "linus"))
    data = ListingRequested(Listed.WAIVERS, REPO, expiring_s=7 * 86400)
    answer = said(says(judge, "ada", event(EventType.LISTING_REQUESTED, data)))
    (made,) = [one.data for one in answer if isinstance(one.data, ListingMade)]
    assert [one.waiver for one in made.waivers] == [waiver_id(soon, "linus")]


def test_what_is_over_is_listed_only_to_who_wants_every_one() -> None:
    judge = governed()
    wish = waiver()
    says(judge, "linus", wish, revoke(wish, "linus"))
    assert [part.waivers for part in listed(judge, Listed.WAIVERS)] == [()]
    (part,) = listed(judge, Listed.WAIVERS, every=True)
    assert [one.waiver for one in part.waivers] == [waiver_id(wish, "linus")]


def test_a_waiver_that_ended_is_listed_until_somebody_removes_it() -> None:
    judge, later = governed(), NOW + timedelta(days=20)
    held, never = waiver(), waiver(days=11)
    says(judge, "linus", held, never)
    says(judge, "ada", grant(held, "linus"))

    def shown(*, every: bool = False) -> list[tuple[str, str]]:
        (part,) = listed(judge, Listed.WAIVERS, every=every, now=later)
        return [(one.waiver, one.state.value) for one in part.waivers]

    assert shown() == [(waiver_id(held, "linus"), "expired")]
    assert (waiver_id(never, "linus"), "expired") in shown(every=True)
    says(judge, "linus", revoke(held, "linus"), now=later)
    assert shown() == []
    assert (waiver_id(held, "linus"), "revoked") in shown(every=True)


def test_a_long_answer_comes_in_parts_that_each_fit_and_says_how_many_were_left_out() -> None:
    judge = governed()
    for number in range(MAX_ENTRIES + 7):
        wish = waiver(days=1 + number / 1000)
        assert isinstance(wish.data, WaiverRequested)
        # Some long, some short.
        words = "known " * (600 if number % 10 == 0 else 1)
        says(judge, "linus", replace(wish, data=replace(wish.data, justification=words)))
    messages: list[Message] = says(judge, "ada", listing(Listed.WAIVERS))
    parts = [one.data for one in said(messages) if isinstance(one.data, ListingMade)]
    assert all(len(message.body) <= MAX_PART_BYTES + 2048 < MAX_BODY_BYTES for message in messages)
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    assert {part.parts for part in parts} == {len(parts)}
    assert {part.more for part in parts} == {7}
    assert all(len(part.waivers) <= MAX_IN_PART for part in parts)
    ends = [one.request.expires_at for part in parts for one in part.waivers]
    assert len(ends) == MAX_ENTRIES
    assert ends == sorted(ends)  # what ends first stands first


def test_a_waiver_that_covers_nothing_known_says_so() -> None:
    judge = governed()
    wish = waiver(scope=WaiverScope(fingerprint="never-seen"))
    says(judge, "linus", wish)
    slip = waiver(scope=WaiverScope(requirement="cod", subject=COMMIT))
    says(judge, "linus", slip)
    for request, words in (
        (wish, "nothing that was found in this repository lately is covered by it"),
        (slip, "no rule of the policy is called cod: it covers nothing"),
    ):
        (part,) = listed(judge, Listed.WAIVERS, about=waiver_id(request, "linus"))
        (one,) = part.waivers
        assert words in one.message
