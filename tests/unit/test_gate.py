"""The gate on its ledger: what is recorded, decided once, and said again."""

import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from devsecops_eda import codec
from devsecops_eda.errors import (
    InvalidEventError,
    RefusalReason,
)
from devsecops_eda.model import (
    ScanRequested,
    Subject,
    Verdict,
)
from tests.judged import (
    BASE,
    NOW,
    REPO,
    asked,
    commit_told,
    decisions,
    gate,
    pushed,
    semgrep_failed,
    semgrep_told,
    take,
    verdicts,
)


def test_a_push_is_decided_when_its_checks_have_answered() -> None:
    judge, push = gate(), pushed()
    assert take(judge, push, commit_told(push)) == []
    assert verdicts(take(judge, semgrep_told(push))) == [Verdict.ALLOW]


def test_new_findings_are_told_from_old_ones_by_a_scan_of_the_base_that_the_gate_asks_for() -> None:
    judge, push = gate(), pushed()
    said = take(judge, push, commit_told(push), semgrep_told(push, "old", "new"))
    (request,) = [codec.decode(message.body) for message in said]
    assert request.data == ScanRequested(
        Subject.commit(REPO, BASE), "semgrep", "refs/heads/topic", "main", "baseline"
    )
    take(judge, request)
    (decision,) = decisions(take(judge, semgrep_told(request, "old")))
    assert decision.verdict is Verdict.DENY
    blocking = [f.rule for line in decision.requirements for f in line.blocking]
    assert blocking == ["rule-new"]


def test_a_repeat_says_again_what_the_first_said_with_the_same_bytes() -> None:
    judge, push = gate(), pushed()
    last = semgrep_told(push)
    first = take(judge, push, commit_told(push), last)
    assert verdicts(first) == [Verdict.ALLOW]
    assert take(judge, last) == first
    assert take(judge, push) == first


def test_what_was_recorded_first_stands_against_the_same_id_with_other_content() -> None:
    judge, push = gate(), pushed()
    take(judge, push)
    with pytest.raises(InvalidEventError) as caught:
        take(judge, replace(pushed(target="other"), id=push.id, correlationid=push.correlationid))
    assert caught.value.reason is RefusalReason.ID_CONFLICT
    later = replace(push, time=NOW + timedelta(minutes=1))
    assert take(judge, later) == []


@pytest.mark.parametrize(("ahead_s", "taken"), [(300, True), (301, False)])
def test_exactly_five_minutes_ahead_are_taken_and_a_second_more_is_not(
    ahead_s: int, taken: bool
) -> None:
    push = replace(pushed(), time=NOW + timedelta(seconds=ahead_s))
    if taken:
        take(gate(), push)
        return
    with pytest.raises(InvalidEventError) as caught:
        take(gate(), push)
    assert caught.value.reason is RefusalReason.FUTURE_TIME


def test_a_request_is_over_at_the_instant_it_expires() -> None:
    request = replace(asked(str(uuid4())), expirytime=NOW)
    with pytest.raises(InvalidEventError) as caught:
        take(gate(), request)
    assert caught.value.reason is RefusalReason.EXPIRED


def test_every_order_of_a_history_ends_in_the_same_decision() -> None:
    push = pushed()
    base_request = take(gate(), push)  # nothing yet
    assert base_request == []
    history = [push, commit_told(push), semgrep_told(push, "new"), semgrep_failed(push)]
    ends = set()
    for order in itertools.permutations(history):
        judge = gate()
        said = take(judge, *order)
        requests = [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]
        for request in requests[:1]:
            said += take(judge, request, semgrep_told(request))
        ends.add((decisions(said)[-1].verdict, decisions(said)[-1].id))
    assert len(ends) == 1
    assert ends.pop()[0] is Verdict.DENY


def test_after_an_error_a_repeated_push_waits_for_new_outcomes() -> None:
    judge, push = gate(), pushed()
    assert verdicts(take(judge, push, commit_told(push), semgrep_failed(push))) == [Verdict.ERROR]
    assert take(judge, push, now=NOW + timedelta(minutes=1)) == []
    later = NOW + timedelta(minutes=2)
    assert verdicts(take(judge, semgrep_told(push), now=later)) == [Verdict.ALLOW]


def test_after_an_error_the_same_failure_told_again_answers_the_repeated_push() -> None:
    judge, push = gate(), pushed()
    lost = semgrep_failed(push)
    first = take(judge, push, commit_told(push), lost)
    assert take(judge, push, now=NOW + timedelta(minutes=1)) == []
    assert take(judge, lost, now=NOW + timedelta(minutes=2)) == first


def test_silence_becomes_an_error_when_its_time_is_over_and_not_before() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push))
    edge = NOW + timedelta(minutes=30)
    assert judge.tick(edge - timedelta(microseconds=1), owner="me") == ()
    assert verdicts(judge.tick(edge, owner="me")) == [Verdict.ERROR]
    assert judge.tick(edge, owner="me") == ()


def test_only_the_owner_of_the_lease_ticks() -> None:
    judge, push = gate(), pushed()
    take(judge, push, commit_told(push))
    assert judge.tick(NOW, owner="me") == ()
    assert judge.tick(NOW + timedelta(seconds=10), owner="you") == ()
    edge = NOW + timedelta(minutes=30)
    assert verdicts(judge.tick(edge, owner="you")) == [Verdict.ERROR]


def test_what_was_not_published_stays_owed() -> None:
    judge, push = gate(), pushed()
    said = tuple(take(judge, push, commit_told(push), semgrep_told(push)))
    soon = NOW + timedelta(seconds=6)
    assert judge.owed(soon, age=timedelta(seconds=5)) == said
    judge.published(said, soon)
    assert judge.owed(soon, age=timedelta(seconds=5)) == ()
    assert take(judge, push) == list(said)
    assert judge.owed(soon, age=timedelta(seconds=5)) == said
