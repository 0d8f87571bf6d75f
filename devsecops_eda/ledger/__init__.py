"""The gate's memory: what was recorded, decided and said.

Everything happens inside one transaction: ``with ledger.transaction() as records``. What it
committed survives a kill -9 and a loss of power.
"""

from devsecops_eda.ledger.naming import Named, PushRow
from devsecops_eda.ledger.records import Records
from devsecops_eda.ledger.retention import Pruned
from devsecops_eda.ledger.rows import (
    ArchivedRow,
    Ask,
    CauseRow,
    DecidedRow,
    GrantRow,
    Memory,
    Message,
    OutcomeRow,
    OverrideRow,
    RemarkRow,
    RoundRow,
    WaiverRow,
)
from devsecops_eda.ledger.store import Ledger, open_ledger
from devsecops_eda.ledger.watching import HeardRow, OwedRow, PendingRow, SaidRow

__all__ = [
    "ArchivedRow",
    "Ask",
    "CauseRow",
    "DecidedRow",
    "GrantRow",
    "HeardRow",
    "Ledger",
    "Memory",
    "Message",
    "Named",
    "OutcomeRow",
    "OverrideRow",
    "OwedRow",
    "PendingRow",
    "Pruned",
    "PushRow",
    "Records",
    "RemarkRow",
    "RoundRow",
    "SaidRow",
    "WaiverRow",
    "open_ledger",
]
