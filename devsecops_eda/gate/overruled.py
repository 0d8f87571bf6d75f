"""Which overrides stand beside a decision at one instant."""

from __future__ import annotations

from datetime import datetime

from devsecops_eda.ledger import Records
from devsecops_eda.model import OverrideState, OverrideTold


def overrides_in_force(records: Records, decision: str, at: datetime) -> tuple[OverrideTold, ...]:
    """Return the overrides of ``decision`` that are active at ``at``, which changes nothing."""
    return tuple(
        row.told
        for row in records.overrides.of_decision(decision)
        if row.told.state is OverrideState.ACTIVE and at < row.told.expires_at
    )
