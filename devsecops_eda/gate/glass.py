"""Overrides: the glass is broken over one decision, which stays what it is."""

from __future__ import annotations

from dataclasses import replace

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import speech
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.ledger import Ask, DecidedRow, Memory, Message, OverrideRow, Records
from devsecops_eda.model import (
    Event,
    Identity,
    OverrideRequested,
    OverrideReviewed,
    OverrideState,
    OverrideTold,
    People,
    Verdict,
    flow_of,
)
from devsecops_eda.policy import Policy
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.model import BreakGlass
from devsecops_eda.policy.selecting import applied


class Glass:
    """Follows overrides up within an open transaction."""

    def __init__(
        self, policy: Policy, people: People, facts: FactsReader, judging: Judging
    ) -> None:
        """Take who may break the glass, who is who, and what knows how an ask stands."""
        self._policy = policy
        self._people = people
        self._facts = facts
        self._judging = judging

    def requested(
        self, records: Records, event: Event, data: OverrideRequested, memory: Memory, this: Now
    ) -> list[Message]:
        """Activate an override or refuse it with a sentence, and tell whom it concerns.

        Raises:
            InvalidEventError: ``unknown_id``: no such decision is recorded in that repository;
                ``id_conflict``: another sender's request has that override.
        """
        override = Identity(this.user, event.source, event.id).derived("override")
        if memory is Memory.REPEAT:
            row = records.overrides.get(override)
            return [] if row is None else self._tell(records, row.told, event.correlationid, this)
        if records.overrides.get(override) is not None:
            raise InvalidEventError(
                RefusalReason.ID_CONFLICT,
                "another request has the same override already",
                path="/id",
            )
        decided = records.said.decided(data.decision)
        if decided is None or decided.subject.repo != data.repo:
            raise InvalidEventError(
                RefusalReason.UNKNOWN_ID,
                "there is no such decision in this repository",
                path="/data/decision",
            )
        actor = self._people.of_user(this.user)
        asks = _asks(records, decided)
        terms = self._terms(asks)
        refusal = self._refusal(records, data, decided, asks, actor, terms, this)
        told = OverrideTold(
            override=override,
            decision=data.decision,
            repo=data.repo,
            gate=decided.gate,
            subject=decided.subject,
            state=OverrideState.REFUSED if refusal else OverrideState.ACTIVE,
            actor=actor or this.user,
            reason=data.reason,
            expires_at=data.expires_at,
            incident=data.incident,
            environment=decided.environment,
            review_due=this.at + terms.review_within if terms and not refusal else None,
            message=refusal or "the decision stays what it is, and this stands beside it",
        )
        assert this.seq is not None  # only the timer has none
        records.overrides.add(this.seq, told=told, now=this.at)
        return self._tell(records, told, event.correlationid, this)

    def reviewed(
        self, records: Records, event: Event, data: OverrideReviewed, memory: Memory, this: Now
    ) -> list[Message]:
        """Record what another person thinks of an override afterwards; the first review stands.

        One that does not count is recorded with the reason, for whoever said it to see.

        Raises:
            InvalidEventError: ``unknown_id``: there is no such override in that repository.
        """
        row = records.overrides.get(data.override)
        if row is None or row.told.repo != data.repo:
            raise InvalidEventError(
                RefusalReason.UNKNOWN_ID,
                "there is no such override in this repository",
                path="/data/override",
            )
        if memory is not Memory.NEW:
            return []
        assert this.seq is not None  # only the timer has none
        person = self._people.of_user(this.user)
        if person is None:
            why = f"the user {this.user} is nobody the operator named"
        elif person == row.told.actor:
            why = f"{person} broke the glass: somebody else has to review it"
        elif row.told.state is OverrideState.REFUSED:
            why = "it was refused, so there is nothing to review"
        elif row.reviewed_at is not None:
            why = f"{row.reviewer} reviewed it before, and the first review stands"
        else:
            records.overrides.review(
                data.override,
                event_id=event.id,
                reviewer=person,
                justified=data.justified,
                comment=data.comment,
                now=this.at,
            )
            return []
        records.remarks.add(this.seq, data.override, why)
        return []

    def expire(self, records: Records, row: OverrideRow, this: Now) -> list[Message]:
        """Say that an override is over; the decision it stood beside stands alone again."""
        told = replace(row.told, state=OverrideState.EXPIRED, message="it is over")
        records.overrides.update(told.override, told)
        return self._tell(records, told, flow_of(told.override), this)

    def _terms(self, asks: list[Ask]) -> BreakGlass | None:
        for ask in asks:
            holds = applied(self._policy, self._facts.frame(ask))
            if holds is not None:
                return holds.break_glass
        return None

    def _refusal(
        self,
        records: Records,
        data: OverrideRequested,
        decided: DecidedRow,
        asks: list[Ask],
        actor: str | None,
        terms: BreakGlass | None,
        this: Now,
    ) -> str:
        """Return why the glass may not be broken, empty where it may."""
        if terms is None:
            return "the policy lets nobody override a decision"
        if actor is None:
            return f"the user {this.user} is nobody the operator named"
        if not self._people.groups_of(actor) & frozenset(terms.groups):
            return f"{actor} is in none of the groups {', '.join(terms.groups)}"
        if decided.verdict is Verdict.ALLOW:
            return "the decision is an allow, there is nothing to override"
        if data.expires_at <= this.at:
            return "it would be over already"
        if data.expires_at - this.at > terms.longest:
            return f"an override lasts at most {show_duration(terms.longest)}"
        if not any(self._holds(records, ask, data.decision, this) for ask in asks):
            return "the decision is out of date, another one took its place"
        return ""

    def _holds(self, records: Records, ask: Ask, decision: str, this: Now) -> bool:
        if ask.answered:
            return ask.decision == decision
        return self._judging.peek(records, ask, this)[1].id == decision

    def _tell(self, records: Records, told: OverrideTold, flow: str, this: Now) -> list[Message]:
        """Tell who asked for the override, and every flow that still waits for an answer."""
        decided = records.said.decided(told.decision)
        flows = []
        if decided is not None and told.state is OverrideState.ACTIVE:
            # Whoever was answered already is told when he asks again.
            flows = [ask.flow for ask in _asks(records, decided) if not ask.answered]
        return [
            this.owe(records, speech.override_told(one, told, cause=this.event_id, now=this.at))
            for one in dict.fromkeys((flow, *flows))
        ]


def _asks(records: Records, decided: DecidedRow) -> list[Ask]:
    """Return the asks that a decision answers, or did."""
    place = (decided.gate, decided.environment, decided.target, decided.subject)
    return [
        ask
        for ask in records.asks.about(decided.subject)
        if (ask.gate, ask.environment, ask.target, ask.subject) == place
    ]
