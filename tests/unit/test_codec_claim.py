"""What does not fit into a message is cut to a summary and kept whole as evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.codec import (
    CLAIM_BYTES,
    MAX_BODY_BYTES,
    content_digest,
    decode,
    encode,
    fits_inline,
    fitted,
    key_of,
    outcome_from_evidence,
    outcome_to_evidence,
)
from devsecops_eda.codec.claim import summary
from devsecops_eda.codec.fitting import MAX_INLINE_IDS, MAX_INLINE_STEPS
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.model import (
    MAX_INLINE_FINDINGS,
    ApprovalListed,
    ApprovalRequested,
    Decision,
    Event,
    Listed,
    ListingMade,
    Outcome,
    OutcomeListed,
    OutcomeStatus,
    Severity,
    Signature,
    Step,
    StepKind,
)
from tests import strategies
from tests.examples import golden

SCAN = golden("scan.completed", "semgrep_findings")
DECISION = golden("decision.made", "deny")
ASKED = golden("approval.requested", "first_round")
assert isinstance(ASKED.data, ApprovalRequested)
ROUND = ASKED.data
DIGEST = "sha256:" + "0" * 64


def scan_with(change: Callable[[Outcome], Outcome], *, claim: bool = False) -> Event:
    assert isinstance(SCAN.data, Outcome)
    event = replace(SCAN, data=change(SCAN.data))
    return replace(event, dataref="file:///evidence/0", datadigest=DIGEST) if claim else event


def with_findings(number: int, message: str = "x") -> Callable[[Outcome], Outcome]:
    def change(outcome: Outcome) -> Outcome:
        one = outcome.findings[0]
        made = tuple(
            replace(
                one, line=at, message=message, fingerprint=f"f:{at}", severity=Severity(at % 6 + 1)
            )
            for at in range(number)
        )
        return replace(outcome, findings=made)

    return change


@given(outcome=st.one_of([strategies.outcomes(status) for status in OutcomeStatus]))
def test_evidence_holds_the_whole_outcome(outcome: Outcome) -> None:
    assert outcome_from_evidence(outcome_to_evidence(outcome)) == outcome


@pytest.mark.parametrize("length", [1, 4096])
def test_a_summary_has_the_digest_of_the_event_it_was_cut_from(length: int) -> None:
    event = scan_with(with_findings(400, "é" * length), claim=True)
    body = encode(event)
    assert content_digest(body) == content_digest(event) == content_digest(decode(body))
    other = replace(event, datadigest="sha256:" + "1" * 64)
    assert content_digest(other) != content_digest(event)


@pytest.mark.parametrize(
    ("number", "length", "reason"),
    [(300, 500, RefusalReason.TOO_LARGE), (260, 1, RefusalReason.TOO_MANY_ITEMS)],
)
def test_too_many_findings_for_one_message_need_a_claim_check(
    number: int, length: int, reason: RefusalReason
) -> None:
    event = scan_with(with_findings(number, "x" * length))
    with pytest.raises(InvalidEventError) as refused:
        encode(event)
    assert refused.value.reason is reason
    assert isinstance(event.data, Outcome)
    assert not fits_inline(event.data)
    small = scan_with(with_findings(40)).data
    assert isinstance(small, Outcome)
    assert fits_inline(small)
    assert CLAIM_BYTES < MAX_BODY_BYTES


def test_a_summary_keeps_the_worst_findings_and_counts_them_all() -> None:
    event = scan_with(with_findings(600), claim=True)
    body = encode(event)
    told = decode(body).data
    assert isinstance(told, Outcome)
    assert isinstance(event.data, Outcome)
    assert len(told.findings) == MAX_INLINE_FINDINGS
    assert {finding.severity for finding in told.findings} == {Severity.UNKNOWN}
    assert json.loads(body)["data"]["counts"] == event.data.counts()
    assert json.loads(body)["data"]["meaningdigest"] == event.data.meaning_digest()
    assert key_of(decode(body)) == key_of(event)


@pytest.mark.parametrize("length", [4096, 100])
def test_an_event_with_a_claim_check_always_fits(length: int) -> None:
    def everything(outcome: Outcome) -> Outcome:
        facts = golden("scan.completed", "commit_facts").data
        assert isinstance(facts, Outcome)
        assert facts.commit is not None
        files = facts.commit.changed_files * 5_000
        people = (Signature("n" * 1000, "e" * 1000),) * 500
        commit = replace(
            facts.commit, changed_files=files, committers=people, target_history=("0" * 40,) * 900
        )
        gaps = tuple(replace(outcome.coverage.gaps[0], path="p" * length) for _ in range(900))
        coverage = replace(outcome.coverage, scanned=outcome.coverage.eligible, gaps=gaps)
        return replace(with_findings(900, "é" * length)(outcome), commit=commit, coverage=coverage)

    event = scan_with(everything, claim=True)
    body = encode(event)
    assert len(body) <= MAX_BODY_BYTES
    told = decode(body).data
    assert isinstance(told, Outcome)
    assert told.findings
    assert not told.coverage.complete
    assert isinstance(event.data, Outcome)
    assert outcome_from_evidence(outcome_to_evidence(event.data)) == event.data


def test_the_shortest_summary_still_says_that_something_was_missed() -> None:
    assert isinstance(SCAN.data, Outcome)
    seen = replace(SCAN.data.coverage, scanned=SCAN.data.coverage.eligible)
    assert not seen.complete
    assert not summary(replace(SCAN.data, coverage=seen), length=0).coverage.complete


def test_a_decision_tells_at_most_fifty_blocking_findings_and_counts_the_others() -> None:
    assert isinstance(DECISION.data, Decision)
    line = DECISION.data.requirements[0]
    one = line.blocking[0]
    mild = replace(line, id="mild", blocking=(replace(one, severity=Severity.LOW),) * 30)
    grave = replace(line, id="grave", blocking=(replace(one, severity=Severity.CRITICAL),) * 40)
    data = replace(DECISION.data, requirements=(mild, grave), blocking_total=70)
    told = decode(encode(replace(DECISION, data=data))).data
    assert isinstance(told, Decision)
    assert [len(each.blocking) for each in told.requirements] == [10, 40]
    assert told.blocking_total == 70


def test_a_decision_with_long_findings_tells_fewer_of_them() -> None:
    assert isinstance(DECISION.data, Decision)
    line = DECISION.data.requirements[0]
    long = replace(line.blocking[0], message="m" * 4000, help="h" * 8000)
    data = replace(DECISION.data, requirements=(replace(line, blocking=(long,) * 50),))
    told = decode(encode(replace(DECISION, data=data))).data
    assert isinstance(told, Decision)
    assert told.requirements[0].blocking == (long,) * 10
    assert told.blocking_total == 50


def test_a_decision_names_no_more_outcomes_waivers_and_steps_than_its_schema_takes() -> None:
    assert isinstance(DECISION.data, Decision)
    ids = tuple(f"id-{at}" for at in range(300))
    line = replace(DECISION.data.requirements[0], evidence=ids, waivers=ids)
    way = (Step(StepKind.FIX, ("semgrep-new",), "Mend it."),) * 100
    data = replace(DECISION.data, requirements=(line,), way=way)
    told = decode(encode(replace(DECISION, data=data))).data
    assert isinstance(told, Decision)
    assert told.requirements[0].evidence == told.requirements[0].waivers == ids[:MAX_INLINE_IDS]
    assert told.way == way[:MAX_INLINE_STEPS]


def test_people_are_shown_the_worst_of_what_blocks() -> None:
    assert isinstance(DECISION.data, Decision)
    line = DECISION.data.requirements[0]
    mild = replace(line.blocking[0], severity=Severity.LOW)
    request = replace(ROUND, requirements=(replace(line, blocking=(mild,) * 60 + line.blocking),))
    told = decode(encode(replace(ASKED, data=request))).data
    assert isinstance(told, ApprovalRequested)
    blocking = told.requirements[0].blocking
    assert blocking == (mild,) * 49 + line.blocking


def listing(**entries: tuple[object, ...]) -> Event:
    event = golden("listing.made", "approvals")
    data = ListingMade(Listed.APPROVALS)
    return replace(event, data=replace(data, **entries))  # type: ignore[arg-type]


def test_one_entry_of_a_listing_always_fits_and_several_are_left_to_who_parts_them() -> None:
    assert isinstance(DECISION.data, Decision)
    line = DECISION.data.requirements[0]
    long = replace(line.blocking[0], message="m" * 4000, help="h" * 8000)
    request = replace(ROUND, requirements=(replace(line, blocking=(long,) * 50),))
    one = ApprovalListed(request, ASKED.correlationid, ASKED.time)
    told = decode(encode(listing(approvals=(one,)))).data
    assert isinstance(told, ListingMade)
    assert told.approvals[0].request.requirements[0].blocking == (long,) * 10
    with pytest.raises(InvalidEventError) as refused:
        encode(listing(approvals=(one, one)))
    assert refused.value.reason is RefusalReason.TOO_LARGE


def test_a_listed_outcome_is_whole_unless_it_has_a_claim_check() -> None:
    few = scan_with(with_findings(60)).data
    many = scan_with(with_findings(900, "x" * 4096)).data
    assert isinstance(few, Outcome)
    assert isinstance(many, Outcome)
    whole = OutcomeListed("e", few)
    assert decode(encode(listing(outcomes=(whole,)))).data == listing(outcomes=(whole,)).data
    claimed = OutcomeListed("e", many, dataref="file:///evidence/0", datadigest=DIGEST)
    told = decode(encode(listing(outcomes=(claimed,)))).data
    assert isinstance(told, ListingMade)
    assert 0 < len(told.outcomes[0].outcome.findings) < 900


def test_a_scanner_may_say_what_it_likes_once_it_is_fitted() -> None:
    def wild(outcome: Outcome) -> Outcome:
        one = replace(
            outcome.findings[0],
            path="caf\udce9.py",
            message="m" * 100_000,
            title="a\0b",
            cwe=("CWE-1",) * 99,
        )
        gap = replace(outcome.coverage.gaps[0], path="x\ud800")
        coverage = replace(outcome.coverage, gaps=(gap,))
        return replace(outcome, findings=(one, *outcome.findings[1:]), coverage=coverage)

    event = scan_with(wild)
    assert isinstance(event.data, Outcome)
    mended = fitted(event.data)
    assert decode(encode(replace(event, data=mended))).data == mended
    first = mended.findings[0]
    assert (first.path, first.title) == ("caf\ufffd.py", "a\ufffdb")
    assert len(first.message) == 4096
    assert first.message.endswith("…")
    assert len(first.cwe) == 32
    assert mended.findings[1:] == event.data.findings[1:]


@given(outcome=st.one_of([strategies.outcomes(status) for status in OutcomeStatus]))
def test_what_fits_is_left_as_it_is(outcome: Outcome) -> None:
    assert fitted(outcome) == outcome


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"status":"failed"}', b"\xff", b"[" * 99_999, b'{"status":[1]}']
)
def test_evidence_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEventError):
        outcome_from_evidence(body)


def test_evidence_of_a_claim_has_the_digest_that_names_it() -> None:
    event = scan_with(with_findings(600), claim=True)
    assert isinstance(event.data, Outcome)
    first = hashlib.sha256(outcome_to_evidence(event.data)).hexdigest()
    assert hashlib.sha256(outcome_to_evidence(event.data)).hexdigest() == first
