"""What stands beside the scans: requests, rounds and votes, waivers, other gates' decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from devsecops_eda.ledger import Ask, DecidedRow, Records
from devsecops_eda.model import People, Subject, SubjectKind, Verdict
from devsecops_eda.policy import Facts, OtherDecision, Policy
from devsecops_eda.policy.model import ApprovalsRule, DecisionRule
from devsecops_eda.settings import Repository


class Beside:
    """Adds to the facts of an ask what people and other gates said, as far as a rule asks."""

    def __init__(
        self, *, policy: Policy, people: People, repositories: Mapping[str, Repository]
    ) -> None:
        """Take what says whom and what to ask for."""
        self._policy = policy
        self._people = people
        self._repositories = repositories

    def add(self, records: Records, ask: Ask, facts: Facts) -> Facts:
        """Return ``facts`` with what else is recorded that bears on ``ask``."""
        rules = self._policy.rules_of(ask.gate)
        origins = (
            records.inbox.origins(ask.subject) if ask.subject.kind is SubjectKind.ARTIFACT else ()
        )
        facts = replace(facts, people=self._people, origins=origins)
        if self._policy.waivers is not None and ask.subject.repo is not None:
            rows = records.waivers.of_repo(ask.subject.repo)
            # Each grant of a waiver is one by itself: it holds where one of them does.
            waivers = tuple(one for row in rows for one in row.candidates)
            facts = replace(facts, waivers=waivers)
        if ask.environment is not None:
            requests = records.voting.requests(ask.subject, ask.environment)
            facts = replace(facts, requests=requests)
        if any(isinstance(rule, ApprovalsRule) for rule in rules):
            rounds = records.voting.rounds(ask)
            facts = replace(
                facts,
                rounds=rounds,
                votes=records.voting.votes(one.approval for one in rounds),
            )
        if any(isinstance(rule, DecisionRule) for rule in rules):
            facts = replace(facts, decisions=self._decisions(records, ask, origins))
        return facts

    def _decisions(
        self, records: Records, ask: Ask, origins: tuple[Subject, ...]
    ) -> tuple[OtherDecision, ...]:
        subjects = (ask.subject, *origins)
        # What was answered and is judged anew, a push told again after an error for one, is open.
        again = {
            _place(one.gate, one.subject, one.target, one.environment)
            for subject in subjects
            for one in records.asks.about(subject)
            if not one.answered and one.decision is not None
        }
        return tuple(
            self._other(row, open_again=_of_row(row) in again)
            for row in records.said.decisions_about(subjects)
            if row.gate != ask.gate
        )

    def _other(self, row: DecidedRow, *, open_again: bool) -> OtherDecision:
        repository = self._repositories.get(row.subject.repo or "")
        return OtherDecision(
            id=row.id,
            gate=row.gate,
            subject=row.subject,
            target=row.target,
            protected=repository is not None and repository.protects(row.target or ""),
            environment=row.environment,
            verdict=Verdict.PENDING if open_again else row.verdict,
            decided_at=row.since,
        )


_Place = tuple[str, str, str | None, str | None, str | None]


def _of_row(row: DecidedRow) -> _Place:
    return _place(row.gate, row.subject, row.target, row.environment)


def _place(gate: str, subject: Subject, target: str | None, environment: str | None) -> _Place:
    return gate, str(subject), subject.repo, target, environment
