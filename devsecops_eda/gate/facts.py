"""From the ledger's rows to the facts that the policy judges."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.errors import EvidenceMissingError, FailureReason, InvalidEventError
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate.speech import SOURCE
from devsecops_eda.ledger import Ask, CauseRow, OutcomeRow, Records
from devsecops_eda.model import (
    CommitFacts,
    Event,
    Failure,
    Outcome,
    OutcomeStatus,
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


class FactsReader:
    """Reads what is recorded about a subject. Keeps the outcomes it read last in memory."""

    def __init__(
        self,
        *,
        checks: tuple[str, ...],
        repositories: Mapping[str, Repository],
        evidence: Evidence,
    ) -> None:
        """Take the checks that answer a push, and where the large outcomes lie."""
        self._checks = checks
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

    def facts(self, records: Records, ask: Ask) -> Facts:
        """Return everything recorded that bears on one ask."""
        rows = records.inbox.causes(ask.subject)
        outcomes = tuple(
            outcome
            for row, outcome, cause in self._told(rows, records.inbox.outcomes(ask.subject))
            if _counts(outcome, row, cause, ask)
        )
        repository = self._repositories.get(ask.subject.repo or "")
        facts = Facts(
            gate=ask.gate,
            subject=ask.subject,
            repository_known=repository is not None,
            target=ask.target,
            protected=repository is not None and repository.protects(ask.target or ""),
            environment=ask.environment,
            causes=tuple(cause for row in rows for cause in self._causes(row, ask)),
            outcomes=outcomes,
        )
        return replace(facts, baselines=self._baselines(records, ask, commit_facts(facts)))

    def slots(self, records: Records, facts: Facts) -> dict[str, str]:
        """Return the event id of each outcome on the judged subject, by its meaning digest."""
        rows = records.inbox.causes(facts.subject)
        told = self._told(rows, records.inbox.outcomes(facts.subject))
        return {outcome.meaning_digest(): row.slot for row, outcome, _ in told}

    def _told(
        self, causes: tuple[CauseRow, ...], rows: tuple[OutcomeRow, ...]
    ) -> Iterator[tuple[OutcomeRow, Outcome, CauseRow]]:
        """Yield each outcome with the very cause it answers; those without one are not believed.

        Events of two senders may share an id. An outcome stands in the slot of one identity, and
        that, not the id it names, says what it answers.
        """
        slots = {cause.identity.slot(check): cause for cause in causes for check in self._checks}
        for row in rows:
            cause = slots.get(row.slot)
            outcome = self._outcome(row)
            if cause is not None and outcome.cause == cause.identity.id:
                yield row, replace(outcome, cause=_name(cause)), cause

    def _causes(self, row: CauseRow, ask: Ask) -> tuple[Cause, ...]:
        # A flow told again after an error starts its clocks anew.
        recorded_at = _later(row.recorded_at, ask.reopened_at if row.flow == ask.flow else None)
        if row.target == ask.target:
            return (Cause(_name(row), row.check, row.time, recorded_at),)
        # The same commit pushed towards another branch: scanners saw the same tree, but what
        # git says about the merge base there is about the other branch.
        checks = self._checks if row.check is None else (row.check,)
        return tuple(
            Cause(_name(row), check, row.time, recorded_at)
            for check in checks
            if check != COMMIT_CHECK
        )

    def _baselines(
        self, records: Records, ask: Ask, commit: CommitFacts | None
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
            causes = tuple(Cause(_name(row), row.check, row.time, row.recorded_at) for row in rows)
            recorded = records.inbox.outcomes(subject)
            parsed = [outcome for _, outcome, _ in self._told(rows, recorded)]
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


def _name(cause: CauseRow) -> str:
    """Return a name for a cause that no other sender's event has."""
    identity = cause.identity
    return f"{identity.id} {identity.source} {identity.user}"


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)
