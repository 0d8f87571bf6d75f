"""The ledger within one open transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from devsecops_eda.ledger.archive import Archive
from devsecops_eda.ledger.asks import Asks
from devsecops_eda.ledger.inbox import Inbox
from devsecops_eda.ledger.naming import Naming
from devsecops_eda.ledger.overrides import Overrides
from devsecops_eda.ledger.remarks import Remarks
from devsecops_eda.ledger.retention import Retention
from devsecops_eda.ledger.said import Said
from devsecops_eda.ledger.voting import Voting
from devsecops_eda.ledger.waivers import Waivers
from devsecops_eda.ledger.watching import Watching


class Records:
    """Everything that can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection of the open transaction."""
        self.inbox = Inbox(connection)
        self.asks = Asks(connection)
        self.said = Said(connection)
        self.voting = Voting(connection)
        self.waivers = Waivers(connection)
        self.overrides = Overrides(connection)
        self.remarks = Remarks(connection)
        self.archive = Archive(connection)
        self.retention = Retention(connection)
        self.watching = Watching(connection)
        self.naming = Naming(connection)
