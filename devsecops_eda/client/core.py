"""The client: tell a fact, and wait for what the gate says about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from devsecops_eda.broker import Deadline, PublishingThread, outgoing, parse_url
from devsecops_eda.client.facts import decision_requested, listing_requested
from devsecops_eda.client.listing import listed
from devsecops_eda.client.replies import Replies
from devsecops_eda.client.spool import Spool
from devsecops_eda.client.waiting import SILENCE_S, OnEvent, Question, Waiter, question_of
from devsecops_eda.errors import ConfigurationError, TransientError
from devsecops_eda.model import (
    DEFAULT_GATE,
    Decision,
    Event,
    ListingMade,
    ListingRequested,
    branch_name,
    trace_after,
)
from devsecops_eda.topology import Identities

LOG = logging.getLogger(__name__)

TELL_S = 30.0
"""So long `ask` tries to tell its event, out of the time it was given."""


class Client:
    """One user of the broker. Thread-safe; a context manager; connects when first needed.

    Args:
        url: ``amqps://user:password@host:5671/vhost``.
        ca_file: CA certificates to trust instead of this machine's.
        identities: which broker users are believed to be the gate and the workers.
        spool: folder for events that cannot be told now.
        silence_s: after so long a silence a waiter asks; the next silences are longer.
        traceparent: the W3C trace context in which events are told that carry none themselves.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None = None,
        identities: Identities | None = None,
        spool: Path | None = None,
        silence_s: float = SILENCE_S,
        traceparent: str | None = None,
    ) -> None:
        self._traceparent = traceparent
        self._address = parse_url(url, ca_file=ca_file)
        self._identities = identities or Identities()
        self._spool = Spool(spool) if spool is not None else None
        self._silence_s = silence_s
        self._publisher = PublishingThread(self._address)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def user(self) -> str:
        """Return the broker user as whom this client speaks."""
        return self._address.user

    def close(self) -> None:
        """End the connections. Harmless twice."""
        self._publisher.close()

    def publish(self, event: Event, *, timeout_s: float = 10.0) -> None:
        """Return when the broker confirmed ``event`` and a queue has it.

        ``timeout_s`` is the whole time, as measured from outside. After an error the event may
        still have arrived; telling the same event again is harmless.

        Raises:
            UnroutableError: no queue wants it: is the topology applied?
            PublishRefusedError: the broker said no (a full queue).
            NotAuthorisedError: this user may not connect, or not say that.
            BrokerBlockedError: the broker is in an alarm and took nothing in time.
            BrokerUnreachableError: no connection in time.
            PublishTimeoutError: no confirm in time.
            InvalidEventError: every door would refuse it.
        """
        message = outgoing(self._traced(event), mandatory=True)
        self._publisher.publish(message, timeout_s=timeout_s)

    def _traced(self, event: Event) -> Event:
        if event.traceparent is not None:
            return event
        return replace(event, traceparent=trace_after(self._traceparent, event.id))

    def publish_or_spool(self, event: Event, *, timeout_s: float = 10.0) -> bool:
        """Publish ``event``, else keep it on disk; return whether it was published.

        What was kept before goes first.

        Raises:
            UnavailableError: neither worked.
            The errors of `publish` that trying later does not mend; nothing is kept then.
        """
        spool = self._needed_spool()
        deadline = Deadline.after(timeout_s)
        try:
            self.flush(timeout_s=deadline.left_s)
            self.publish(event, timeout_s=deadline.left_s)
        except TransientError as error:
            LOG.warning("kept for later: %s", error, extra={"action": "spool"})
            spool.keep(self._traced(event))
            return False
        return True

    def flush(self, *, timeout_s: float = 60.0) -> int:
        """Publish what the spool keeps, oldest first; return how many events.

        Raises:
            The errors of `publish`; what was not sent stays.
        """
        deadline = Deadline.after(timeout_s)
        return self._needed_spool().flush(
            lambda event: self.publish(event, timeout_s=deadline.left_s)
        )

    def ask(
        self,
        event: Event,
        *,
        gate: str = DEFAULT_GATE,
        timeout_s: float,
        on_event: OnEvent | None = None,
    ) -> Decision | None:
        """Tell ``event`` and return the decision of ``gate`` about it, None if still pending.

        Listens before it speaks, so the answer cannot be missed; survives lost connections; after
        a silence it asks. ``on_event`` is called with every event of the flow: outcomes as they
        come, approvals, overrides, and decisions, pending ones too. About a deployment the
        decision returned is the one for its environment.

        Raises:
            The errors of `publish`, when the event could not be told in the first place.
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        question = question_of(event, gate)
        deadline = Deadline.after(timeout_s)
        with self._listening(question, deadline, on_event) as waiter:
            self.publish(event, timeout_s=min(TELL_S, deadline.left_s))
            return waiter.answer()

    def wait(
        self,
        repo: str,
        flow: str,
        *,
        gate: str = DEFAULT_GATE,
        environment: str | None = None,
        subject: str | None = None,
        target: str | None = None,
        timeout_s: float,
        on_event: OnEvent | None = None,
    ) -> Decision | None:
        """Return the decision of ``gate`` in ``flow``, None if still pending.

        Listens, then asks; see `ask`. Flows can be guessed: where ``subject`` or ``target`` (a
        branch) is given, a decision about another one is no answer.

        Raises:
            The errors of `publish`, when it could not be asked in the first place.
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        towards = branch_name(target) if target is not None else None
        question = Question(repo, flow, gate, subject, environment, towards)
        deadline = Deadline.after(timeout_s)
        with self._listening(question, deadline, on_event) as waiter:
            waiter.ask()
            return waiter.answer()

    def rescan(
        self,
        request: Event,
        *,
        gate: str = DEFAULT_GATE,
        timeout_s: float,
        on_event: OnEvent | None = None,
    ) -> Decision | None:
        """Tell a ``scan.requested``, await its outcome and return the decision that knows of it.

        Until the outcome is there the older one holds, and the gate would answer with the older
        decision. None if still pending.

        Raises:
            The errors of `publish`, when it could not be told or asked in the first place.
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        question = question_of(request, gate)
        deadline = Deadline.after(timeout_s)
        with self._listening(question, deadline, on_event) as waiter:

            def tell() -> None:
                self.publish(request, timeout_s=min(TELL_S, deadline.left_s))

            tell()
            outcome = waiter.outcome_of(request, tell=tell)
            if outcome is None:
                return None
            waiter.ask()
            return waiter.answer_after(outcome)

    def list(self, request: ListingRequested, *, timeout_s: float) -> ListingMade:
        """Return what the gate has recorded of what ``request`` asks for.

        An answer over several messages is put together; after a silence it asks again.

        Raises:
            The errors of `publish`, when it could not be asked in the first place.
            UnavailableError: nobody answered in time.
            BrokerUnreachableError: the connection was lost and did not come back in time.
        """
        deadline = Deadline.after(timeout_s)
        flow = listing_requested(request, now=datetime.now(UTC)).correlationid

        def ask() -> None:
            event = listing_requested(request, now=datetime.now(UTC), flow=flow)
            self.publish(event, timeout_s=min(TELL_S, deadline.left_s))

        replies = Replies(
            self._address,
            repo=request.repo or "",
            flow=flow,
            identities=self._identities,
            deadline=deadline,
        )
        with replies:
            return listed(
                replies, request.of, ask=ask, deadline=deadline, silence_s=self._silence_s
            )

    @contextmanager
    def _listening(
        self, question: Question, deadline: Deadline, on_event: OnEvent | None
    ) -> Iterator[Waiter]:
        def ask() -> None:
            event = decision_requested(
                question.repo,
                flow=question.flow,
                gate=question.gate,
                environment=question.environment,
                now=datetime.now(UTC),
            )
            self.publish(event, timeout_s=min(TELL_S, deadline.left_s))

        replies = Replies(
            self._address,
            repo=question.repo,
            flow=question.flow,
            identities=self._identities,
            deadline=deadline,
        )
        with replies:
            yield Waiter(replies, question, deadline, ask, on_event, self._silence_s)

    def _needed_spool(self) -> Spool:
        if self._spool is None:
            raise ConfigurationError("this client has no spool folder")
        return self._spool
