"""One ask judged: the facts folded into a decision, and what is said because of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from devsecops_eda import codec
from devsecops_eda.gate import speech
from devsecops_eda.gate.archiving import Archiving
from devsecops_eda.gate.facts import FactsReader, Gathered
from devsecops_eda.gate.news import at_rest, awaits_a_scan, only_windows_moved, unprompted
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.order import Order
from devsecops_eda.gate.overruled import overrides_in_force
from devsecops_eda.gate.people import Rounds
from devsecops_eda.ledger import Ask, Message, Records
from devsecops_eda.model import Decision, Event, Subject, Verdict
from devsecops_eda.policy import Facts, Policy, decide, next_deadline, wanted_baselines
from devsecops_eda.predicates import Evaluator, with_matches

LOG = logging.getLogger(__name__)

_FINAL = frozenset({Verdict.ALLOW, Verdict.DENY, Verdict.ERROR})
_MAX_TURNS = 3
"""So often rounds of voting may lead to further ones within one judgement."""


class Judging:
    """Judges asks within an open transaction of the ledger."""

    def __init__(
        self,
        policy: Policy,
        facts: FactsReader,
        *,
        predicates: Evaluator | None,
        archiving: Archiving,
    ) -> None:
        """Take the policy, what reads the facts, what evaluates predicates, what archives."""
        self._policy = policy
        self._unprompted = unprompted(policy)
        self._facts = facts
        self._predicates = predicates
        self._archiving = archiving
        self._rounds = Rounds(policy)
        self._order = Order(policy)

    def judge_about(self, records: Records, subject: Subject, this: Now) -> list[Message]:
        """Judge every ask that is about ``subject``, was built from it or compares with it."""
        return self.judge_all(records, records.asks.about(subject), this)

    def judge_all(
        self, records: Records, asks: Iterable[Ask], this: Now, *, asked: bool = False
    ) -> list[Message]:
        """Judge ``asks``, first those that others wait for; ``asked`` as for ``judge``."""
        said: list[Message] = []
        for number, ask in enumerate(self._order.sorted(asks, flow=this.flow)):
            # What was judged before it may have judged it as well.
            current = self.again(records, ask) if number else ask
            said += self.judge(records, current or ask, this, asked=asked)
        return said

    def again(self, records: Records, ask: Ask) -> Ask | None:
        """Return an ask as it stands by now."""
        return records.asks.get(
            ask.flow, repo=ask.subject.repo, gate=ask.gate, environment=ask.environment
        )

    def judge(self, records: Records, ask: Ask, this: Now, *, asked: bool = False) -> list[Message]:
        """Return what there is to say to one ask now.

        Requests for baselines and votes, ends of rounds, its decision, and those of the gates
        that wait for it. ``asked`` says that somebody wants to know of this ask at this moment.
        """
        gathered, said = self.look(records, ask, this)
        decision = decide(self._policy, gathered.facts, this.at)
        for _ in range(_MAX_TURNS):
            turned = self._rounds.turn(records, ask, gathered.facts, decision, this)
            if not turned:
                break
            said += turned
            # What was just asked or closed is a fact too.
            gathered, _ = self.look(records, ask, this)
            decision = decide(self._policy, gathered.facts, this.at)
        self._rounds.show(records, ask, gathered.facts, decision, this)
        return said + self._settle(records, ask, gathered, decision, this, asked=asked)

    def look(self, records: Records, ask: Ask, this: Now) -> tuple[Gathered, list[Message]]:
        """Return the facts about an ask, and the requests for baselines they lack."""
        gathered = self._gather(records, ask)
        said = self._request_baselines(records, ask, gathered.facts, this)
        # What was just asked for is a fact too: until when it is waited for.
        return (self._gather(records, ask) if said else gathered), said

    def peek(self, records: Records, ask: Ask, this: Now) -> tuple[Facts, Decision]:
        """Return facts and decision of an ask as they are now; nothing is asked for or kept."""
        facts = self._gather(records, ask).facts
        return facts, decide(self._policy, facts, this.at)

    def show(self, records: Records, ask: Ask, facts: Facts, decision: Decision, this: Now) -> str:
        """Return the digest of the view somebody is about to be shown, which a vote may name."""
        return self._rounds.show(records, ask, facts, decision, this)

    def _gather(self, records: Records, ask: Ask) -> Gathered:
        gathered = self._facts.gather(records, ask)
        if self._predicates is None:
            return gathered
        facts = with_matches(self._policy, gathered.facts, self._predicates)
        return replace(gathered, facts=facts)

    def _settle(
        self,
        records: Records,
        ask: Ask,
        gathered: Gathered,
        decision: Decision,
        this: Now,
        *,
        asked: bool,
    ) -> list[Message]:
        facts = gathered.facts
        if decision.verdict not in _FINAL:
            due = next_deadline(self._policy, facts, this.at)
            records.asks.update(ask, due=due, answered=False)
            # Who waits for this gate must not go on by an answer that was taken back.
            return self._cascade(records, ask, this) if ask.answered else []
        due = self._due(facts, decision)
        if ask.answered and (
            ask.decision == decision.id
            or (not asked and self._only_windows(records, ask, decision))
        ):
            records.asks.update(ask, due=due)
            if not asked or ask.decision != decision.id:
                return []
            # The same said anew is as young as anything new: others ask how old it is.
            records.said.record_decision(decision)
            return self._cascade(records, ask, this)
        told = _by_event_id(decision, gathered.slots())
        if ask.decision not in (None, decision.id):
            told = replace(told, supersedes=ask.decision)
        records.said.record_decision(told)
        self._archiving.keep(records, ask, decision, gathered)
        records.asks.update(ask, due=due, answered=True, decision=decision.id)
        LOG.info(
            "%s: %s on %s",
            ask.gate,
            decision.verdict.value,
            ask.subject,
            extra={"action": "decided", "flow": ask.flow},
        )
        event = speech.decision_made(ask, told, cause=this.event_id)
        return [*self._tell(records, event, told, this), *self._cascade(records, ask, this)]

    def _due(self, facts: Facts, decision: Decision) -> datetime | None:
        """Return when time by itself may be news for a decision that is given now."""
        at = decision.evaluated_at
        if awaits_a_scan(facts):
            return next_deadline(self._policy, facts, at)
        if self._unprompted is None:
            return None
        return next_deadline(self._unprompted, at_rest(facts, decision), at)

    def _only_windows(self, records: Records, ask: Ask, decision: Decision) -> bool:
        assert ask.decision is not None
        found = records.said.message(speech.decision_made_id(ask.decision, ask.flow))
        old = codec.decode(found.body).data if found is not None else None
        return isinstance(old, Decision) and only_windows_moved(old, decision)

    def _cascade(self, records: Records, ask: Ask, this: Now) -> list[Message]:
        """Judge again what waits for the decision of this ask's gate on its subject."""
        waiting = self._order.waiting_for(ask.gate)
        if not waiting:
            return []
        asks = [one for one in records.asks.about(ask.subject) if one.gate in waiting]
        return self.judge_all(records, asks, this)

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
                said.append(this.owe(records, event))
        return said

    def answer(self, records: Records, ask: Ask, this: Now, *, pending: bool) -> list[Message]:
        """Judge an ask at the moment somebody asks, and tell him even if nothing is new.

        With ``pending`` also that there is no decision yet.
        """
        said = self.judge(records, ask, this, asked=True)
        now = self.again(records, ask)
        if now is None or not now.answered or now.decision is None:
            return [*said, *self.once(records, ask, this)] if pending else said
        told = speech.decision_made_id(now.decision, now.flow)
        if any(message.id == told for message in said):
            return said
        return [*said, *self._current(records, now, this)]

    def _current(self, records: Records, ask: Ask, this: Now) -> list[Message]:
        """Owe the decision an ask was last given once more, with its old bytes."""
        assert ask.decision is not None
        found = records.said.message(speech.decision_made_id(ask.decision, ask.flow))
        if found is None:
            return []
        overrides = self._overrides(records, ask.flow, ask.decision, this)
        return [*overrides, records.said.enqueue(found, cause=this.seq, now=this.at)]

    def once(self, records: Records, ask: Ask, this: Now) -> list[Message]:
        """Answer one request with how things stand: pending, or an error nobody recorded."""
        _, decision = self.peek(records, ask, this)
        if decision.verdict is Verdict.PENDING and self._policy.break_glass is not None:
            # Over votes that do not come in the night the glass is broken: it has to be known.
            records.said.record_decision(decision)
        event = speech.decision_made(
            ask, decision, cause=this.event_id, answer_to=this.event_id or ""
        )
        return self._tell(records, event, decision, this)

    def _tell(self, records: Records, event: Event, decision: Decision, this: Now) -> list[Message]:
        overrides = self._overrides(records, event.correlationid, decision.id, this)
        return [*overrides, this.owe(records, event, decision=decision.id)]

    def _overrides(self, records: Records, flow: str, decision: str, this: Now) -> list[Message]:
        # Before the decision: whoever waits for that looks no further when it came.
        return [
            this.owe(records, speech.override_told(flow, told, cause=None, now=this.at))
            for told in overrides_in_force(records, decision, this.at)
        ]


def _by_event_id(decision: Decision, slots: Mapping[str, str]) -> Decision:
    """Name the outcomes a decision rests on by their events, where one event says all of it."""
    lines = (
        replace(line, evidence=tuple(slots.get(digest, digest) for digest in line.evidence))
        for line in decision.requirements
    )
    return replace(decision, requirements=tuple(lines))
