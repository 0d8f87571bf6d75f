"""One person with two names at the broker is one person, and one repository is no other."""

from dataclasses import replace

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import (
    Listed,
    OverrideTold,
    People,
    Person,
    Subject,
    Verdict,
    WaiverScope,
    WaiverState,
)
from tests.governed import (
    HEADER,
    MERGED,
    PEOPLE,
    SIMPLE,
    SOON,
    VOTES,
    asking,
    governed,
    grant,
    listed,
    overriding,
    reviewed,
    rounds,
    said,
    says,
    types,
    vote,
    votes,
    waiver,
    wanted,
)
from tests.judged import REPO, commit_told, decisions, pushed, semgrep_told, take, verdicts

TWO_NAMES = People(
    persons=(
        *(one for one in PEOPLE.persons if one.name != "margaret"),
        Person("margaret", users=("margaret", "margaret-ops")),
    ),
    groups=PEOPLE.groups,
)


def test_who_asked_for_a_waiver_under_one_name_does_not_grant_it_under_another() -> None:
    judge, push, wish = governed(SIMPLE), pushed(), waiver()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    says(judge, "grace-ops", wish)
    assert verdicts(says(judge, "grace", grant(wish, "grace-ops"))) == []
    (part,) = listed(judge, Listed.WAIVERS)
    (one,) = part.waivers
    assert one.state is WaiverState.REQUESTED
    assert "that takes two" in one.message
    # Another one of the group still can.
    assert verdicts(says(judge, "ada", grant(wish, "grace-ops"))) == [Verdict.ALLOW]


def test_who_requests_a_deployment_under_one_name_does_not_vote_under_another() -> None:
    judge, push = governed(HEADER + MERGED + VOTES), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    (request,) = rounds(says(judge, "grace-ops", wanted()))
    assert request.eligible == ("ada", "linus")
    says(judge, "grace", vote(request))
    assert [one.reason for one in votes(judge, request)] == ["grace is requester of the deployment"]


def test_who_was_excluded_stays_so_when_somebody_else_requests_the_same() -> None:
    judge, _, first = asking(requester="ada@example.org")
    (second,) = rounds(take(judge, wanted(), now=SOON))
    assert second.approval != first.approval
    says(judge, "ada", vote(second), now=SOON)
    says(judge, "linus", vote(second), now=SOON)
    counted = {one.person: one.counted for one in votes(judge, second)}
    assert counted == {"ada": False, "linus": True}


def test_votes_of_one_round_count_in_no_other() -> None:
    judge, _, first = asking()
    says(judge, "ada", vote(first))
    (second,) = rounds(take(judge, wanted(), now=SOON))
    assert types(says(judge, "linus", vote(second), now=SOON)) == []
    assert "decision.made.allow" not in types(says(judge, "linus", vote(first), now=SOON))
    assert types(says(judge, "ada", vote(second), now=SOON))[-1] == "decision.made.allow"


def test_who_broke_the_glass_does_not_review_it_under_another_name() -> None:
    judge, push = governed(SIMPLE, people=TWO_NAMES), pushed()
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push, "bad")))
    (answer,) = said(says(judge, "margaret", overriding(decision.id)))
    assert isinstance(answer.data, OverrideTold)
    says(judge, "margaret-ops", reviewed(answer.data.override))
    (part,) = listed(judge, Listed.OVERRIDES)
    assert [one.reviewer for one in part.overrides] == [""]


@pytest.mark.parametrize(
    "scope",
    [
        WaiverScope(fingerprint="bad:0"),
        WaiverScope(requirement="code", subject=Subject.commit(REPO, "a" * 40)),
    ],
)
def test_a_waiver_of_one_repository_holds_in_no_other(scope: WaiverScope) -> None:
    judge, push = governed(SIMPLE, repos=(REPO, "acme/other")), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    wish = waiver(scope, repo="acme/other")
    says(judge, "linus", wish)
    assert verdicts(says(judge, "ada", grant(wish, "linus", repo="acme/other"))) == []
    again = pushed()
    assert verdicts(take(judge, again)) == [Verdict.DENY]


@pytest.mark.parametrize("what", ["waiver", "override"])
def test_an_id_that_two_senders_come_to_is_refused_and_what_stands_stays(what: str) -> None:
    judge, push = governed(SIMPLE), pushed()
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push, "bad")))
    first = waiver() if what == "waiver" else overriding(decision.id)
    says(judge, "acme/app", replace(first, source="urn:x"))
    with pytest.raises(InvalidEventError) as caught:
        says(judge, "acme", replace(first, source="app/urn:x"))
    assert caught.value.reason is RefusalReason.ID_CONFLICT
