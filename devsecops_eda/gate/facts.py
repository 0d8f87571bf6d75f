"""From the ledger's rows to the facts that the policy judges."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.errors import EvidenceMissingError, FailureReason, InvalidEventError
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate.beside import Beside
from devsecops_eda.gate.speech import SOURCE
from devsecops_eda.ledger import Ask, CauseRow, OutcomeRow, Records
from devsecops_eda.model import (
    CommitFacts,
    Event,
    Failure,
    Identity,
    Outcome,
    OutcomeStatus,
    Subject,
)
from devsecops_eda.policy import (
    COMMIT_CHECK,
    Baseline,
    Cause,
    Facts,
    baseline_candidates,
    commit_facts,
)
from devsecops_eda.settings import Repository

MAX_CACHED_OUTCOMES = 512

_Told = tuple[OutcomeRow, Outcome, CauseRow]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts about one ask, and where its outcomes stand in the ledger.

    ``places`` is by the identity of the outcome's value, which the facts hold.
    """

    facts: Facts
    told: tuple[_Told, ...]
    places: Mapping[int, int]

    def slots(self) -> dict[str, str]:
        """Return the event id of each outcome on the judged subject, by its meaning digest."""
        return {outcome.meaning_digest(): row.slot for row, outcome, _ in self.told}

    def place(self, outcome: Outcome) -> int:
        """Return where in the inbox an outcome of the facts stands."""
        return self.places[id(outcome)]


