"""What a decision rests on, kept so that it can be judged again, by its policy or another."""

from __future__ import annotations

from devsecops_eda.archive import decision_bytes, facts_to_bytes
from devsecops_eda.gate.facts import Gathered
from devsecops_eda.ledger import Ask, Records
from devsecops_eda.model import Decision
from devsecops_eda.policy import Facts

NO_EVALUATOR = "none"
"""The name of what evaluates predicates, where nothing does."""


class Archiving:
    """Keeps recorded decisions with their facts; without a policy document it keeps nothing."""

    def __init__(self, policy_document: tuple[str, bytes] | None, *, evaluator: str) -> None:
        """Take digest and bytes of the policy as it was loaded, and who evaluates predicates."""
        self._document = policy_document
        self._evaluator = evaluator

    def keep(self, records: Records, ask: Ask, decision: Decision, gathered: Gathered) -> None:
        """Keep a recorded decision, as ``decide`` returned it, with the facts it was made from."""
        if self._document is None:
            return
        digest, document = self._document
        records.archive.keep_policy(digest, document, decision.evaluated_at)
        records.archive.keep(
            decision.id,
            flow=ask.flow,
            repo=ask.subject.repo or "",
            body=decision_bytes(decision),
            facts=facts_to_bytes(gathered.facts, gathered.place),
            policy_source=digest,
            evaluator=self._evaluator,
            rests_on=_places(gathered, gathered.facts),
        )


def _places(gathered: Gathered, facts: Facts) -> set[int]:
    outcomes = (*facts.outcomes, *facts.origin_commits)
    compared = (one for baseline in facts.baselines for one in baseline.outcomes)
    return {gathered.place(one) for one in (*outcomes, *compared)}
