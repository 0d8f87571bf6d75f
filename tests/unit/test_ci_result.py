"""What a decision rests on: gathered from what was heard and listed, and honest about the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from devsecops_eda import codec
from devsecops_eda.cli.ci_result import JobResult, gathered
from devsecops_eda.client import flow_of_push
from devsecops_eda.errors import EvidenceMissingError, UnavailableError
from devsecops_eda.model import (
    Decision,
    Event,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    Outcome,
    OutcomeListed,
    RequirementState,
    Subject,
    Verdict,
)
from tests.results import FAILED, INJECTION, NOW, SAFETY, SEMGREP, WAIVER, decision, requirement

FLOW = "5f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d10"
BASE = Subject.commit("acme/app", "9" * 40)
BASE_FLOW = flow_of_push("acme/app", ref="main", sha=BASE.revision)


def decided(*evidence: str, waivers: tuple[str, ...] = ()) -> Decision:
    line = requirement(RequirementState.FAILED, evidence=evidence, waivers=waivers)
    return replace(decision(Verdict.DENY, (line,)), merge_base=BASE.revision)


def listed(outcome: Outcome, event: str, digest: str | None = None) -> OutcomeListed:
    return OutcomeListed(event, outcome, "file:///x" if digest else None, digest)


def heard(outcome: Outcome, id_: str) -> Event:
    return Event(
        id=id_,
        source="urn:test",
        type=EventType.SCAN_COMPLETED,
        subject=str(outcome.subject),
        time=NOW,
        correlationid=FLOW,
        data=outcome,
    )


class Memory:
    """Stands for the gate that lists, by flow."""

    def __init__(self, *outcomes: OutcomeListed, base: tuple[OutcomeListed, ...] = ()) -> None:
        self.flows = {FLOW: outcomes, BASE_FLOW: base}
        self.more = 0
        self.asked: list[ListingRequested] = []

    def __call__(self, request: ListingRequested) -> ListingMade:
        self.asked.append(request)
        if request.of is Listed.WAIVERS:
            other = replace(WAIVER, waiver="another")
            return ListingMade(Listed.WAIVERS, waivers=(WAIVER, other))
        outcomes = self.flows[request.about or ""]
        return ListingMade(Listed.OUTCOMES, outcomes=outcomes, more=self.more)


def away(_request: ListingRequested) -> ListingMade:
    raise UnavailableError("the gate did not say")


def nothing(_digest: str) -> bytes:
    raise EvidenceMissingError("it is not there")


def gather(
    judged: Decision,
    listing: Callable[[ListingRequested], ListingMade],
    *events: Event,
    fetch: Callable[[str], bytes] = nothing,
) -> JobResult:
    return gathered(judged, repo="acme/app", flow=FLOW, heard=events, listing=listing, fetch=fetch)


def test_a_job_that_joins_late_gets_every_outcome_from_the_gate() -> None:
    result = gather(decided("e1"), Memory(listed(SEMGREP, "e1"), listed(SAFETY, "e2")))
    assert result.outcomes == (SAFETY, SEMGREP)
    assert result.context.lacks == ()


def test_what_was_heard_is_enough_where_it_is_all_the_decision_rests_on() -> None:
    result = gather(decided("e1"), away, heard(SEMGREP, "e1"))
    assert result.outcomes == (SEMGREP,)
    assert result.context.lacks == ()


def test_an_outcome_that_is_nowhere_makes_the_reports_incomplete() -> None:
    result = gather(decided("e1", "e2"), away, heard(SEMGREP, "e1"))
    (lack,) = result.context.lacks
    assert lack.check == ""
    assert "the gate did not say" in lack.reason


def test_outcomes_that_the_gate_left_out_make_the_reports_incomplete() -> None:
    memory = Memory(listed(SEMGREP, "e1"))
    memory.more = 3
    (lack,) = gather(decided("e1"), memory).context.lacks
    assert "3 of the outcomes" in lack.reason


def test_the_latest_cause_is_in_force_whatever_the_order() -> None:
    older = replace(SEMGREP, cause="b", cause_time=NOW - timedelta(hours=1), findings=())
    tie = replace(SEMGREP, cause="a", findings=())
    slot = (listed(older, "e0"), listed(tie, "e1"), listed(SEMGREP, "e2"))
    for some in permutations(slot):
        assert gather(decided("e2"), Memory(*some)).outcomes == (SEMGREP,)


def test_a_failed_rescan_beats_the_older_clean_result() -> None:
    failed = replace(FAILED, cause_time=NOW + timedelta(hours=1))
    result = gather(decided("e2"), Memory(listed(SAFETY, "e1"), listed(failed, "e2")))
    assert result.outcomes == (failed,)


def test_what_is_too_large_for_a_message_comes_from_the_evidence_store() -> None:
    summary = replace(SEMGREP, findings=(INJECTION,))
    twins = (INJECTION, replace(INJECTION, line=7))
    kept = codec.outcome_to_evidence(replace(SEMGREP, findings=twins))
    memory = Memory(listed(summary, "e1", "sha256:x"))
    result = gather(decided("e1"), memory, fetch=lambda _digest: kept)
    assert len(result.outcomes[0].findings) == 2
    assert result.context.lacks == ()


@pytest.mark.parametrize(
    "kept",
    [None, b"no outcome", codec.outcome_to_evidence(SAFETY)],
    ids=["away", "damaged", "another"],
)
def test_evidence_that_cannot_be_read_or_is_about_something_else_is_a_lack(
    kept: bytes | None,
) -> None:
    def fetch(digest: str) -> bytes:
        return nothing(digest) if kept is None else kept

    memory = Memory(listed(SEMGREP, "e1", "sha256:x"))
    result = gather(decided("e1"), memory, fetch=fetch)
    (lack,) = result.context.lacks
    assert lack.check == "semgrep"
    assert "only 2 of its findings" in lack.reason
    assert result.outcomes == (SEMGREP,)


@pytest.mark.parametrize("way", ["heard", "listed"])
def test_the_base_says_what_is_new(way: str) -> None:
    base = replace(SEMGREP, subject=BASE, findings=(INJECTION,))
    events = (heard(base, "b1"),) if way == "heard" else ()
    memory = Memory(listed(SEMGREP, "e1"), base=(listed(base, "b1"),) if way == "listed" else ())
    result = gather(decided("e1"), memory, *events)
    assert result.outcomes == (SEMGREP,)
    assert result.context.bases == {"semgrep": (INJECTION,)}


@pytest.mark.parametrize(
    "base",
    [
        replace(SEMGREP, subject=BASE, rules_digest="sha256:" + "f" * 64),
        replace(SEMGREP, subject=Subject.commit("acme/app", "8" * 40)),
        replace(FAILED, check="semgrep", subject=BASE),
    ],
    ids=["other rules", "other commit", "failed"],
)
def test_a_base_that_was_not_looked_at_alike_is_none(base: Outcome) -> None:
    result = gather(decided("e1"), Memory(listed(SEMGREP, "e1"), listed(base, "b1")))
    assert result.context.bases == {}


def test_the_waivers_are_those_that_the_decision_rests_on() -> None:
    memory = Memory(listed(SEMGREP, "e1"))
    result = gather(decided("e1", WAIVER.waiver, waivers=(WAIVER.waiver,)), memory)
    assert result.context.waivers == (WAIVER,)
    assert result.context.lacks == ()
    without = Memory(listed(SEMGREP, "e1"))
    gather(decided("e1"), without)
    assert all(request.of is Listed.OUTCOMES for request in without.asked)


def test_waivers_that_cannot_be_listed_are_noted() -> None:
    judged = decided("e1", waivers=(WAIVER.waiver,))
    result = gather(judged, away, heard(SEMGREP, "e1"))
    assert result.notes == ("Which findings are waived is not shown: the gate did not say.",)
