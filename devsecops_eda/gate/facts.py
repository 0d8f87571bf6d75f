"""From the ledger's rows to the facts that the policy judges."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.errors import EvidenceMissingError, FailureReason
from devsecops_eda.evidence import Evidence
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
        self._parsed: OrderedDict[int, Outcome] = OrderedDict()

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
            return codec.outcome_from_evidence(self._evidence.get(event.datadigest))
        except EvidenceMissingError as error:
            return Outcome(
                check=outcome.check,
                subject=outcome.subject,
                status=OutcomeStatus.FAILED,
                cause=outcome.cause,
                cause_time=outcome.cause_time,
                tool=outcome.tool,
                coverage=outcome.coverage,
                failure=Failure(FailureReason.UNAVAILABLE, str(error)),
            )

    def facts(self, records: Records, ask: Ask) -> Facts:
        """Return everything recorded that bears on one ask."""
        rows = records.inbox.causes(ask.subject)
        target_of = {row.event_id: row.target for row in rows}
        outcomes = tuple(
            outcome
            for row in records.inbox.outcomes(ask.subject)
            if self._counts(outcome := self._outcome(row), row, ask, rows, target_of)
        )
        repository = self._repositories.get(ask.subject.repo or "")
        return Facts(
            gate=ask.gate,
            subject=ask.subject,
            repository_known=repository is not None,
            target=ask.target,
            protected=repository is not None and repository.protects(ask.target or ""),
            environment=ask.environment,
            causes=tuple(cause for row in rows for cause in self._causes(row, ask)),
            outcomes=outcomes,
            baselines=self._baselines(records, ask, outcomes),
        )

    def _causes(self, row: CauseRow, ask: Ask) -> tuple[Cause, ...]:
        # A flow told again after an error starts its clocks anew.
        recorded_at = _later(row.recorded_at, ask.reopened_at if row.flow == ask.flow else None)
        if row.target == ask.target:
            return (Cause(row.event_id, row.check, row.time, recorded_at),)
        # The same commit pushed towards another branch: scanners saw the same tree, but what
        # git says about the merge base there is about the other branch.
        checks = self._checks if row.check is None else (row.check,)
        return tuple(
            Cause(row.event_id, check, row.time, recorded_at)
            for check in checks
            if check != COMMIT_CHECK
        )

    def _counts(
        self,
        outcome: Outcome,
        row: OutcomeRow,
        ask: Ask,
        causes: tuple[CauseRow, ...],
        target_of: Mapping[str, str | None],
    ) -> bool:
        if outcome.check == COMMIT_CHECK and target_of.get(row.cause) != ask.target:
            return False
        if ask.reopened_at is None or not row.failed or row.seen_at >= ask.reopened_at:
            return True
        mine = any(cause.event_id == row.cause and cause.flow == ask.flow for cause in causes)
        return not mine

    def _baselines(
        self, records: Records, ask: Ask, outcomes: tuple[Outcome, ...]
    ) -> tuple[Baseline, ...]:
        facts = _commit_facts(outcomes)
        if facts is None:
            return ()
        requested = records.asks.baseline_requests(ask)
        candidates = baseline_candidates(ask.subject, facts)
        told = records.inbox.told_about(candidates) | {subject for _, subject in requested}
        found: list[Baseline] = []
        for subject in candidates:
            if str(subject) not in told:
                continue
            rows = records.inbox.outcomes(subject)
            causes = tuple(
                Cause(row.event_id, row.check, row.time, row.recorded_at)
                for row in records.inbox.causes(subject)
            )
            parsed = [self._outcome(row) for row in rows]
            for check in self._checks:
                asked_at = requested.get((check, str(subject)))
                mine = tuple(outcome for outcome in parsed if outcome.check == check)
                if mine or asked_at:
                    found.append(Baseline(check, subject, mine, asked_at, causes))
        return tuple(found)

    def _outcome(self, row: OutcomeRow) -> Outcome:
        known = self._parsed.get(row.seq)
        if known is None:
            known = self.whole(codec.decode(row.body))
            assert known is not None  # only outcomes are recorded as outcomes
            self._parsed[row.seq] = known
        self._parsed.move_to_end(row.seq)
        while len(self._parsed) > MAX_CACHED_OUTCOMES:
            self._parsed.popitem(last=False)
        return known


def _commit_facts(outcomes: tuple[Outcome, ...]) -> CommitFacts | None:
    told = [outcome for outcome in outcomes if outcome.commit is not None]
    latest = max(told, key=lambda outcome: (outcome.cause_time, outcome.cause), default=None)
    return latest.commit if latest else None


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)
