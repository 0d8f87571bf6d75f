"""Asking a broker what stands on it, and making nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from devsecops_eda.broker.address import Address
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.declaring import explained
from devsecops_eda.broker.link import Link
from devsecops_eda.broker.messages import RefusedError
from devsecops_eda.errors import NotAuthorisedError, TopologyMismatchError
from devsecops_eda.topology import Exchange, Queue


@dataclass(frozen=True, slots=True)
class Standing:
    """How a queue stands: messages that wait in it, and those who take them.

    ``differs`` says which argument is another than ours and how to mend it, "" where all are the
    same; None where this user may not ask that.
    """

    messages: int
    consumers: int
    differs: str | None


class _Link(Link):
    """A link that remembers what the broker said of itself."""

    def __init__(self, address: Address, *, timeout_s: float) -> None:
        super().__init__(address, timeout_s=timeout_s)
        self.server: Mapping[str, Any] = {}

    def _on_open(self, connection: Any) -> None:
        self.server = dict(connection.server_properties or {})
        super()._on_open(connection)


class Inquiry:
    """Questions to one broker within one deadline. Not thread-safe.

    A broker answers a question about what is not there by closing the channel; the next question
    opens another.
    """

    def __init__(self, address: Address, *, timeout_s: float) -> None:
        """Take the address; the first connection is made on entering."""
        self._address = address
        self._deadline = Deadline.after(timeout_s)
        self._link: _Link | None = None
        self.server: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        self.server = self._open().server
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._link is not None:
            self._link.close()

    def queue(self, queue: Queue) -> Standing | None:
        """Return how a queue stands, None where there is none of that name.

        Raises:
            NotAuthorisedError: this user may not ask.
            BrokerUnreachableError: the broker is away, or did not answer in time.
        """
        try:
            answer = self._ask("queue_declare", queue=queue.name, passive=True)
        except RefusedError as refusal:
            self._refuse_unless_absent(refusal, f"queue {queue.name}")
            return None
        arguments = {"queue": queue.name, "arguments": dict(queue.arguments), "durable": True}
        differs = self._differs(f"queue {queue.name}", "queue_declare", arguments)
        return Standing(answer.message_count, answer.consumer_count, differs)

    def exchange(self, exchange: Exchange) -> str | None:
        """Return in what an exchange differs from ours, None where there is none of that name.

        Raises:
            As ``queue`` does.
        """
        try:
            self._ask("exchange_declare", exchange=exchange.name, passive=True)
        except RefusedError as refusal:
            self._refuse_unless_absent(refusal, f"exchange {exchange.name}")
            return None
        arguments = {"exchange": exchange.name, "exchange_type": exchange.kind, "durable": True}
        return self._differs(f"exchange {exchange.name}", "exchange_declare", arguments) or ""

    def _differs(self, what: str, method: str, arguments: dict[str, Any]) -> str | None:
        # It stands there, so declaring it once more makes nothing: the broker compares.
        try:
            self._ask(method, **arguments)
        except RefusedError as refusal:
            error = explained(refusal, what, self._address)
            if isinstance(error, TopologyMismatchError):
                return str(error)
            return None
        return ""

    def _refuse_unless_absent(self, refusal: RefusedError, what: str) -> None:
        if refusal.code == 404:
            return
        raise NotAuthorisedError(
            f"{self._address}: this user may not look at the {what} ({refusal.text})"
        ) from refusal

    def _ask(self, method: str, **arguments: Any) -> Any:
        return self._open().call(self._deadline, method, **arguments)

    def _open(self) -> _Link:
        link = self._link
        if link is None or link.lost is not None:
            if link is not None:
                link.close()
            link = self._link = _Link.open(self._address, self._deadline)
        return link
