"""The gate's memory: what was recorded, decided and said.

Everything happens inside one transaction: ``with ledger.transaction() as records``. What it
committed survives a kill -9 and a loss of power.
"""

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

__all__ = [
    "ArchivedRow",
    "Ask",
    "CauseRow",
    "DecidedRow",
    "GrantRow",
    "Ledger",
    "Memory",
    "Message",
    "OutcomeRow",
    "OverrideRow",
    "Pruned",
    "Records",
    "RemarkRow",
    "RoundRow",
    "WaiverRow",
    "open_ledger",
]
