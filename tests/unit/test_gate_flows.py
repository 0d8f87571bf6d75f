"""A flow is about one subject and one target, and whoever tells it is answered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devsecops_eda.client.waiting import Question
from devsecops_eda.codec import decode
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import Event
from tests.judged import (
    NOW,
    REPO,
    commit_told,
    gate,
    pushed,
    semgrep_told,
    take,
    verdicts,
)


def test_a_push_is_not_answered_by_a_decision_about_another_target() -> None:
    judge, push = gate(), pushed()
    squatter = replace(pushed(target="evil"), correlationid=push.correlationid)
    said = take(judge, squatter, commit_told(squatter, merge_base=None), semgrep_told(squatter))
    (about_evil,) = [decode(message.body) for message in said]
    question = Question(REPO, push.correlationid, "merge", push.subject, target="main")
    assert question.answered_by(about_evil) is None


@pytest.mark.parametrize("second", [pushed("d" * 40), pushed(target="evil")])
def test_a_flow_that_is_about_something_else_is_refused(second: Event) -> None:
    judge, push = gate(), pushed()
    first = take(judge, push, commit_told(push), semgrep_told(push))
    with pytest.raises(InvalidEventError) as caught:
        take(judge, replace(second, correlationid=push.correlationid))
    assert caught.value.reason is RefusalReason.ID_CONFLICT
    assert take(judge, push) == first


def test_the_same_push_told_by_another_user_is_answered() -> None:
    judge, push = gate(), pushed()
    first = take(judge, push, commit_told(push), semgrep_told(push))
    again = list(judge.take(push, user="another", now=NOW + timedelta(minutes=1)))
    assert verdicts(again) == verdicts(first)
