"""Who may say what is judged: the identity of a cause, and whose outcome an outcome is."""

from dataclasses import replace
from uuid import uuid4

from devsecops_eda import codec
from devsecops_eda.model import CommitPushed, Outcome, Verdict
from tests.judged import (
    NoEvidence,
    commit_told,
    decisions,
    gate,
    outcome,
    pushed,
    semgrep_failed,
    semgrep_told,
    take,
    told,
    verdicts,
)

EVIL = "e" * 40


def test_a_push_with_a_borrowed_id_does_not_lend_its_merge_base_to_another_target() -> None:
    judge, push = gate(), pushed()
    assert isinstance(push.data, CommitPushed)
    # Another source is another identity, so there is no conflict; outcomes name the id alone.
    borrowed = replace(
        push,
        source="urn:ci:other",
        correlationid=str(uuid4()),
        data=replace(push.data, target="evil"),
    )
    evil = commit_told(borrowed, merge_base=EVIL)
    assert isinstance(evil.data, Outcome)
    assert evil.data.commit
    evil = replace(evil, data=replace(evil.data, commit=replace(evil.data.commit, target="evil")))
    take(judge, borrowed, evil)
    said = take(judge, push, commit_told(push), semgrep_told(push, "new"))
    for request in [codec.decode(m.body) for m in said if m.key.startswith("scan.requested")]:
        said += take(judge, request, semgrep_told(request, "new"))
    bases = {(d.target, d.merge_base) for d in decisions(said)}
    assert ("main", EVIL) not in bases


def test_evidence_does_not_speak_for_another_check_than_the_event_does() -> None:
    store = NoEvidence()
    judge, push = gate(evidence=store), pushed()
    take(judge, push, commit_told(push), semgrep_failed(push))
    forged = outcome("semgrep", push)  # clean
    ref, digest = store.put(codec.outcome_to_evidence(forged))
    # The door compared key and user with what the event says: the worker of `commit`.
    event = replace(told(outcome("commit", push), push), dataref=ref, datadigest=digest)
    assert Verdict.ALLOW not in verdicts(take(judge, event))
