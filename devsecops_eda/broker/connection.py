"""pika's connection with two ways to end it that never complain."""

from __future__ import annotations

import pika
from pika.exceptions import ConnectionClosedByClient


class Connection(pika.SelectConnection):  # type: ignore[misc]
    """A connection of pika's; all of it belongs to the thread of its loop."""

    def say_goodbye(self) -> None:
        """Begin to close, if that has not begun: pika logs a second time as an error."""
        if not (self.is_closing or self.is_closed):
            self.close()

    def abort(self) -> None:
        """Hang up at once, whatever the state: a goodbye would wait for a dead peer."""
        if not self.is_closed:
            # The one protected method we use: pika itself hangs up with it when heartbeats stop.
            self._terminate_stream(ConnectionClosedByClient(320, "hung up"))
