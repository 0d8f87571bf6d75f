"""The dead letters of a broker: looked through, replayed, dropped; none is lost on the way.

A letter is acknowledged when the broker has confirmed its replay and the event that tells of it, or
of its drop. Killed anywhere before, it still stands there, and a second replay does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from devsecops_eda import codec
from devsecops_eda.broker import (
    Address,
    Borrowed,
    Borrowing,
    Deadline,
    Outgoing,
    RefusedError,
    confirmed,
    outgoing,
    refused,
)
from devsecops_eda.deadletters.letter import Letter, letter_of
from devsecops_eda.deadletters.replaying import replayed
from devsecops_eda.deadletters.telling import told
from devsecops_eda.errors import DevSecOpsError, PublishError
from devsecops_eda.model import EventType
from devsecops_eda.topology import DEAD

MAX_READ = 20_000
"""So many letters are looked at in one go."""
MAX_BATCH = 64
"""So many replays, and facts that tell of what was done, are on their way at a time."""
NEXT_TIMEOUT_S = 10.0
"""After so long without the next letter somebody else has taken it."""
CONFIRM_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Dead:
    """One letter in hand."""

    letter: Letter
    found: Borrowed


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one replay; with an ``error`` the letter stays."""

    letter: Letter
    error: PublishError | None = None


class Pile:
    """The queue of dead letters, in the hands of one who looks through it. Not thread-safe.

    ``total`` letters stood there at the beginning; each is looked at once, `MAX_READ` at most.
    """

    def __init__(self, link: Borrowing, total: int) -> None:
        """Take an open link and how many letters stand there; see `open`."""
        self._link = link
        self.total = total
        self.read = 0

    @classmethod
    def open(cls, address: Address, *, timeout_s: float) -> Self:
        """Return the dead letters at ``address``, untouched.

        Raises:
            UnroutableError: there is no such queue.
            NotAuthorisedError: this user may not connect, or not read them.
            BrokerUnreachableError, ConfigurationError: as connecting does.
        """
        deadline = Deadline.after(timeout_s)
        link = Borrowing.open(address, deadline)
        try:
            return cls(link, link.begin(DEAD, deadline, keep_bytes=codec.MAX_REJECT_BYTES))
        except RefusedError as refusal:
            link.close()
            raise refused(refusal, address) from refusal
        except BaseException:
            link.hang_up()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back everything that was not replayed or dropped."""
        with suppress(DevSecOpsError, RefusedError):
            # Where we cannot, the broker does.
            self._link.give_back()
        self._link.close()

    def letters(self) -> Iterator[Dead]:
        """Yield every letter that stood there; what comes meanwhile is for the next time.

        Ends early where somebody else has taken letters.

        Raises:
            NotAuthorisedError: this user may not read them.
            BrokerUnreachableError: the connection was lost.
        """
        try:
            while self.read < min(self.total, MAX_READ):
                found = self._link.next(NEXT_TIMEOUT_S)
                if found is None:
                    return
                self.read += 1
                yield Dead(letter_of(found), found)
        except RefusedError as refusal:
            raise refused(refusal, self._link.address) from refusal

    def drop(self, batch: Sequence[Dead], *, now: datetime, new_id: Callable[[], str]) -> None:
        """Tell that letters (`MAX_BATCH` at most) are dropped, and take them out for good.

        Raises:
            TransientError, PublishError, NotAuthorisedError: the broker is away, in an alarm, or
                lets this user not do that; the letters stay, told or not.
        """
        deadline = Deadline.after(CONFIRM_TIMEOUT_S)
        self._take_out(batch, EventType.MESSAGE_DROPPED, deadline, now=now, new_id=new_id)

    def replay(
        self, batch: Sequence[Dead], *, now: datetime, new_id: Callable[[], str]
    ) -> tuple[Replayed, ...]:
        """Send letters (`MAX_BATCH` at most) to their queues, tell of it, and take them out.

        One that the broker does not take stays, and its result says why.

        Raises:
            TransientError, NotAuthorisedError: the broker is away, in an alarm, or lets this user
                not do that; letters whose replay was not told stay, replayed or not.
        """
        deadline = Deadline.after(CONFIRM_TIMEOUT_S)
        sent = [(one, *self._sent(replayed(one.letter, one.found))) for one in batch]
        results = [
            (one, Replayed(one.letter, self._refusal(promise, message, deadline)))
            for one, message, promise in sent
        ]
        done = [one for one, result in results if result.error is None]
        self._take_out(done, EventType.MESSAGE_REPLAYED, deadline, now=now, new_id=new_id)
        return tuple(result for _, result in results)

    def _take_out(
        self,
        done: Sequence[Dead],
        type_: EventType,
        deadline: Deadline,
        *,
        now: datetime,
        new_id: Callable[[], str],
    ) -> None:
        facts = [told(type_, one.letter, one.found, id_=new_id(), now=now) for one in done]
        for message, promise in [self._sent(outgoing(fact)) for fact in facts]:
            confirmed(self._link, promise, message, deadline)
        for one in done:
            self._link.ack(one.found)

    def _sent(self, message: Outgoing) -> tuple[Outgoing, Future[None]]:
        return message, self._link.publish(message)

    def _refusal(
        self, promise: Future[None], message: Outgoing, deadline: Deadline
    ) -> PublishError | None:
        try:
            confirmed(self._link, promise, message, deadline)
        except PublishError as error:
            if isinstance(error.__cause__, RefusedError):
                # The channel is closed, over this message or over another one.
                raise
            return error
        return None
