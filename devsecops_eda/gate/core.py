"""The gate: one event in, the messages it leads to out, all within one transaction.

What the rules of the promise ask of it:

* a repeat publishes again what the first time published, the same bytes;
* a decision is recorded once per key; one ``decision.made`` per flow that asked;
* after allow or deny whoever asks again is answered at once; after an error the new outcomes
  are awaited;
* silence is a state: ``tick`` turns a missing outcome into a decision.

Who judges, who asks people and who answers are modules of their own; they are put together here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from devsecops_eda import codec
from devsecops_eda.codec.words import words_of
from devsecops_eda.errors import (
    InvalidEventError,
    RacedError,
    RefusalReason,
    UnavailableError,
    UnwritableError,
)
from devsecops_eda.evidence import Evidence
from devsecops_eda.gate.archiving import NO_EVALUATOR, Archiving
from devsecops_eda.gate.beside import Beside
from devsecops_eda.gate.deploying import Deploying
from devsecops_eda.gate.facts import FactsReader
from devsecops_eda.gate.flows import Flows
from devsecops_eda.gate.following import Following
from devsecops_eda.gate.glass import Glass
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.listing import Listing
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.showing import ShownWaivers
from devsecops_eda.gate.timing import Timing
from devsecops_eda.gate.voting import Voting
from devsecops_eda.gate.waiving import Waiving
from devsecops_eda.ledger import Ask, Ledger, Memory, Message, Records
from devsecops_eda.model import Event, People
from devsecops_eda.policy import Policy
from devsecops_eda.predicates import Evaluator
from devsecops_eda.settings import Repository

LOG = logging.getLogger(__name__)

MAX_AHEAD = timedelta(minutes=5)
"""Exactly so far ahead of our clock a ``time`` may be."""

LEASE = timedelta(seconds=15)
"""So long the gate whose timer works keeps that right without renewing it."""

LATER = timedelta(minutes=5)
"""When an ask that could not be judged is tried again."""

MAX_RACES = 5
"""So often an event is taken anew that another gate was quicker to record."""

_TIMER = "timer"


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
        people: People | None = None,
        predicates: Evaluator | None = None,
        policy_document: tuple[str, bytes] | None = None,
    ) -> None:
        """Take what the gate judges by. ``checks`` are those that answer a push.

        Without ``predicates`` no predicate can be evaluated; without ``policy_document`` (digest
        and bytes of the policy as it was loaded) nothing is archived.
        """
        people = people or People()
        beside = Beside(policy=policy, people=people, repositories=repositories)
        facts = FactsReader(
            checks=checks, repositories=repositories, evidence=evidence, beside=beside
        )
        evaluator = predicates.name if predicates is not None else NO_EVALUATOR
        judging = Judging(
            policy,
            facts,
            predicates=predicates,
            archiving=Archiving(policy_document, evaluator=evaluator),
        )
        flows = Flows(policy, facts, judging)
        glass = Glass(policy, people, facts, judging)
        self._ledger = ledger
        self._evidence = evidence
        self._facts = facts
        self._judging = judging
        waivers = ShownWaivers(policy, judging)
        self._timing = Timing(policy, glass, waivers)
        self._following = Following(
            policy,
            judging=judging,
            flows=flows,
            deploying=Deploying(policy, flows, judging),
            voting=Voting(people, judging),
            waiving=Waiving(policy, people, judging),
            glass=glass,
            listing=Listing(policy, facts, judging, waivers),
        )

    def take(self, event: Event, *, user: str, now: datetime) -> tuple[Message, ...]:
        """Record ``event`` and return what has to be published before it may be acknowledged.

        Seeing an event twice is harmless: the same messages come out again.

        Raises:
            InvalidEventError: ``id_conflict``, ``future_time``, ``expired``, ``unknown_id`` or
                ``not_authorised``; nothing was recorded.
            UnavailableError: ledger or evidence store is away; nothing was recorded.
            UnwritableError: the ledger is there and does not take it, however often.
        """
        # Another gate wrote the same first; the next time it is seen as there.
        raced = retry_if_exception_type(RacedError)
        anew = Retrying(retry=raced, stop=stop_after_attempt(MAX_RACES), reraise=True)
        try:
            return anew(self._take, event, user=user, now=now)
        except RacedError as error:
            raise UnwritableError(f"the ledger refused it {MAX_RACES} times: {error}") from error

    def _take(self, event: Event, *, user: str, now: datetime) -> tuple[Message, ...]:
        if event.time > now + MAX_AHEAD:
            raise InvalidEventError(
                RefusalReason.FUTURE_TIME,
                "the event says it happened more than 5 minutes from now: mind the clock",
                path="/time",
            )
        outcome = self._facts.whole(event)
        body = codec.encode(event)
        with self._ledger.transaction(words_of(event.data)[0]) as records:
            memory, seq = records.inbox.remember(
                event,
                user=user,
                variant=outcome.meaning_digest() if outcome else "",
                digest=codec.content_digest(body),
                body=body,
                now=now,
            )
            if memory is Memory.CONFLICT:
                raise InvalidEventError(
                    RefusalReason.ID_CONFLICT,
                    "an event with this id and other content was recorded before, and stands",
                    path="/id",
                )
            if memory is Memory.NEW and event.expirytime is not None and event.expirytime <= now:
                raise InvalidEventError(
                    RefusalReason.EXPIRED,
                    "nobody may act on this request any more",
                    path="/expirytime",
                )
            this = Now(seq, event.id, now, user, event.correlationid, event.traceparent)
            said = self._following.follow(records, event, outcome, memory, this)
            if memory is Memory.REPEAT:
                # Looked up last: what was said then may hold no more by now.
                said = [*_in_order(records.said.messages_of(seq)), *said]
            return tuple({message.id: message for message in said}.values())

    def tick(self, now: datetime, *, owner: str, limit: int = 100) -> tuple[Message, ...]:
        """Decide what time alone decided; return messages to publish.

        Of several gates only the ``owner`` that holds the lease does it.

        Raises:
            UnavailableError: the ledger is away.
        """
        with self._ledger.transaction() as records:
            if not records.said.lease(_TIMER, owner=owner, now=now, length=LEASE):
                return ()
            due = records.asks.due(now, limit=limit)
            waivers = self._timing.waivers(records, now)
            overrides = records.overrides.ending(now)
        this = Now(None, None, now)
        said: list[Message] = []
        for row in overrides:
            tell = partial(self._timing.override, row, this)
            said += self._alone(row.told.repo, tell, f"override {row.told.override}") or []
        for waiver in waivers:
            tell = partial(self._timing.waiver, waiver, this)
            said += self._alone(waiver.request.repo, tell, f"waiver {waiver.id}") or []
        for ask in due:
            tell = partial(self._judge_due, ask, this)
            judged = self._alone(ask.subject.repo, tell, f"{ask.gate} on {ask.subject}")
            if judged is None:
                with self._ledger.transaction() as records:
                    records.asks.update(ask, due=now + LATER)
            said += judged or []
        return tuple(said)

    def _alone(
        self, repo: str | None, tell: Callable[[Records], list[Message]], about: str
    ) -> list[Message] | None:
        """Return what is told in a transaction of its own, None where it cannot be told.

        One that cannot must keep neither the others untold nor any ask undecided.
        """
        try:
            with self._ledger.transaction(repo) as records:
                return tell(records)
        except UnavailableError:
            raise
        except Exception:
            LOG.exception("nothing is told of %s in time", about, extra={"action": "tick_failed"})
            return None

    def _judge_due(self, ask: Ask, this: Now, records: Records) -> list[Message]:
        # It was read in another transaction, and may be answered by now.
        now = self._judging.again(records, ask)
        return self._judging.judge(records, now, this) if now is not None else []

    def forget(
        self, now: datetime, *, owner: str, keep: timedelta, after: str | None = None
    ) -> str | None:
        """Forget some of what is older than ``keep`` and what nothing that lives rests on.

        Return from where to go on next, None at the end. Of several gates only the ``owner`` that
        holds the lease does it.

        Raises:
            UnavailableError: the ledger is away.
        """
        with self._ledger.transaction() as records:
            if not records.said.lease(_TIMER, owner=owner, now=now, length=LEASE):
                return None
            pruned = records.retention.prune(now - keep, after=after)
        LOG.debug("forgot %s", pruned, extra={"action": "forgot"})
        return pruned.next

    def probe(self) -> None:
        """Return when everything the gate needs to take an event answers.

        Raises:
            UnavailableError: ledger or evidence store is away.
        """
        with self._ledger.transaction():
            pass
        self._evidence.answers()

    def owed(self, now: datetime, *, age: timedelta, limit: int = 1000) -> tuple[Message, ...]:
        """Return messages recorded longer than ``age`` ago that no broker confirmed yet.

        Raises:
            UnavailableError: the ledger is away.
        """
        with self._ledger.transaction() as records:
            return tuple(_in_order(records.said.unsent(before=now - age, limit=limit)))

    def published(self, messages: tuple[Message, ...], now: datetime) -> None:
        """Note that the broker confirmed these messages.

        Raises:
            UnavailableError: the ledger is away; they will be published again, harmlessly.
        """
        if messages:
            with self._ledger.transaction() as records:
                records.said.mark_sent([message.id for message in messages], now=now)


def _in_order(messages: Iterable[Message]) -> list[Message]:
    """Return ``messages`` with decisions last: who waits for one looks no further."""
    return sorted(messages, key=lambda message: message.key.startswith("decision.made."))
