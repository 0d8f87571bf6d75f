"""Overrides at the gate: who may, over what and for how long; the decision stays what it is."""

from datetime import timedelta

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message
from devsecops_eda.model import Decision, Event, Listed, OverrideListed, OverrideState, OverrideTold
from tests.governed import (
    POLICY,
    asks,
    governed,
    listed,
    overriding,
    reviewed,
    said,
    says,
    types,
    wanted,
)
from tests.judged import NOW, asked, commit_told, decisions, pushed, semgrep_told, take

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def denied(judge: Gate | None = None) -> tuple[Gate, Event, Decision]:
    judge, push = judge or governed(), pushed()
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push, "bad")))
    return judge, push, decision


def told(messages: list[Message] | tuple[Message, ...]) -> OverrideTold:
    (one,) = [one.data for one in said(messages) if isinstance(one.data, OverrideTold)]
    return one


def shown(judge: Gate, override: str) -> OverrideListed:
    (part,) = listed(judge, Listed.OVERRIDES, about=override)
    (one,) = part.overrides
    return one


def test_an_override_stands_beside_the_decision_and_changes_nothing_of_it() -> None:
    judge, push, decision = denied()
    answer = says(judge, "margaret", overriding(decision.id))
    assert types(answer) == ["override.activated"]
    one = told(answer)
    assert (one.state, one.actor, one.decision) == (OverrideState.ACTIVE, "margaret", decision.id)
    assert one.review_due == NOW + timedelta(days=3)
    # Whoever asks is told of it before the decision, which has its old bytes.
    for question in (asked(push.correlationid), push):
        answer = take(judge, question)
        assert types(answer) == ["override.activated", "decision.made.deny"]
        assert decisions(answer) == [decision]


def test_a_repeat_and_what_stays_owed_say_the_override_before_the_decision_too() -> None:
    judge, push, decision = denied()
    says(judge, "margaret", overriding(decision.id))
    question = asked(push.correlationid)
    first = take(judge, question)
    assert take(judge, question) == first
    owed = judge.owed(NOW + HOUR, age=HOUR / 2)
    assert types(owed)[-1].startswith("decision.made")
    assert [one for one in types(owed)[:-1] if one.startswith("decision")] == []


def test_it_is_over_at_its_hour_and_not_a_moment_before() -> None:
    judge, push, decision = denied()
    says(judge, "margaret", overriding(decision.id, hours=2))
    edge = NOW + 2 * HOUR
    assert judge.tick(edge - MOMENT, owner="me") == ()
    before = take(judge, asked(push.correlationid), now=edge - MOMENT)
    assert types(before) == ["override.activated", "decision.made.deny"]
    # At its hour, even where no timer worked.
    after = take(judge, asked(push.correlationid), now=edge)
    assert types(after) == ["decision.made.deny"]
    answer = judge.tick(edge, owner="me")
    assert types(answer) == ["override.expired"]
    assert judge.tick(edge + HOUR, owner="me") == ()


@pytest.mark.parametrize(
    ("user", "hours", "why"),
    [
        ("ada", 1, "none of the groups oncall"),
        ("stranger", 1, "nobody the operator named"),
        ("margaret", 4.01, "at most 4h"),
        ("margaret", 0, "over already"),
        ("margaret", 4, ""),
    ],
)
def test_the_glass_is_broken_by_those_who_may_and_not_for_longer_than_they_may(
    user: str, hours: float, why: str
) -> None:
    judge, push, decision = denied()
    answer = says(judge, user, overriding(decision.id, hours=hours))
    assert types(answer) == (["override.refused"] if why else ["override.activated"])
    one = told(answer)
    assert why in one.message
    assert shown(judge, one.override).told == one
    again = types(take(judge, asked(push.correlationid)))
    assert again == ["decision.made.deny"] if why else ["override.activated", "decision.made.deny"]


def test_without_the_section_nobody_breaks_the_glass() -> None:
    lines = [line for line in POLICY.splitlines() if not line.startswith("break_glass")]
    judge, _, decision = denied(governed("\n".join(lines) + "\n"))
    answer = says(judge, "margaret", overriding(decision.id))
    assert "nobody override" in told(answer).message


