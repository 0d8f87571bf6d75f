"""What a client says for people, what it hears of overrides, and a listing in parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from devsecops_eda import codec
from devsecops_eda.client import (
    Overrides,
    approval_voted,
    artifact_published,
    deployment_requested,
    listing_requested,
    override_requested,
    override_reviewed,
    waiver_granted,
    waiver_requested,
    waiver_revoked,
)
from devsecops_eda.client.listing import Parts
from devsecops_eda.client.waiting import question_of
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import (
    Ballot,
    Event,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    OverrideState,
    OverrideTold,
    Subject,
    WaiverReason,
    WaiverScope,
    flow_of,
)
from tests.results import WAIVER, decision

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
COMMIT = Subject.commit("acme/app", "1" * 40)
ARTIFACT = Subject.artifact("sha256:" + "2" * 64, "acme/app")
ID = "0f6f2c1e-8f5f-5c58-9e0e-5a4d5a4a5b11"
FLOW = "5f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d10"
SAID = {
    EventType.DEPLOYMENT_REQUESTED: (
        deployment_requested(COMMIT, environment="prod", target="refs/heads/main", now=NOW),
        str(COMMIT),
    ),
    EventType.ARTIFACT_PUBLISHED: (
        artifact_published(ARTIFACT, built_from=COMMIT, now=NOW),
        ARTIFACT.revision,
    ),
    EventType.APPROVAL_VOTED: (
        approval_voted(ID, subject=ARTIFACT, vote=Ballot.APPROVE, view=ARTIFACT.revision, now=NOW),
        ARTIFACT.revision,
    ),
    EventType.WAIVER_REQUESTED: (
        waiver_requested(
            "acme/app",
            scope=WaiverScope(fingerprint="f:1:8c1d2e3f4a5b6c7d"),
            reason=WaiverReason.NO_FIX,
            justification="there is none",
            expires_at=LATER,
            now=NOW,
        ),
        "acme/app",
    ),
    EventType.WAIVER_GRANTED: (waiver_granted(ID, repo="acme/app", now=NOW), ID),
    EventType.WAIVER_REVOKED: (waiver_revoked(ID, repo="acme/app", reason="x", now=NOW), ID),
    EventType.OVERRIDE_REQUESTED: (
        override_requested(ID, repo="acme/app", reason="it burns", expires_at=LATER, now=NOW),
        "acme/app",
    ),
    EventType.OVERRIDE_REVIEWED: (
        override_reviewed(ID, repo="acme/app", justified=True, now=NOW),
        ID,
    ),
    EventType.LISTING_REQUESTED: (
        listing_requested(ListingRequested(Listed.WAIVERS, repo="acme/app"), now=NOW),
        "acme/app",
    ),
}


@pytest.mark.parametrize("type_", SAID, ids=str)
def test_every_word_of_a_person_or_job_passes_every_door(type_: EventType) -> None:
    event, subject = SAID[type_]
    assert event.type is type_
    assert event.subject == subject
    assert event.correlationid == flow_of(event.id)
    assert codec.decode(codec.encode(event)) == event


def test_every_word_of_a_person_is_a_new_fact_in_the_flow_that_is_named() -> None:
    one, two = (waiver_granted(ID, repo="acme/app", now=NOW, flow=FLOW) for _ in range(2))
    assert one.id != two.id
    assert one.correlationid == two.correlationid == FLOW


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        override_requested(ID, repo="a", reason="x", expires_at=LATER.replace(tzinfo=None), now=NOW)


def deployed(**more: str) -> Event:
    return deployment_requested(COMMIT, environment="prod", now=NOW, **more)


def test_a_deployment_is_a_new_request_unless_the_request_has_a_name() -> None:
    assert deployed().id != deployed().id
    named = deployed(request="77", requester="ada")
    assert named.id == deployed(request="77", requester="ada").id
    # With other content it is another event: the same id would be a conflict.
    for other in (
        deployed(request="78", requester="ada"),
        deployed(request="77", requester="grace"),
        deployed(request="77", requester="ada", reason="r"),
        deployed(request="77", requester="ada", target="main"),
    ):
        assert other.id != named.id


def test_an_artifact_published_twice_is_one_fact() -> None:
    again = artifact_published(ARTIFACT, built_from=COMMIT, now=LATER)
    assert again.id == SAID[EventType.ARTIFACT_PUBLISHED][0].id


def test_a_question_about_a_deployment_knows_its_environment_and_branch() -> None:
    question = question_of(SAID[EventType.DEPLOYMENT_REQUESTED][0], "deploy")
    assert (question.repo, question.environment, question.target) == ("acme/app", "prod", "main")
    with pytest.raises(ConfigurationError):
        question_of(SAID[EventType.WAIVER_GRANTED][0], "deploy")


def told(state: OverrideState, *, override: str = "o", expires: datetime = LATER) -> Event:
    judged = decision()
    data = OverrideTold(
        override=override,
        decision=judged.id,
        repo="acme/app",
        gate="merge",
        subject=judged.subject,
        state=state,
        actor="ada",
        reason="it burns",
        expires_at=expires,
    )
    return Event("i", "s", EventType.OVERRIDE_ACTIVATED, "x", NOW, FLOW, data)


def active(events: Sequence[Event], *, now: datetime = NOW, of: str | None = None) -> str | None:
    overrides = Overrides()
    for event in events:
        overrides.hear(event)
    found = overrides.active(decision(), now=now)
    return found.override if found else None


def test_an_override_holds_until_its_instant_and_for_its_decision_alone() -> None:
    heard = [told(OverrideState.ACTIVE)]
    assert active(heard) == "o"
    assert active(heard, now=LATER - timedelta(microseconds=1)) == "o"
    assert active(heard, now=LATER) is None
    overrides = Overrides()
    overrides.hear(heard[0])
    other = decision(blocking_total=7)
    object.__setattr__(other, "id", ID)
    assert overrides.active(other, now=NOW) is None


@pytest.mark.parametrize("over", [OverrideState.EXPIRED, OverrideState.REFUSED])
def test_an_override_that_is_over_does_not_come_back_in_any_order(over: OverrideState) -> None:
    events = [told(OverrideState.ACTIVE), told(over), told(OverrideState.ACTIVE)]
    for some in permutations(events):
        assert active(some) is None


def test_of_two_overrides_the_longer_one_is_named() -> None:
    two = told(OverrideState.ACTIVE, override="p", expires=LATER + timedelta(days=1))
    assert active([told(OverrideState.ACTIVE), two]) == "p"


def test_a_listener_hears_what_the_collector_hears() -> None:
    heard: list[Event] = []
    overrides = Overrides(heard.append)
    overrides.hear(told(OverrideState.ACTIVE))
    assert len(heard) == 1


def part(number: int, parts: int, *, cause: str = "q", of: Listed = Listed.WAIVERS) -> Event:
    waiver = WAIVER.__class__(
        waiver=f"{cause}-{number}",
        request=WAIVER.request,
        state=WAIVER.state,
        requester="ada",
        requested_at=NOW,
    )
    data = ListingMade(of, waivers=(waiver,), part=number, parts=parts, more=2)
    return Event("i", "s", EventType.LISTING_MADE, "x", NOW, FLOW, data, causationid=cause)


def answered(events: Sequence[Event]) -> list[tuple[str, ...]]:
    parts = Parts(Listed.WAIVERS)
    answers = (parts.hear(event) for event in events)
    return [tuple(one.waiver for one in made.waivers) for made in answers if made is not None]


def test_a_listing_is_whole_when_each_part_came_in_any_order_and_as_often_as_it_likes() -> None:
    for some in permutations([part(1, 3), part(2, 3), part(3, 3), part(2, 3)]):
        assert ("q-1", "q-2", "q-3") in answered(some)
        assert answered(some[:2]) == []


def test_parts_of_two_answers_are_never_put_together() -> None:
    mixed = [part(1, 2, cause="a"), part(2, 2, cause="b"), part(1, 3, cause="b")]
    assert answered(mixed) == []
    assert answered([*mixed, part(2, 2, cause="a")]) == [("a-1", "a-2")]


def test_an_answer_to_another_question_is_none() -> None:
    assert answered([part(1, 1, of=Listed.OVERRIDES)]) == []
    made = Parts(Listed.WAIVERS).hear(part(1, 1))
    assert made is not None
    assert (made.part, made.parts, made.more) == (1, 1, 2)
