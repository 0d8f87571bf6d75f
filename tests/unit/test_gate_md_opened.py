"""Ways to open the gate wrongly, tried at the gate itself: each has to fail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import (
    Ballot,
    EventType,
    Listed,
    ScanRequested,
    Subject,
    Verdict,
    WaiverScope,
    branch_name,
)
from devsecops_eda.policy.waiving import MAX_WAIVERS
from tests.governed import (
    ARTIFACT,
    HEADER,
    MERGED,
    SIMPLE,
    asking,
    asks,
    event,
    governed,
    grant,
    listed,
    revoke,
    rounds,
    says,
    types,
    vote,
    waiver,
    waiver_id,
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

HOUR = timedelta(hours=1)


def test_a_push_that_is_told_again_does_not_bring_back_an_allow_that_was_taken_back() -> None:
    judge, first = governed(SIMPLE), pushed()
    take(judge, first, commit_told(first), semgrep_told(first))
    # Another job pushes the same commit: at first what was found before holds.
    second = replace(pushed(), source="urn:other", time=NOW + timedelta(seconds=1))
    assert verdicts(take(judge, second)) == [Verdict.ALLOW]
    assert Verdict.DENY in verdicts(take(judge, commit_told(second), semgrep_told(second, "bad")))
    # The job runs again; whoever waits believes the first decision that he hears.
    assert set(verdicts(take(judge, second))) == {Verdict.DENY}


def test_a_vote_that_is_told_again_does_not_bring_back_an_allow_after_a_veto() -> None:
    judge, _, request = asking()
    last = vote(request)
    says(judge, "ada", vote(request))
    assert types(says(judge, "linus", last))[-1] == "decision.made.allow"
    assert types(says(judge, "grace", vote(request, Ballot.REJECT)))[-1] == "decision.made.deny"
    assert "decision.made.allow" not in types(says(judge, "linus", last))


def test_a_question_that_is_told_again_after_the_window_closed_has_no_allow() -> None:
    hours = (
        "  - {id: hours, kind: window, gates: [merge], zone: UTC, open:"
        ' [{days: [sun], from: "09:00", until: "14:00"}]}\n'
    )
    judge, push = governed(SIMPLE + hours), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    question = asks(push.correlationid, "merge")
    assert verdicts(take(judge, question)) == [Verdict.ALLOW]
    late = take(judge, question, now=NOW + 3 * HOUR)
    assert set(verdicts(late)) == {Verdict.DENY}


def test_an_allow_that_nobody_was_sent_is_not_owed_any_more_once_it_was_taken_back() -> None:
    judge, push = governed(SIMPLE), pushed()
    assert verdicts(take(judge, push, commit_told(push), semgrep_told(push))) == [Verdict.ALLOW]
    assert Verdict.ALLOW in verdicts(judge.owed(NOW + HOUR, age=HOUR / 2))
    second = replace(pushed(), source="urn:other", time=NOW + timedelta(seconds=1))
    take(judge, second, commit_told(second), semgrep_told(second, "bad"))
    assert verdicts(judge.owed(NOW + HOUR, age=HOUR / 2)) == [Verdict.DENY]


def test_of_as_many_waivers_as_an_event_names_each_can_be_revoked() -> None:
    names = [f"n{at}" for at in range(MAX_WAIVERS)]
    judge, push = governed(SIMPLE), pushed()
    wishes = [waiver(WaiverScope(fingerprint=f"{name}:0")) for name in names]
    for wish in wishes:
        says(judge, "linus", wish)
        says(judge, "ada", grant(wish, "linus"))
    found = semgrep_told(push, *names)
    assert verdicts(take(judge, push, commit_told(push), found)) == [Verdict.ALLOW]
    last = max(wishes, key=lambda wish: waiver_id(wish, "linus"))
    assert verdicts(says(judge, "linus", revoke(last, "linus"))) == [Verdict.DENY]


def test_who_asks_for_a_decision_without_a_wish_to_deploy_is_not_asked_himself() -> None:
    rule = (
        "  - {id: one, kind: approvals, gates: [deploy], n: 1, groups: [appsec],"
        " exclude: [author, requester], deadline: 4h}\n"
    )
    judge, push = governed(HEADER + MERGED + rule), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    question = asks(push.correlationid, "deploy", environment="prod")
    answer = says(judge, "ada", question)
    for request in rounds(answer):
        answer += says(judge, "ada", vote(request))
    assert Verdict.ALLOW not in verdicts(answer)
    # With the wish of somebody else people are asked, and she is one of them.
    (request,) = rounds(take(judge, wanted()))
    assert types(says(judge, "ada", vote(request)))[-1] == "decision.made.allow"


def test_votes_for_one_environment_do_not_let_it_into_another() -> None:
    judge, wish, request = asking()
    says(judge, "ada", vote(request))
    assert Verdict.ALLOW in verdicts(says(judge, "linus", vote(request)))
    elsewhere = asks(wish.correlationid, "deploy", environment="staging")
    assert Verdict.ALLOW not in verdicts(take(judge, elsewhere))
    asked = take(judge, wanted(environment="staging"))
    assert Verdict.ALLOW not in verdicts(asked)
    (other,) = rounds(asked)
    assert other.approval != request.approval


def test_two_people_whose_events_share_an_id_have_two_votes() -> None:
    judge, _, request = asking()
    first = vote(request)
    says(judge, "ada", first)
    answer = says(judge, "linus", replace(first, source="urn:else"))
    assert types(answer)[-1] == "decision.made.allow"


def test_a_veto_whose_id_somebody_used_before_is_a_veto() -> None:
    judge, _, request = asking()
    veto = vote(request, Ballot.REJECT)
    says(judge, "alan", replace(vote(request), id=veto.id))
    assert types(says(judge, "ada", veto))[-1] == "decision.made.deny"


def test_what_is_said_of_an_artifact_judges_nothing_of_another_repository() -> None:
    theirs = Subject.artifact(ARTIFACT.revision, "acme/other")
    ledger = open_ledger("sqlite://")
    judge = governed(SIMPLE, ledger=ledger, repos=(REPO, "acme/other"))
    take(judge, wanted(theirs, target=None), wanted(ARTIFACT, target=None))
    with ledger.transaction() as records:
        for artifact in (ARTIFACT, theirs):
            # A transaction holds one repository: of another one nothing may be decided in it.
            assert {ask.subject for ask in records.asks.about(artifact)} == {artifact}


def test_outcomes_on_an_artifact_are_listed_to_its_own_repository_alone() -> None:
    other = "acme/other"
    judge = governed(SIMPLE, repos=(REPO, other))
    request = event(EventType.SCAN_REQUESTED, ScanRequested(ARTIFACT, "semgrep"))
    take(judge, request, semgrep_told(request, "secret"))
    wish = wanted(Subject.artifact(ARTIFACT.revision, other), target=None)
    take(judge, wish)
    for repo, flow, number in [(REPO, request.correlationid, 1), (other, wish.correlationid, 0)]:
        made = listed(judge, Listed.OUTCOMES, repo=repo, about=flow)
        assert sum(len(part.outcomes) for part in made) == number


@pytest.mark.parametrize("times", range(5))
def test_a_branch_with_the_name_of_a_ref_does_not_pass_for_the_branch_it_names(times: int) -> None:
    # git allows a branch `refs/heads/main`, that is the ref `refs/heads/refs/heads/main`.
    named = "refs/heads/" * times + "main"
    judge, push = governed(SIMPLE), pushed(target=named)
    answer = take(judge, push, commit_told(push), semgrep_told(push))
    (merged,) = decisions(answer)
    (deployed,) = decisions(take(judge, wanted()))
    # What an allow for main rests on was compared with main.
    assert branch_name(named) == merged.target == "main"
    assert deployed.verdict is Verdict.ALLOW
