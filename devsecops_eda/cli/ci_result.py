"""What a decision rests on, gathered for the reports of a job."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from devsecops_eda import codec
from devsecops_eda.client import flow_of_push
from devsecops_eda.errors import DevSecOpsError, EvidenceMissingError
from devsecops_eda.model import (
    Decision,
    Event,
    Finding,
    Listed,
    ListingMade,
    ListingRequested,
    Outcome,
    OutcomeListed,
    OutcomeStatus,
    Subject,
    SubjectKind,
    WaiverListed,
)
from devsecops_eda.policy import CoverageRule, FindingsRule, ScanRule
from devsecops_eda.policy.merging import merged
from devsecops_eda.reports import Context, Lack

LOG = logging.getLogger(__name__)

Listing = Callable[[ListingRequested], ListingMade]
"""Asks the gate what is recorded."""
Fetch = Callable[[str], bytes]
"""Gives evidence by its digest."""

_OF_CHECKS = frozenset((FindingsRule.kind, ScanRule.kind, CoverageRule.kind))


@dataclass(frozen=True, slots=True)
class JobResult:
    """A decision and all it rests on, as a report takes it."""

    decision: Decision
    outcomes: tuple[Outcome, ...]
    subject: Subject
    notes: tuple[str, ...] = ()
    context: Context = field(default_factory=Context)


def gathered(
    decision: Decision,
    *,
    repo: str,
    flow: str,
    heard: Iterable[Event],
    listing: Listing,
    fetch: Fetch,
) -> JobResult:
    """Return the decision with every outcome of its flow, and say what could not be had.

    A job that joins a flow late has heard little: the gate lists the rest. What is too large for
    a message lies in the evidence store; where that cannot be read, the report has a lack.
    """
    told = {
        event.id: OutcomeListed(event.id, event.data, event.dataref, event.datadigest)
        for event in heard
        if isinstance(event.data, Outcome)
    }
    lacks: list[Lack] = []
    try:
        made = listing(ListingRequested(of=Listed.OUTCOMES, repo=repo, about=flow))
        told |= {one.event: one for one in made.outcomes}
        if made.more:
            lacks.append(Lack("", f"the gate left out {made.more} of the outcomes"))
    except DevSecOpsError as error:
        if _rests_on(decision) - told.keys():
            lacks.append(Lack("", f"not all outcomes are here: {error}"))
    mine = {
        check: _whole(some, fetch) for check, some in _effective(decision, told.values()).items()
    }
    lacks += [Lack(check, why) for check, (_, why) in mine.items() if why]
    outcomes = tuple(outcome for outcome, _ in mine.values())
    waivers, notes = _waivers(decision, repo, listing)
    bases = dict(_bases(decision, repo, outcomes, told, listing, fetch))
    context = Context(lacks=tuple(lacks), bases=bases, waivers=waivers)
    return JobResult(decision, outcomes, decision.subject, notes, context)


def _rests_on(decision: Decision) -> set[str]:
    """Return the outcomes that a decision names."""
    lines = (line for line in decision.requirements if line.kind in _OF_CHECKS)
    return {event for line in lines for event in line.evidence if event not in line.waivers}


def _effective(decision: Decision, told: Iterable[OutcomeListed]) -> dict[str, list[OutcomeListed]]:
    """Return per check what is in force about the judged: of the latest cause, its one slot."""
    slots: defaultdict[str, defaultdict[tuple[object, str], list[OutcomeListed]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in told:
        if one.outcome.subject == decision.subject or _builds(one.outcome, decision):
            slots[one.outcome.check][one.outcome.cause_time, one.outcome.cause].append(one)
    return {check: slots[check][max(slots[check])] for check in sorted(slots)}


def _builds(outcome: Outcome, decision: Decision) -> bool:
    """Return whether an outcome is about the commit that the judged artifact was built from."""
    artifact = decision.subject.kind is SubjectKind.ARTIFACT
    return artifact and outcome.subject.revision != decision.merge_base


def _whole(some: list[OutcomeListed], fetch: Fetch) -> tuple[Outcome, str]:
    """Return what one slot comes to with all its findings, and why not all of them are there."""
    outcomes, why = [], ""
    for one in some:
        outcome = one.outcome
        if one.datadigest is not None:
            try:
                outcome = _kept(one, fetch)
            except DevSecOpsError as error:
                why = f"only {len(outcome.findings)} of its findings are here: {error}"
        outcomes.append(outcome)
    return merged(outcomes), why


def _kept(one: OutcomeListed, fetch: Fetch) -> Outcome:
    """Return the outcome that lies in the evidence store.

    Raises:
        EvidenceMissingError: it is not there, or is about something else.
        UnavailableError: the store is away.
        InvalidEventError: it is no outcome.
    """
    outcome = codec.outcome_from_evidence(fetch(one.datadigest or ""))
    said = one.outcome
    if (outcome.check, outcome.subject, outcome.cause) != (said.check, said.subject, said.cause):
        raise EvidenceMissingError(f"the evidence of {said.check} is about something else")
    return outcome


def _bases(
    decision: Decision,
    repo: str,
    outcomes: Iterable[Outcome],
    told: Mapping[str, OutcomeListed],
    listing: Listing,
    fetch: Fetch,
) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yield per check the findings of the merge base, where it was looked at in the same way."""
    base, target = decision.merge_base, decision.target
    if base is None or base == decision.subject.revision or not target:
        return
    found = dict(told)
    try:
        # The base was most likely pushed to the target once: that flow has its outcomes.
        about = flow_of_push(repo, ref=target, sha=base)
        made = listing(ListingRequested(of=Listed.OUTCOMES, repo=repo, about=about))
        found |= {one.event: one for one in made.outcomes}
    except DevSecOpsError as error:
        LOG.info("what was there before is not known: %s", error, extra={"action": "base"})
    for head in outcomes:
        same = [
            one
            for one in found.values()
            if one.outcome.subject.revision == base and _alike(one.outcome, head)
        ]
        if same:
            latest = max(same, key=lambda one: (one.outcome.cause_time, one.event))
            outcome, why = _whole([latest], fetch)
            if not why:
                yield head.check, outcome.findings


def _alike(base: Outcome, head: Outcome) -> bool:
    """Return whether two outcomes can be compared: other rules or data would make old ones new."""
    completed = base.status is OutcomeStatus.COMPLETED and head.status is OutcomeStatus.COMPLETED
    data = (base.data and base.data.digest) == (head.data and head.data.digest)
    same = (base.check, base.rules_digest) == (head.check, head.rules_digest)
    return completed and same and data and head.commit is None


def _waivers(
    decision: Decision, repo: str, listing: Listing
) -> tuple[tuple[WaiverListed, ...], tuple[str, ...]]:
    """Return the waivers that the decision rests on, and a note where they cannot be had."""
    wanted = {waiver for line in decision.requirements for waiver in line.waivers}
    if not wanted:
        return (), ()
    try:
        made = listing(ListingRequested(of=Listed.WAIVERS, repo=repo, every=True))
    except DevSecOpsError as error:
        return (), (f"Which findings are waived is not shown: {error}.",)
    found = tuple(one for one in made.waivers if one.waiver in wanted)
    left = wanted - {one.waiver for one in found}
    notes = (f"What these waivers cover is not shown: {', '.join(sorted(left))}.",) if left else ()
    return found, notes
