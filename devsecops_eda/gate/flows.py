"""Flows: what each is about, who asks in it, and what is told when it is told again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.ledger import Ask, Message, Records
from devsecops_eda.model import Subject, Verdict
from devsecops_eda.policy import Policy
from devsecops_eda.policy.selecting import applied

OVERTAKING = timedelta(seconds=2)
"""By so much a quick worker's new failure may come before the repeated push that it answers."""

_AT_ONCE = frozenset({Verdict.ALLOW, Verdict.DENY})


class Flows:
    """Opens flows and answers those that are told again."""

    def __init__(self, policy: Policy, facts: FactsReader, judging: Judging) -> None:
        """Take the policy, what knows what an ask is about, and what judges it."""
        self._policy = policy
        self._facts = facts
        self._judging = judging

    def open(
        self,
        records: Records,
        flow: str,
        subject: Subject,
        *,
        ref: str | None,
        target: str | None,
    ) -> None:
        """Say what a flow is about.

        Raises:
            InvalidEventError: ``id_conflict``: it is about something else.
        """
        if not records.inbox.open_flow(flow, subject, ref=ref, target=target):
            # Ids of flows can be guessed. Who comes first must not make another's push
            # vanish in silence, nor lend it a decision about something else.
            raise InvalidEventError(
                RefusalReason.ID_CONFLICT,
                "this flow is about another subject or target already",
                path="/correlationid",
            )

    def ask(
        self,
        records: Records,
        flow: str,
        gates: Iterable[str],
        *,
        subject: Subject,
        environment: str | None,
        this: Now,
    ) -> None:
        """Record that a flow asks these gates."""
        for gate in gates:
            records.asks.open(flow, gate, environment=environment, subject=subject, now=this.at)

    def told_again(self, records: Records, flow: str, subject: Subject, this: Now) -> list[Message]:
        """Answer the asks of a flow that is told again, by whomever."""
        said: list[Message] = []
        for ask in records.asks.of_flow(flow, repo=subject.repo):
            if not ask.answered or ask.decision is None:
                continue
            if self._stands(records, ask, ask.decision) in _AT_ONCE:
                said += self._judging.answer(records, ask, this, pending=False)
            else:
                # After an error whoever tells the flow again wants another attempt: the
                # workers were told again too, and their new outcomes are awaited. Under another
                # policy there is nothing to await, it is judged anew.
                records.asks.update(ask, answered=False, reopened_at=this.at - OVERTAKING)
        return said

    def _stands(self, records: Records, ask: Ask, decision: str) -> Verdict | None:
        """Return the verdict of a decision, None where another policy holds by now."""
        found = records.said.decided(decision)
        holds = applied(self._policy, self._facts.frame(ask))
        if found is None or holds is None or found.policy_digest != holds.digest:
            return None
        return found.verdict