class FactsReader:
    """Reads what is recorded about a subject. Keeps the outcomes it read last in memory."""

    def __init__(
        self,
        *,
        checks: tuple[str, ...],
        repositories: Mapping[str, Repository],
        evidence: Evidence,
        beside: Beside,
    ) -> None:
        """Take the checks that answer a push, where large outcomes lie, and what else counts."""
        self._checks = checks
        self._beside = beside
        self._repositories = repositories
        self._evidence = evidence
        self._parsed: OrderedDict[bytes, Outcome] = OrderedDict()

    def whole(self, event: Event) -> Outcome | None:
        """Return the outcome an event tells, with all its findings; None when it tells none.

        An outcome whose evidence is gone is one without a verdict.

        Raises:
            UnavailableError: the evidence store is away.
        """
        outcome = event.data
        if not isinstance(outcome, Outcome):
            return None
        if event.datadigest is None:
            return outcome
        try:
            whole = codec.outcome_from_evidence(self._evidence.get(event.datadigest))
        except (EvidenceMissingError, InvalidEventError) as error:
            return _without(outcome, str(error))
        # The door compared sender and key with what the event says, not with its evidence.
        if _speaks_of(whole) != _speaks_of(outcome):
            return _without(outcome, "the evidence is about something else than the event")
        return whole

    def frame(self, ask: Ask) -> Facts:
        """Return what an ask is about, without anything that is recorded of it."""
        repository = self._repositories.get(ask.subject.repo or "")
        return Facts(
            gate=ask.gate,
            subject=ask.subject,
            repository_known=repository is not None,
            target=ask.target,
            protected=repository is not None and repository.protects(ask.target or ""),
            environment=ask.environment,
            causes=(),
            outcomes=(),
        )

    def gather(self, records: Records, ask: Ask) -> Gathered:
        """Return everything recorded that bears on one ask."""
        places: dict[int, int] = {}
        rows = records.inbox.causes(ask.subject)
        told = tuple(self._told(rows, records.inbox.outcomes(ask.subject), places))
        facts = replace(
            self.frame(ask),
            causes=tuple(cause for row in rows for cause in self._causes(row, ask)),
            outcomes=tuple(one for row, one, cause in told if _counts(one, row, cause, ask)),
        )
        facts = replace(facts, baselines=self._baselines(records, ask, commit_facts(facts), places))
        facts = self._beside.add(records, ask, facts)
        if facts.origins:
            commits = self._origin_commits(records, facts.origins, places)
            facts = replace(facts, origin_commits=commits)
        return Gathered(facts, told, places)

    def told_about(self, records: Records, subject: Subject) -> tuple[OutcomeRow, ...]:
        """Return the recorded outcomes on ``subject`` that are believed, as their events."""
        rows = records.inbox.causes(subject)
        told = self._told(rows, records.inbox.outcomes(subject), {})
        # The text of an artifact does not say whose it is.
        return tuple(row for row, outcome, _ in told if outcome.subject == subject)

    def _origin_commits(
        self, records: Records, origins: tuple[Subject, ...], places: dict[int, int]
    ) -> tuple[Outcome, ...]:
        return tuple(
            outcome
            for origin in origins
            for _, outcome, _ in self._told(
                records.inbox.causes(origin), records.inbox.outcomes(origin), places
            )
            if outcome.check == COMMIT_CHECK
        )

    def _told(
        self,
        causes: tuple[CauseRow, ...],
        rows: tuple[OutcomeRow, ...],
        places: dict[int, int],
    ) -> Iterator[_Told]:
        """Yield each outcome with the very cause it answers; those without one are not believed.

        Events of two senders may share an id. An outcome stands in the slot of one identity, and
        that, not the id it names, says what it answers.
        """
        slots = {cause.identity.slot(check): cause for cause in causes for check in self._checks}
        for row in rows:
            cause = slots.get(row.slot)
            outcome = self._outcome(row)
            if cause is not None and outcome.cause == cause.identity.id:
                outcome = replace(outcome, cause=named(cause.identity))
                places[id(outcome)] = row.seq
                yield row, outcome, cause

    def _causes(self, row: CauseRow, ask: Ask) -> tuple[Cause, ...]:
        # A flow told again after an error starts its clocks anew.
        recorded_at = _later(row.recorded_at, ask.reopened_at if row.flow == ask.flow else None)
        if row.target == ask.target:
            return (Cause(named(row.identity), row.check, row.time, recorded_at),)
        # The same commit pushed towards another branch: scanners saw the same tree, but what
        # git says about the merge base there is about the other branch.
        checks = self._checks if row.check is None else (row.check,)
        return tuple(
            Cause(named(row.identity), check, row.time, recorded_at)
            for check in checks
            if check != COMMIT_CHECK
        )

    def _baselines(
        self,
        records: Records,
        ask: Ask,
        commit: CommitFacts | None,
        places: dict[int, int],
    ) -> tuple[Baseline, ...]:
        if commit is None:
            return ()
        requested = records.asks.baseline_requests(ask)
        candidates = baseline_candidates(ask.subject, commit)
        pushed = records.inbox.pushed(candidates, gate=SOURCE)
        told = records.inbox.told_about(candidates) | {subject for _, subject in requested} | pushed
        found: list[Baseline] = []
        for subject in candidates:
            if str(subject) not in told:
                continue
            rows = records.inbox.causes(subject)
            causes = tuple(
                Cause(named(row.identity), row.check, row.time, row.recorded_at) for row in rows
            )
            recorded = records.inbox.outcomes(subject)
            parsed = [outcome for _, outcome, _ in self._told(rows, recorded, places)]
            for check in self._checks:
                asked_at = requested.get((check, str(subject)))
                mine = tuple(outcome for outcome in parsed if outcome.check == check)
                found.append(
                    Baseline(check, subject, mine, asked_at, causes, str(subject) in pushed)
                )
        return tuple(found)

    def _outcome(self, row: OutcomeRow) -> Outcome:
        # By content: numbers of rows are given again after a transaction that failed.
        key = hashlib.sha256(row.body).digest()
        known = self._parsed.get(key)
        if known is None:
            known = self.whole(codec.decode(row.body))
            assert known is not None  # only outcomes are recorded as outcomes
            self._parsed[key] = known
        self._parsed.move_to_end(key)
        while len(self._parsed) > MAX_CACHED_OUTCOMES:
            self._parsed.popitem(last=False)
        return known


def _speaks_of(outcome: Outcome) -> tuple[object, ...]:
    return outcome.check, outcome.subject, outcome.status, outcome.cause, outcome.cause_time


def _without(outcome: Outcome, why: str) -> Outcome:
    """Return an outcome without a verdict in the place of one that cannot be read whole."""
    return replace(
        outcome,
        status=OutcomeStatus.FAILED,
        findings=(),
        commit=None,
        failure=Failure(FailureReason.UNAVAILABLE, why),
    )


def _counts(outcome: Outcome, row: OutcomeRow, cause: CauseRow, ask: Ask) -> bool:
    if outcome.check == COMMIT_CHECK and cause.target != ask.target:
        return False
    # After an error the flow was told again: its old failures do not count, new ones do.
    old = ask.reopened_at is not None and row.seen_at < ask.reopened_at
    return not (old and row.failed and cause.flow == ask.flow)


def named(identity: Identity) -> str:
    """Return a name for an event that no other sender's event has."""
    return f"{identity.id} {identity.source} {identity.user}"


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)
