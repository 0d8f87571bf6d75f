"""One ask judged: the facts folded into a decision, and what is said because of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda.gate import speech
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.ledger import Ask, Message, Records
from devsecops_eda.model import Decision, Event, Subject, Verdict
from devsecops_eda.policy import Facts, Policy, decide, next_deadline, wanted_baselines

LOG = logging.getLogger(__name__)

_FINAL = frozenset({Verdict.ALLOW, Verdict.DENY, Verdict.ERROR})


@dataclass(frozen=True, slots=True)
class Now:
    """What is being taken, by whom it was said, and when; the timer has neither place nor id."""

    seq: int | None
    event_id: str | None
    at: datetime
    user: str = ""


class Judging:
    """Judges asks within an open transaction of the ledger."""

    def __init__(self, policy: Policy, facts: FactsReader) -> None:
        """Take the policy, and what reads the facts."""
        self._policy = policy
        self._facts = facts

    def judge_about(self, records: Records, subject: Subject, this: Now) -> list[Message]:
        """Judge every ask that is about ``subject`` or compares with it."""
        said: list[Message] = []
        for ask in records.asks.about(subject):
            said += self.judge(records, ask, this)
        return said

    def judge(self, records: Records, ask: Ask, this: Now) -> list[Message]:
        """Return what there is to say to one ask now: requests for baselines, or its decision."""
        facts = self._facts.facts(records, ask)
        said = self._request_baselines(records, ask, facts, this)
        if said:
            # What was just asked for is a fact too: until when it is waited for.
            facts = self._facts.facts(records, ask)
        decision = decide(self._policy, facts, this.at)
        final = decision.verdict in _FINAL
        # A decision stands until there is news. That a scan which was asked for again stays
        # silent is news too, so its deadline is kept.
        waits = not final or _awaits_a_scan(facts)
        due = next_deadline(self._policy, facts, this.at) if waits else None
        if not final:
            records.asks.update(ask, due=due, answered=False)
            return said
        if ask.answered and ask.decision == decision.id:
            records.asks.update(ask, due=due)
            return said
        decision = _by_event_id(decision, self._facts.slots(records, facts))
        if ask.decision not in (None, decision.id):
            decision = replace(decision, supersedes=ask.decision)
        records.said.record_decision(decision)
        records.asks.update(ask, due=due, answered=True, decision=decision.id)
        event = speech.decision_made(ask, decision, cause=this.event_id)
        LOG.info(
            "%s: %s on %s",
            ask.gate,
            decision.verdict.value,
            ask.subject,
            extra={"action": "decided", "flow": ask.flow},
        )
        return [*said, self._owe(records, event, this)]

    def _request_baselines(
        self, records: Records, ask: Ask, facts: Facts, this: Now
    ) -> list[Message]:
        said: list[Message] = []
        for wanted in wanted_baselines(self._policy, facts):
            basis = f"{wanted.rules_digest}/{wanted.data_digest}"
            event = speech.scan_requested(
                ask, wanted.subject, check=wanted.check, basis=basis, now=this.at
            )
            if records.asks.request_baseline(
                ask,
                check=wanted.check,
                subject=wanted.subject,
                request=event.id,
                now=this.at,
            ):
                said.append(self._owe(records, event, this))
        return said

    def current(self, records: Records, ask: Ask, this: Now) -> list[Message]:
        """Owe the decision an ask was last given once more, with its old bytes."""
        assert ask.decision is not None
        found = records.said.message(speech.decision_made_id(ask.decision, ask.flow))
        return [] if found is None else [records.said.enqueue(found, cause=this.seq, now=this.at)]

    def once(self, records: Records, ask: Ask, this: Now) -> Message:
        """Answer one request with how things stand: pending, or an error nobody recorded."""
        decision: Decision = decide(self._policy, self._facts.facts(records, ask), this.at)
        event = speech.decision_made(
            ask, decision, cause=this.event_id, answer_to=this.event_id or ""
        )
        return self._owe(records, event, this)

    def _owe(self, records: Records, event: Event, this: Now) -> Message:
        return records.said.enqueue(speech.message(event), cause=this.seq, now=this.at)


def _by_event_id(decision: Decision, slots: Mapping[str, str]) -> Decision:
    """Name the outcomes a decision rests on by their events, where one event says all of it."""
    lines = (
        replace(line, evidence=tuple(slots.get(digest, digest) for digest in line.evidence))
        for line in decision.requirements
    )
    return replace(decision, requirements=tuple(lines))


def _awaits_a_scan(facts: Facts) -> bool:
    """Return whether a check that was asked for by name has not answered."""
    answered = {(outcome.cause, outcome.check) for outcome in facts.outcomes}
    return any(
        cause.check is not None and (cause.event_id, cause.check) not in answered
        for cause in facts.causes
    )
