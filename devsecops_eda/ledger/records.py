"""The ledger within one open transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from devsecops_eda.ledger.asks import Asks
from devsecops_eda.ledger.inbox import Inbox
from devsecops_eda.ledger.said import Said


class Records:
    """Everything that can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection of the open transaction."""
        self.inbox = Inbox(connection)
        self.asks = Asks(connection)
        self.said = Said(connection)
