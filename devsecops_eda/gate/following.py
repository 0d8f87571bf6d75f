"""What each type of event leads to: new causes, new facts, answers."""

from __future__ import annotations

from datetime import timedelta

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import speech
from devsecops_eda.gate.judging import Judging, Now
from devsecops_eda.ledger import Ask, CauseRow, Memory, Message, Records
from devsecops_eda.model import (
    CommitPushed,
    DecisionRequested,
    Event,
    Identity,
    Outcome,
    ScanRequested,
    Subject,
    Verdict,
    branch_name,
)
from devsecops_eda.policy import Policy

OVERTAKING = timedelta(seconds=2)
"""By so much a quick worker's new failure may come before the repeated push that it answers."""

_AT_ONCE = frozenset({Verdict.ALLOW.value, Verdict.DENY.value})


class Following:
    """Follows events up within the transaction that recorded them."""

    def __init__(self, policy: Policy, judging: Judging) -> None:
        """Take the policy, and what judges an ask."""
        self._policy = policy
        self._judging = judging

    def follow(
        self,
        records: Records,
        event: Event,
        outcome: Outcome | None,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        """Return what an event leads to that was just recorded, for the first time or again.

        Raises:
            InvalidEventError: ``id_conflict``: its flow is about something else.
        """
        data = event.data
        if outcome is not None:
            return self._outcome(records, event, outcome, memory, this)
        if isinstance(data, CommitPushed):
            towards = branch_name(data.target or data.ref)
            return self._pushed(records, event, data, towards, memory, this)
        if isinstance(data, ScanRequested):
            return self._rescan(records, event, data, memory, this)
        if isinstance(data, DecisionRequested):
            return self._answer(records, event, data, this)
        return []

    def _pushed(
        self,
        records: Records,
        event: Event,
        data: CommitPushed,
        target: str,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        flow = event.correlationid
        if memory is Memory.NEW:
            if not records.inbox.open_flow(flow, data.subject, ref=data.ref, target=target):
                # Ids of flows can be guessed. Who comes first must not make another's push
                # vanish in silence, nor lend it a decision about something else.
                raise InvalidEventError(
                    RefusalReason.ID_CONFLICT,
                    "this flow is about another commit or target already",
                    path="/correlationid",
                )
            self._add_cause(records, event, data.subject, None, target, this)
            for gate in self._policy.asked_by(event.type):
                records.asks.open(flow, gate, environment=None, subject=data.subject, now=this.at)
        said = self._told_again(records, flow, data.subject, this)
        return said + self._judging.judge_about(records, data.subject, this)

    def _rescan(
        self, records: Records, event: Event, data: ScanRequested, memory: Memory, this: Now
    ) -> list[Message]:
        if memory is Memory.REPEAT:
            return []
        target = branch_name(data.target or data.ref or "") or None
        if event.source != speech.SOURCE:
            # What the gate itself asks for, a baseline, is not what the flow is about.
            records.inbox.open_flow(event.correlationid, data.subject, ref=data.ref, target=target)
        self._add_cause(records, event, data.subject, data.check, target, this)
        return self._judging.judge_about(records, data.subject, this)

    def _add_cause(
        self,
        records: Records,
        event: Event,
        subject: Subject,
        check: str | None,
        target: str | None,
        this: Now,
    ) -> None:
        assert this.seq is not None  # only the timer has none
        identity = Identity(this.user, event.source, event.id)
        cause = CauseRow(identity, check, target, event.correlationid, event.time, this.at)
        records.inbox.add_cause(this.seq, subject, cause)

    def _told_again(
        self, records: Records, flow: str, subject: Subject, this: Now
    ) -> list[Message]:
        """Answer the asks of a flow whose push is told again, by whomever."""
        said: list[Message] = []
        for ask in records.asks.of_flow(flow, repo=subject.repo):
            if not ask.answered or ask.decision is None:
                continue
            if self._stands(records, ask.decision) in _AT_ONCE:
                said += self._judging.current(records, ask, this)
            else:
                # After an error whoever tells the push again wants another attempt: the
                # workers were told again too, and their new outcomes are awaited. Under another
                # policy there is nothing to await, it is judged anew.
                records.asks.update(ask, answered=False, reopened_at=this.at - OVERTAKING)
        return said

    def _stands(self, records: Records, decision: str) -> str | None:
        """Return the verdict of a decision, None where another policy holds by now."""
        found = records.said.decided(decision)
        if found is None or found.policy_digest != self._policy.digest:
            return None
        return found.verdict

    def _outcome(
        self, records: Records, event: Event, outcome: Outcome, memory: Memory, this: Now
    ) -> list[Message]:
        if memory is Memory.NEW:
            assert this.seq is not None
            records.inbox.add_outcome(
                this.seq,
                outcome.subject,
                check=outcome.check,
                cause=outcome.cause,
                status=outcome.status.value,
            )
        return self._judging.judge_about(records, outcome.subject, this)

    def _answer(
        self, records: Records, event: Event, data: DecisionRequested, this: Now
    ) -> list[Message]:
        flow = event.correlationid
        subject = records.inbox.flow_subject(flow, repo=data.repo)
        if subject is None:
            # Nothing of this flow is recorded yet, or it is another repository's: say nothing.
            # The waiter asks again; an answer about nobody knows what would be no answer.
            return []
        if data.gate not in self._policy.gate_names:
            ask = Ask(flow, data.gate, data.environment, subject, None, None, None, False, None)
            return [self._judging.once(records, ask, this)]
        ask = records.asks.open(
            flow, data.gate, environment=data.environment, subject=subject, now=this.at
        )
        if ask.answered and ask.decision and self._stands(records, ask.decision):
            return self._judging.current(records, ask, this)
        said = self._judging.judge(records, ask, this)
        answered = any(message.flow == flow and _is_decision(message) for message in said)
        return said if answered else [*said, self._judging.once(records, ask, this)]


def _is_decision(message: Message) -> bool:
    return message.key.startswith("decision.made.")
