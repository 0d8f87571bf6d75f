"""What a transaction did not keep must not be believed by the next one."""

from dataclasses import replace

import pytest

from devsecops_eda import codec
from devsecops_eda.errors import UnavailableError
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import Outcome, Verdict
from devsecops_eda.policy import load_policy
from devsecops_eda.settings import Repository
from tests.judged import (
    BASE,
    CHECKS,
    POLICY,
    REPO,
    NoEvidence,
    commit_told,
    decisions,
    pushed,
    semgrep_told,
    take,
)


def test_findings_are_not_hidden_by_a_clean_outcome_that_was_rolled_back() -> None:
    ledger, store = open_ledger("sqlite://"), NoEvidence()

    def started() -> Gate:
        return Gate(
            ledger=ledger,
            policy=load_policy(POLICY, file="test.yaml", checks=CHECKS),
            checks=CHECKS,
            repositories={REPO: Repository(key=REPO, url="/nowhere")},
            evidence=store,
        )

    judge, base, push = started(), pushed(BASE, target="main"), pushed()
    whole = semgrep_told(base, "old")
    assert isinstance(whole.data, Outcome)
    ref, digest = store.put(codec.outcome_to_evidence(whole.data))
    take(judge, base, replace(whole, dataref=ref, datadigest=digest), push, commit_told(push))

    judge = started()  # nothing is cached any more
    store.away = True
    with pytest.raises(UnavailableError):
        take(judge, semgrep_told(push))  # clean; rolled back, it will come again
    store.away = False
    # Before it comes again: another run of the same slot, which did find something.
    (decision,) = decisions(take(judge, semgrep_told(push, "new", "newer")))
    assert decision.verdict is Verdict.DENY