def test_there_is_nothing_to_override_in_an_allow() -> None:
    judge, push = governed(), pushed()
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    answer = says(judge, "margaret", overriding(decision.id))
    assert (told(answer).state, "nothing to override") == (
        OverrideState.REFUSED,
        told(answer).message.split("is ")[-1].removeprefix("an allow, there is "),
    )


def test_a_decision_that_is_out_of_date_is_not_overridden() -> None:
    judge, push, first = denied()
    (second,) = decisions(take(judge, semgrep_told(push, "bad", "worse")))
    assert second.supersedes == first.id
    assert "out of date" in told(says(judge, "margaret", overriding(first.id))).message
    assert types(says(judge, "margaret", overriding(second.id))) == ["override.activated"]


def test_a_decision_that_waits_for_votes_can_be_overridden_in_the_night() -> None:
    judge, push, wish = governed(), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_told(push), wish)
    question = asks(wish.correlationid, "deploy", environment="prod")
    (pending,) = decisions(take(judge, question))
    answer = says(judge, "margaret", overriding(pending.id))
    # The job that waits is told as well as who broke the glass.
    assert types(answer) == ["override.activated"] * 2
    assert wish.correlationid in {message.flow for message in answer}
    again = asks(wish.correlationid, "deploy", environment="prod")
    assert types(take(judge, again)) == ["override.activated", "decision.made.pending"]


@pytest.mark.parametrize("repo", ["acme/app", "acme/other"])
def test_a_decision_that_never_was_or_is_of_another_repository_is_unknown(repo: str) -> None:
    judge, _, decision = denied(governed(repos=("acme/app", "acme/other")))
    name = decision.id if repo == "acme/other" else "5d0c3a52-4f0e-5a8f-9b6d-2c7e1f3a4b5c"
    with pytest.raises(InvalidEventError) as caught:
        says(judge, "margaret", overriding(name, repo=repo))
    assert caught.value.reason is RefusalReason.UNKNOWN_ID


def test_a_repeated_request_is_the_same_override() -> None:
    judge, _, decision = denied()
    request = overriding(decision.id)
    first = says(judge, "margaret", request)
    assert says(judge, "margaret", request) == first
    assert len(listed(judge, Listed.OVERRIDES)[0].overrides) == 1


def test_another_person_reviews_it_and_the_first_review_stands() -> None:
    judge, _, decision = denied()
    one = told(says(judge, "margaret", overriding(decision.id)))
    assert says(judge, "ada", reviewed(one.override, justified=False)) == []
    later = reviewed(one.override)
    assert says(judge, "grace", later) == []
    row = shown(judge, one.override)
    assert (row.reviewer, row.justified) == ("ada", False)
    assert row.message == "ada reviewed it before, and the first review stands"
    assert row.events == (row.review, later.id)


@pytest.mark.parametrize("user", ["margaret", "stranger"])
def test_neither_who_broke_the_glass_nor_nobody_reviews_it(user: str) -> None:
    judge, _, decision = denied()
    one = told(says(judge, "margaret", overriding(decision.id)))
    review = reviewed(one.override)
    assert says(judge, user, review) == []
    row = shown(judge, one.override)
    assert (row.reviewer, row.review, row.events) == ("", "", (review.id,))
    assert user in row.message


def test_an_override_that_never_was_is_not_reviewed() -> None:
    judge, _, _ = denied()
    with pytest.raises(InvalidEventError) as caught:
        says(judge, "ada", reviewed("5d0c3a52-4f0e-5a8f-9b6d-2c7e1f3a4b5c"))
    assert caught.value.reason is RefusalReason.UNKNOWN_ID


def test_a_new_decision_stands_without_the_override_of_the_old_one() -> None:
    judge, push, decision = denied()
    says(judge, "margaret", overriding(decision.id))
    assert types(take(judge, semgrep_told(push, "bad", "worse"))) == ["decision.made.deny"]
    assert types(take(judge, asked(push.correlationid))) == ["decision.made.deny"]
