"""Deployments at the gate: one gate waits for another, artifacts for what they were built from."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Ballot, Severity, Subject, Verdict
from tests.governed import (
    ARTIFACT,
    COMMIT,
    HEADER,
    MERGED,
    SIMPLE,
    SOON,
    VOTES,
    asks,
    built,
    governed,
    grant,
    revoke,
    rounds,
    says,
    types,
    vote,
    waiver,
    wanted,
)
from tests.judged import (
    NOW,
    REPO,
    commit_told,
    decisions,
    pushed,
    semgrep_failed,
    semgrep_told,
    take,
    verdicts,
)

BUILT = HEADER + MERGED.replace("gate: merge", "gate: merge, of: built_from")
WINDOWED = SIMPLE + (
    "  - {id: hours, kind: window, gates: [deploy], zone: UTC, open:"
    ' [{days: [sun], from: "09:00", until: "14:00"}]}\n'
)
CLOSED = NOW + timedelta(hours=2)
"""NOW is a Sunday noon."""


def test_a_deployment_is_answered_in_its_own_flow() -> None:
    judge, push, wish = governed(SIMPLE), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_told(push))
    (message,) = take(judge, wish)
    assert message.flow == wish.correlationid
    (decision,) = decisions([message])
    assert (decision.gate, decision.verdict, decision.environment) == (
        "deploy",
        Verdict.ALLOW,
        "prod",
    )
    assert take(judge, wish) == [message]


def test_what_waits_for_another_gate_is_decided_with_it_and_published_together() -> None:
    judge, push, wish = governed(SIMPLE), pushed(), wanted()
    assert take(judge, wish, push, commit_told(push)) == []
    said = take(judge, semgrep_told(push))
    assert types(said) == ["decision.made.allow"] * 2
    assert [one.gate for one in decisions(said)] == ["merge", "deploy"]


def test_a_waiver_at_one_gate_opens_the_next_and_its_end_closes_both() -> None:
    judge, push, wish, request = governed(SIMPLE), pushed(), wanted(), waiver()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    assert verdicts(take(judge, wish)) == [Verdict.DENY]
    says(judge, "linus", request)
    given = says(judge, "ada", grant(request, "linus"))
    assert verdicts(given) == [Verdict.ALLOW] * 2
    assert verdicts(says(judge, "linus", revoke(request, "linus"))) == [Verdict.DENY] * 2


def test_while_the_other_gate_judges_anew_its_old_answer_lets_nobody_through() -> None:
    judge, push, wish = governed(SIMPLE), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_failed(push))
    assert verdicts(take(judge, wish)) == [Verdict.ERROR]
    assert take(judge, push, now=SOON) == []  # told again after the error: awaited
    question = asks(wish.correlationid, "deploy", environment="prod")
    assert verdicts(take(judge, question, now=SOON)) == [Verdict.PENDING]
    assert verdicts(take(judge, semgrep_told(push), now=SOON)) == [Verdict.ALLOW] * 2


def test_an_allow_for_another_branch_does_not_count() -> None:
    judge, push = governed(SIMPLE), pushed(target="topic")
    take(judge, push, commit_told(push, merge_base=None), semgrep_told(push))
    said = take(judge, wanted(), now=NOW)
    said += judge.tick(NOW + timedelta(minutes=31), owner="me")
    assert Verdict.ALLOW not in [one.verdict for one in decisions(said) if one.gate == "deploy"]


def test_an_artifact_goes_where_the_commit_it_was_built_from_may() -> None:
    judge, push, wish = governed(BUILT), pushed(), wanted(ARTIFACT, target=None)
    take(judge, push, commit_told(push), semgrep_told(push))
    take(judge, wish)
    (decision,) = decisions(says(judge, "builder", built()))
    assert (decision.subject, decision.verdict) == (ARTIFACT, Verdict.ALLOW)


def test_news_about_the_commit_are_news_about_the_artifact() -> None:
    judge, push, wish = governed(BUILT), pushed(), wanted(ARTIFACT, target=None)
    says(judge, "builder", built())
    take(judge, push, commit_told(push), wish)
    said = take(judge, semgrep_told(push, "bad"))
    assert [(one.gate, one.verdict) for one in decisions(said)] == [
        ("merge", Verdict.DENY),
        ("deploy", Verdict.DENY),
    ]


def test_an_artifact_that_is_said_to_come_from_two_commits_needs_both() -> None:
    judge, push, wish = governed(BUILT), pushed(), wanted(ARTIFACT, target=None)
    take(judge, push, commit_told(push), semgrep_told(push), wish)
    other = pushed("d" * 40)
    take(judge, other, commit_told(other), semgrep_told(other, "bad"))
    assert verdicts(says(judge, "builder", built())) == [Verdict.ALLOW]
    both = built(commit=Subject.commit(REPO, "d" * 40))
    assert verdicts(says(judge, "builder", both)) == [Verdict.DENY]


def test_an_artifact_of_unknown_origin_is_an_error() -> None:
    judge = governed(BUILT)
    wish = wanted(ARTIFACT, target=None)
    said = take(judge, wish) + list(judge.tick(NOW + timedelta(minutes=31), owner="me"))
    assert verdicts(said)[-1:] == [Verdict.ERROR]


def test_the_same_digest_in_another_repository_is_another_artifact() -> None:
    judge, push = governed(BUILT, repos=(REPO, "acme/other")), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    says(judge, "builder", built())
    foreign = wanted(Subject.artifact(ARTIFACT.revision, "acme/other"), target=None)
    said = take(judge, foreign) + list(judge.tick(NOW + timedelta(minutes=31), owner="me"))
    assert Verdict.ALLOW not in verdicts(said)


def test_who_wrote_the_commit_does_not_vote_for_the_artifact() -> None:
    judge, push = governed(BUILT + VOTES), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    says(judge, "builder", built())
    (request,) = rounds(take(judge, wanted(ARTIFACT, target=None)))
    assert [one.person for one in request.excluded] == ["alan"]


def test_a_flow_that_is_about_something_else_takes_no_deployment() -> None:
    judge, push = governed(SIMPLE), pushed()
    take(judge, push)
    for wish in (wanted(Subject.commit(REPO, "d" * 40)), wanted(target="other")):
        with pytest.raises(InvalidEventError) as caught:
            take(judge, replace(wish, correlationid=push.correlationid))
        assert caught.value.reason is RefusalReason.ID_CONFLICT


def test_an_expired_wish_asks_nobody() -> None:
    wish = replace(wanted(), expirytime=NOW)
    with pytest.raises(InvalidEventError) as caught:
        take(governed(SIMPLE), wish)
    assert caught.value.reason is RefusalReason.EXPIRED


def test_whoever_asks_after_the_window_closed_is_told_that_it_is() -> None:
    judge, push, wish = governed(WINDOWED), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_told(push))
    assert verdicts(take(judge, wish)) == [Verdict.ALLOW]
    question = asks(wish.correlationid, "deploy", environment="prod")
    assert verdicts(take(judge, question, now=CLOSED)) == [Verdict.DENY]
    # Who tells the wish again is not told the allow of before the window closed.
    assert verdicts(take(judge, wish, now=CLOSED)) == [Verdict.DENY]
    # And in the next window it is open again.
    again = asks(wish.correlationid, "deploy", environment="prod")
    assert verdicts(take(judge, again, now=NOW + timedelta(days=7))) == [Verdict.ALLOW]


def test_a_window_that_closes_is_no_news_for_flows_that_nobody_asks_about() -> None:
    judge, push, wish = governed(WINDOWED), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_told(push), wish)
    assert judge.tick(CLOSED, owner="me") == ()
    assert judge.tick(CLOSED + timedelta(days=1), owner="me") == ()
    # Nor when something else makes the gate look again.
    minor = semgrep_told(push, "minor", severity=Severity.LOW)
    said = take(judge, minor, now=CLOSED + timedelta(days=1))
    assert [one.gate for one in decisions(said)] == ["merge"]


def test_a_window_that_closes_over_a_flow_that_waits_is_news() -> None:
    judge, push, wish = governed(WINDOWED + VOTES), pushed(), wanted()
    take(judge, push, commit_told(push), semgrep_told(push), wish)
    assert judge.tick(CLOSED - timedelta(microseconds=1), owner="me") == ()
    assert "decision.made.deny" in types(judge.tick(CLOSED, owner="me"))


def test_the_commit_that_is_deployed_is_the_one_that_was_let_in() -> None:
    judge, push = governed(SIMPLE), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    other = Subject.commit(REPO, "d" * 40)
    assert other != COMMIT
    said = take(judge, wanted(other)) + list(judge.tick(NOW + timedelta(minutes=31), owner="me"))
    about_other = [one.verdict for one in decisions(said) if one.subject == other]
    assert about_other == [Verdict.ERROR]


def test_votes_void_while_a_window_is_closed_are_no_news_either() -> None:
    judge, push, wish = governed(WINDOWED + VOTES), pushed(), wanted()
    (request,) = rounds(take(judge, push, commit_told(push), semgrep_told(push), wish))
    says(judge, "ada", vote(request))
    assert verdicts(says(judge, "linus", vote(request))) == [Verdict.ALLOW]
    minor = semgrep_told(push, "minor", severity=Severity.LOW)
    said = take(judge, minor, now=CLOSED)
    assert [one.gate for one in decisions(said)] == ["merge"]
    # A veto is: it is said at once, whatever the hour.
    veto = vote(request, Ballot.REJECT)
    assert "decision.made.deny" in types(says(judge, "grace", veto, now=CLOSED))


def test_people_are_asked_in_the_flow_that_wants_them_asked() -> None:
    judge, push = governed(SIMPLE + VOTES), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    for number in range(3):
        wish = wanted()
        answer = take(judge, wish, now=NOW + timedelta(minutes=number))
        asked = [one for one in answer if one.key.startswith("approval.requested")]
        assert [one.flow for one in asked] == [wish.correlationid]


def test_who_asks_one_gate_is_not_put_off_with_the_answer_of_another() -> None:
    judge, push = governed(SIMPLE), pushed()
    wish = replace(wanted(), correlationid=push.correlationid)
    take(judge, push, commit_told(push), semgrep_told(push, "bad"), wish)
    # The scan is told again after the first answer was an error: merge waits, and so does deploy.
    broken = pushed("d" * 40)
    both = replace(wanted(Subject.commit(REPO, "d" * 40)), correlationid=broken.correlationid)
    take(judge, broken, commit_told(broken), semgrep_failed(broken), both)
    take(judge, broken, now=SOON)
    answer = take(judge, asks(broken.correlationid, "merge"), now=SOON)
    assert ("merge", Verdict.PENDING) in [(one.gate, one.verdict) for one in decisions(answer)]
