"""The gate: one event in, the messages it leads to out, all within one transaction.

What the rules of the promise ask of it:

* a repeat publishes again what the first time published, the same bytes;
* a decision is recorded once per key; one ``decision.made`` per flow that asked;
* after allow or deny whoever asks again is answered at once; after an error the new outcomes
  are awaited;
* silence is a state: ``tick`` turns a missing outcome into a decision.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from devsecops_eda import codec
from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate import speech
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.gate.judging import Judging, Now
from devsecops_eda.ledger import Ask, CauseRow, Ledger, Memory, Message, Records
from devsecops_eda.model import (
    CommitPushed,
    DecisionRequested,
    Event,
    Outcome,
    ScanRequested,
    Subject,
    Verdict,
    branch_name,
)
from devsecops_eda.policy import Policy
from devsecops_eda.settings import Repository

LOG = logging.getLogger(__name__)

MAX_AHEAD = timedelta(minutes=5)
"""Exactly so far ahead of our clock a ``time`` may be."""

LEASE = timedelta(seconds=15)
"""So long the gate whose timer works keeps that right without renewing it."""

_TIMER = "timer"
_AT_ONCE = frozenset({Verdict.ALLOW.value, Verdict.DENY.value})


class Gate:
    """Folds the facts about one subject into one decision. Thread-safe: the ledger serialises."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        policy: Policy,
        checks: tuple[str, ...],
        repositories: Mapping[str, Repository],
        evidence: Evidence,
    ) -> None:
        """Take what the gate judges by. ``checks`` are those that answer a push."""
        self._ledger = ledger
        self._policy = policy
        self._facts = FactsReader(checks=checks, repositories=repositories, evidence=evidence)
        self._judging = Judging(policy, self._facts)

    def take(self, event: Event, *, user: str, now: datetime) -> tuple[Message, ...]:
        """Record ``event`` and return what has to be published before it may be acknowledged.

        Seeing an event twice is harmless: the same messages come out again.

        Raises:
            InvalidEventError: ``id_conflict``, ``future_time`` or ``expired``.
            UnavailableError: ledger or evidence store is away; nothing was recorded.
        """
        if event.time > now + MAX_AHEAD:
            raise InvalidEventError(
                RefusalReason.FUTURE_TIME,
                "the event says it happened more than 5 minutes from now: mind the clock",
                path="/time",
            )
        if event.expirytime is not None and event.expirytime <= now:
            raise InvalidEventError(
                RefusalReason.EXPIRED, "nobody may act on this request any more", path="/expirytime"
            )
        outcome = self._facts.whole(event)
        with self._ledger.transaction() as records:
            memory, seq = records.inbox.remember(
                event,
                user=user,
                variant=outcome.meaning_digest() if outcome else "",
                digest=codec.content_digest(event),
                body=codec.encode(event),
                now=now,
            )
            if memory is Memory.CONFLICT:
                raise InvalidEventError(
                    RefusalReason.ID_CONFLICT,
                    "an event with this id and other content was recorded before, and stands",
                    path="/id",
                )
            this = Now(seq, event.id, now)
            said = list(records.said.messages_of(seq)) if memory is Memory.REPEAT else []
            said += self._follow(records, event, outcome, memory, this)
            return tuple({message.id: message for message in said}.values())

    def tick(self, now: datetime, *, owner: str, limit: int = 100) -> tuple[Message, ...]:
        """Decide what time alone decided; return messages to publish.

        Of several gates only the ``owner`` that holds the lease does it.

        Raises:
            UnavailableError: the ledger is away.
        """
        said: list[Message] = []
        with self._ledger.transaction() as records:
            if not records.said.lease(_TIMER, owner=owner, now=now, length=LEASE):
                return ()
            for ask in records.asks.due(now, limit=limit):
                said += self._judging.judge(records, ask, Now(None, None, now))
        return tuple(said)

    def owed(self, now: datetime, *, age: timedelta, limit: int = 100) -> tuple[Message, ...]:
        """Return messages recorded longer than ``age`` ago that no broker confirmed yet.

        Raises:
            UnavailableError: the ledger is away.
        """
        with self._ledger.transaction() as records:
            return records.said.unsent(before=now - age, limit=limit)

    def published(self, messages: tuple[Message, ...], now: datetime) -> None:
        """Note that the broker confirmed these messages.

        Raises:
            UnavailableError: the ledger is away; they will be published again, harmlessly.
        """
        if messages:
            with self._ledger.transaction() as records:
                records.said.mark_sent([message.id for message in messages], now=now)

    # What each type of event leads to.

    def _follow(
        self,
        records: Records,
        event: Event,
        outcome: Outcome | None,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        data = event.data
        if outcome is not None:
            return self._outcome(records, event, outcome, memory, this)
        if isinstance(data, CommitPushed):
            towards = branch_name(data.target or data.ref)
            return self._cause(records, event, data.subject, None, data.ref, towards, memory, this)
        if isinstance(data, ScanRequested):
            target = branch_name(data.target or data.ref or "") or None
            return self._cause(
                records, event, data.subject, data.check, data.ref, target, memory, this
            )
        if isinstance(data, DecisionRequested):
            return self._answer(records, event, data, this)
        return []

    def _cause(
        self,
        records: Records,
        event: Event,
        subject: Subject,
        check: str | None,
        ref: str | None,
        target: str | None,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        flow = event.correlationid
        if memory is Memory.REPEAT:
            return self._told_again(records, flow, subject, this)
        assert this.seq is not None
        if not (event.source == speech.SOURCE and check):
            # What the gate itself asks for, a baseline, is not what the flow is about.
            records.inbox.open_flow(flow, subject, ref=ref, target=target)
        records.inbox.add_cause(
            this.seq,
            subject,
            CauseRow(event.id, check, target, flow, event.time, this.at),
        )
        if check is None:
            for gate in self._policy.asked_by(event.type):
                records.asks.open(flow, gate, environment=None, subject=subject, now=this.at)
        return self._judging.judge_about(records, subject, this)

    def _told_again(
        self, records: Records, flow: str, subject: Subject, this: Now
    ) -> list[Message]:
        said: list[Message] = []
        for ask in records.asks.of_flow(flow, repo=subject.repo):
            if ask.answered and ask.decision is not None:
                if records.said.verdict_of(ask.decision) in _AT_ONCE:
                    said += self._judging.current(records, ask, this)
                    continue
                # After an error whoever tells the push again wants another attempt: the
                # workers were told again too, and their new outcomes are awaited.
                ask = replace(ask, answered=False, reopened_at=this.at)
                records.asks.update(ask, answered=False, reopened_at=this.at)
            said += self._judging.judge(records, ask, this)
        return said

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
        if ask.answered:
            return self._judging.current(records, ask, this)
        said = self._judging.judge(records, ask, this)
        answered = any(message.flow == flow and _is_decision(message) for message in said)
        return said if answered else [*said, self._judging.once(records, ask, this)]


def _is_decision(message: Message) -> bool:
    return message.key.startswith("decision.made.")
