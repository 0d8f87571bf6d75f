"""The tables of the gate's memory. ``migrations`` holds how they came to be."""

from devsecops_eda.ledger.tables.columns import METADATA, Instant
from devsecops_eda.ledger.tables.heard import causes, flows, inbox, origins, outcomes
from devsecops_eda.ledger.tables.judged import (
    archive,
    asks,
    baselines,
    decisions,
    effective,
    policies,
    rests_on,
)
from devsecops_eda.ledger.tables.persons import (
    announced,
    grants,
    overrides,
    remarks,
    requests,
    rounds,
    views,
    votes,
    waivers,
)
from devsecops_eda.ledger.tables.said import leases, messages

__all__ = [
    "METADATA",
    "Instant",
    "announced",
    "archive",
    "asks",
    "baselines",
    "causes",
    "decisions",
    "effective",
    "flows",
    "grants",
    "inbox",
    "leases",
    "messages",
    "origins",
    "outcomes",
    "overrides",
    "policies",
    "remarks",
    "requests",
    "rests_on",
    "rounds",
    "views",
    "votes",
    "waivers",
]
