"""Waiting for the answer to one question, and asking again after a silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from devsecops_eda.broker import Deadline
from devsecops_eda.client.replies import Replies
from devsecops_eda.errors import ConfigurationError, DevSecOpsError
from devsecops_eda.model import (
    CommitPushed,
    Decision,
    DeploymentRequested,
    Event,
    Outcome,
    ScanRequested,
    Subject,
    Verdict,
    branch_name,
)

LOG = logging.getLogger(__name__)

OnEvent = Callable[[Event], None]

SILENCE_S = 10.0
"""After so long a silence a waiter asks; the next silences are longer."""
_LONGEST_SILENCE_S = 60.0
_PAUSE_S = 1.0
_ENOUGH = 3
"""So many answers that do not rest on an outcome show that the policy does not want its check."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a waiter wants to know: how ``gate`` decides about ``repo`` in ``flow``."""

    repo: str
    flow: str
    gate: str
    subject: str | None = None
    environment: str | None = None
    target: str | None = None

    def answered_by(self, event: Event) -> Decision | None:
        """Return the decision in ``event`` if it is the final answer to this question."""
        decision = event.data
        if not isinstance(decision, Decision) or decision.verdict is Verdict.PENDING:
            return None
        mine = decision.gate == self.gate and decision.environment == self.environment
        about = self.subject is None or str(decision.subject) == self.subject
        # Allowed towards a topic branch is not allowed towards main, and flows can be guessed.
        towards = self.target is None or decision.target in (None, self.target)
        return decision if mine and about and towards else None


def question_of(event: Event, gate: str) -> Question:
    """Return what ``event`` asks of ``gate``: about its subject, branch and environment.

    Raises:
        ConfigurationError: nobody decides because of this event.
    """
    flow, about = event.correlationid, event.subject
    match event.data:
        case CommitPushed(repo=repo, ref=ref, target=target):
            # It is decided for the branch it is meant for, else for its own.
            return Question(repo, flow, gate, about, target=branch_name(target or ref))
        case DeploymentRequested(subject=Subject(repo=str(repo)), environment=where, target=target):
            towards = branch_name(target) if target else None
            return Question(repo, flow, gate, about, environment=where, target=towards)
        case ScanRequested(subject=Subject(repo=str(repo))):
            return Question(repo, flow, gate, about)
    raise ConfigurationError(f"no gate decides because of {event.type.value}")


@dataclass(frozen=True, slots=True)
class Waiter:
    """Hears the replies to one question until its deadline. ``ask`` puts the question again."""

    replies: Replies
    question: Question
    deadline: Deadline
    ask: Callable[[], None]
    on_event: OnEvent | None = None
    silence_s: float = SILENCE_S

    def answer(self) -> Decision | None:
        """Return the final answer, None when the time is over.

        Raises:
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        return next(self._answers(self.silence_s), None)

    def outcome_of(self, request: Event, *, tell: Callable[[], None]) -> Event | None:
        """Return the outcome that ``request`` caused, None when the time is over.

        ``tell`` tells it again, where the outcome may have been said while nobody listened.

        Raises:
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        while not self.deadline.over:
            event = self.replies.next(self.deadline)
            if event is not None:
                self._show(event)
            if self.replies.reconnected:
                _softly(self.replies, tell)
            caused = event is not None and event.causationid == request.id
            if event is not None and caused and isinstance(event.data, Outcome):
                return event
        return None

    def answer_after(self, outcome: Event) -> Decision | None:
        """Return the final answer that knows ``outcome``, None when the time is over.

        The gate may hear the question before it has recorded the outcome, so an older decision is
        taken only when it comes again and again: a policy need not want that check at all.

        Raises:
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        for count, decision in enumerate(self._answers(_PAUSE_S), start=1):
            if _rests_on(decision, outcome) or count >= _ENOUGH:
                return decision
        return None

    def _answers(self, silence_s: float) -> Iterator[Decision]:
        for event in heard(self.replies, self.deadline, ask=self.ask, silence_s=silence_s):
            self._show(event)
            decision = self.question.answered_by(event)
            if decision is not None:
                yield decision

    def _show(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)


def _rests_on(decision: Decision, outcome: Event) -> bool:
    return any(outcome.id in line.evidence for line in decision.requirements)


def heard(
    replies: Replies, deadline: Deadline, *, ask: Callable[[], None], silence_s: float
) -> Iterator[Event]:
    """Yield what is said until the deadline; ask after each silence, twice as long as the last.

    An answer may be lost, or given before we came: who is asked again says it again.

    Raises:
        BrokerUnreachableError: the connection was lost and did not come back in time.
    """
    while not deadline.over:
        quiet = deadline.within(min(silence_s, _LONGEST_SILENCE_S))
        while not quiet.over and not replies.reconnected:
            event = replies.next(quiet)
            if event is not None:
                yield event
        if not deadline.over:
            _softly(replies, ask)
        silence_s *= 2


def _softly(replies: Replies, say: Callable[[], None]) -> None:
    """Ask or tell again; where that fails, what was said before may still be answered."""
    replies.reconnected = False
    try:
        say()
    except DevSecOpsError as error:
        LOG.warning("could not ask again: %s", error, extra={"action": "ask"})
