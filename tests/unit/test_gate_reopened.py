"""A flow told again after an error is awaited once, not again with every repeat of our own."""

from datetime import timedelta

import pytest

from devsecops_eda import codec
from devsecops_eda.errors import FailureReason
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import Event, Failure, OutcomeStatus, Verdict
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository
from tests.judged import (
    NOW,
    POLICY,
    REPO,
    NoEvidence,
    asked,
    commit_told,
    outcome,
    pushed,
    semgrep_told,
    take,
    told,
    verdicts,
)

CHECKS = ("commit", "semgrep", "safety")
RULE = "rules:\n  - {id: dep, kind: scan, gates: [merge], check: safety}\n"


@pytest.fixture
def judge() -> Gate:
    store: Evidence = NoEvidence()
    return Gate(
        ledger=open_ledger("sqlite://"),
        policy=load_policy(POLICY.replace("rules:\n", RULE), file="test.yaml", checks=CHECKS),
        checks=CHECKS,
        repositories={REPO: Repository(key=REPO, url="/nowhere")},
        evidence=store,
    )


def no_data(push: Event) -> Event:
    failure = Failure(FailureReason.NO_DATA, "no database")
    return told(outcome("safety", push, status=OutcomeStatus.FAILED, failure=failure), push)


def test_the_gates_own_request_said_again_does_not_reopen_what_was_answered(judge: Gate) -> None:
    push, later = pushed(), NOW + timedelta(minutes=1)
    said = take(judge, push, commit_told(push), no_data(push), semgrep_told(push, "x"))
    (base,) = [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]
    assert verdicts(take(judge, base, semgrep_told(base, "x"))) == [Verdict.ERROR]
    assert take(judge, push, now=later) == []
    assert verdicts(take(judge, no_data(push), now=later)) == [Verdict.ERROR]
    after = later + timedelta(minutes=1)  # semgrep is slower, and its base is asked for again
    take(judge, semgrep_told(push, "x"), base, now=after)
    assert verdicts(take(judge, asked(push.correlationid), now=after)) == [Verdict.ERROR]
