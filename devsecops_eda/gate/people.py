"""Rounds of voting: opened, shown and closed as the policy says, each told once."""

from __future__ import annotations

from devsecops_eda.gate import speech
from devsecops_eda.gate.now import Now
from devsecops_eda.ledger import Ask, Message, Records
from devsecops_eda.model import ApprovalRequested, Closing, Decision
from devsecops_eda.policy import Facts, Policy
from devsecops_eda.policy.model import ApprovalsRule
from devsecops_eda.policy.voting.electorate import latest_request
from devsecops_eda.policy.voting.rounds import approvals_wanted, rounds_closing
from devsecops_eda.policy.voting.views import view_of


class Rounds:
    """Keeps the rounds of an ask as the policy wants them, within an open transaction."""

    def __init__(self, policy: Policy) -> None:
        """Take the policy that says who is asked, and when enough was said."""
        self._policy = policy
        self._gates = frozenset(
            gate for rule in policy.rules if isinstance(rule, ApprovalsRule) for gate in rule.gates
        )

    def turn(
        self, records: Records, ask: Ask, facts: Facts, decision: Decision, this: Now
    ) -> list[Message]:
        """Close the rounds that are over and open those that are wanted; return what to say.

        When anything is returned, the facts are no longer what they were.
        """
        if ask.gate not in self._gates:
            return []
        said: list[Message] = []
        for closed in rounds_closing(self._policy, facts, decision, this.at):
            records.voting.close(closed.approval, closed.closing, this.at)
            row = records.voting.round(closed.approval)
            flow = ask.flow if row is None else row.flow
            event = speech.approval_closed(flow, closed, cause=this.event_id, now=this.at)
            said.append(this.owe(records, event))
        for wanted in approvals_wanted(self._policy, facts, decision, this.at):
            said += self._open(records, ask, facts, wanted, this)
        return said

    def show(self, records: Records, ask: Ask, facts: Facts, decision: Decision, this: Now) -> str:
        """Keep how the requirements stand now as a view that a vote may name; return its digest."""
        digest, seen = view_of(decision.requirements)
        if ask.gate in self._gates:
            for one in facts.rounds:
                # A veto is heard until the deadline, also after the quorum.
                if one.closing in (None, Closing.GRANTED) and this.at < one.deadline:
                    records.voting.keep_view(one.approval, digest, seen)
        return digest

    def _open(
        self, records: Records, ask: Ask, facts: Facts, wanted: ApprovalRequested, this: Now
    ) -> list[Message]:
        latest = latest_request(facts)
        opened = records.voting.open_round(
            wanted,
            flow=ask.flow,
            ask=ask,
            event_request=latest.event_id if latest else None,
            now=this.at,
        )
        if not opened:
            return []
        if wanted.supersedes is not None:
            records.voting.close(wanted.supersedes, Closing.SUPERSEDED, this.at)
        event = speech.approval_requested(ask.flow, wanted, cause=this.event_id, now=this.at)
        return [this.owe(records, event)]
