"""The gate and those who ask it: flows, other gates, rescans, lost evidence."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from devsecops_eda import codec
from devsecops_eda.errors import (
    UnavailableError,
)
from devsecops_eda.model import (
    Event,
    EventType,
    Outcome,
    ScanRequested,
    Subject,
    Verdict,
)
from tests.judged import (
    BASE,
    HEAD,
    NOW,
    REPO,
    NoEvidence,
    asked,
    commit_told,
    decisions,
    gate,
    pushed,
    semgrep_told,
    take,
    verdicts,
)


def test_who_asks_is_told_pending_and_later_the_decision() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    assert verdicts(take(judge, asked(push.correlationid))) == [Verdict.PENDING]
    said = take(judge, commit_told(push), semgrep_told(push))
    assert verdicts(said) == [Verdict.ALLOW]
    assert take(judge, asked(push.correlationid)) == said


def test_another_gate_answers_the_flow_that_asks_it() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "old"))
    (decision,) = decisions(take(judge, asked(push.correlationid, "release")))
    assert (decision.gate, decision.verdict) == ("release", Verdict.DENY)


def test_an_unknown_gate_is_an_error() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    (decision,) = decisions(take(judge, asked(push.correlationid, "mergee")))
    assert decision.verdict is Verdict.ERROR


def test_an_unknown_repository_is_an_error_at_once() -> None:
    assert verdicts(take(gate(repos=()), pushed())) == [Verdict.ERROR]


def test_nobody_is_told_about_a_flow_of_another_repository() -> None:
    judge, push = gate(repos=(REPO, "acme/other")), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    assert take(judge, asked(push.correlationid, repo="acme/other")) == []


def test_nobody_takes_a_flow_by_naming_it_first() -> None:
    judge, push = gate(repos=(REPO, "acme/other")), pushed()
    squatter = replace(pushed("d" * 40, repo="acme/other"), correlationid=push.correlationid)
    take(judge, squatter)
    (decision,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    assert (decision.verdict, str(decision.subject)) == (Verdict.ALLOW, f"{REPO}@{HEAD}")


def test_a_rescan_under_new_rules_gives_a_new_decision_that_names_the_old_one() -> None:
    judge, push = gate(), pushed()
    (first,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    rescan = rescan_of()
    later = NOW + timedelta(minutes=2)
    said = take(judge, rescan, semgrep_told(rescan, "new", rules="2"), now=later)
    (request,) = [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]
    (second,) = decisions(take(judge, request, semgrep_told(request, rules="2"), now=later))
    assert (second.verdict, second.supersedes) == (Verdict.DENY, first.id)


def test_an_outcome_whose_cause_was_never_seen_is_not_believed() -> None:
    judge, push = gate(), pushed()
    foreign = replace(semgrep_told(push), causationid="unheard-of")
    assert isinstance(foreign.data, Outcome)
    foreign = replace(foreign, data=replace(foreign.data, cause="unheard-of"))
    assert take(judge, push, commit_told(push), foreign) == []


def test_without_its_evidence_an_outcome_waits_or_is_no_verdict() -> None:
    store = NoEvidence()
    judge, push = gate(evidence=store), pushed()
    take(judge, push, commit_told(push))
    claimed = replace(semgrep_told(push), dataref="file:///x", datadigest="sha256:" + "e" * 64)
    store.away = True
    with pytest.raises(UnavailableError):
        take(judge, claimed)
    store.away = False
    assert verdicts(take(judge, claimed)) == [Verdict.ERROR]


def rescan_of(sha: str = HEAD) -> Event:
    subject = Subject.commit(REPO, sha)
    return Event(
        str(uuid4()),
        "urn:operator",
        EventType.SCAN_REQUESTED,
        str(subject),
        NOW + timedelta(minutes=1),
        str(uuid4()),
        ScanRequested(subject, "semgrep"),
    )


def test_a_rescan_that_stays_silent_ends_an_allow_when_its_time_is_over() -> None:
    judge, push = gate(), pushed()
    (allowed,) = decisions(take(judge, push, commit_told(push), semgrep_told(push)))
    asked_at = NOW + timedelta(minutes=1)
    assert take(judge, rescan_of(), now=asked_at) == []
    edge = asked_at + timedelta(minutes=30)
    assert judge.tick(edge - timedelta(seconds=1), owner="me") == ()
    # The old answer holds no longer, and the new one is late by now.
    (after,) = decisions(judge.tick(edge, owner="me"))
    assert (after.verdict, after.supersedes) == (Verdict.ERROR, allowed.id)
    assert judge.tick(edge + timedelta(hours=1), owner="me") == ()


def test_an_answered_rescan_leaves_no_clock_running() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    rescan = rescan_of()
    asked_at = NOW + timedelta(minutes=1)
    take(judge, rescan, semgrep_told(rescan), now=asked_at)
    assert judge.tick(asked_at + timedelta(days=1), owner="me") == ()


def on_its_branch(push: Event) -> Event:
    """What git says of a push to the target itself: BASE came before it there."""
    event = commit_told(push, merge_base=HEAD)
    assert isinstance(event.data, Outcome)
    assert event.data.commit is not None
    commit = replace(event.data.commit, target="topic", target_history=(HEAD, BASE))
    return replace(event, data=replace(event.data, commit=commit))


def test_what_comes_in_by_one_push_to_the_target_is_new_all_of_it() -> None:
    judge = gate()
    push = pushed(target="topic")  # its own branch
    said = take(judge, push, on_its_branch(push), semgrep_told(push, "evil"))
    assert verdicts(said) == [Verdict.DENY]


def test_the_next_push_to_the_target_is_compared_with_the_last_that_was_judged() -> None:
    judge = gate()
    first = pushed(BASE, target="topic")
    take(judge, first, commit_told(first, merge_base=None), semgrep_told(first, "old"))
    push = pushed(target="topic")
    said = take(judge, push, on_its_branch(push), semgrep_told(push, "old"))
    assert verdicts(said) == [Verdict.ALLOW]
