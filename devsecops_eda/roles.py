"""Who may say what: roles on the exchange, for the door and for the rights at the broker."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from devsecops_eda.model import EventType


class Role(StrEnum):
    """Who talks on the exchange.

    A builder is a CI user whose word on what an artifact was built from is taken; an approver is
    one person.
    """

    SCAN_WORKER = "scan_worker"
    GATE = "gate"
    CI = "ci"
    BUILDER = "builder"
    APPROVER = "approver"
    OPERATOR = "operator"


_GATE = frozenset({Role.GATE})
_APPROVER = frozenset({Role.APPROVER})
_JOBS = frozenset({Role.CI, Role.BUILDER})
_ASKING = _JOBS | {Role.APPROVER, Role.OPERATOR}

MAY_SAY: Mapping[EventType, frozenset[Role]] = {
    EventType.COMMIT_PUSHED: _JOBS,
    EventType.SCAN_REQUESTED: frozenset({Role.OPERATOR, Role.GATE}),
    EventType.SCAN_COMPLETED: frozenset({Role.SCAN_WORKER}),
    EventType.SCAN_FAILED: frozenset({Role.SCAN_WORKER}),
    EventType.DECISION_REQUESTED: _ASKING,
    EventType.DECISION_MADE: _GATE,
    EventType.MESSAGE_DEAD_LETTERED: frozenset({Role.SCAN_WORKER, Role.GATE, Role.OPERATOR}),
    EventType.MESSAGE_REPLAYED: frozenset({Role.OPERATOR}),
    EventType.MESSAGE_DROPPED: frozenset({Role.OPERATOR}),
    EventType.DEPLOYMENT_REQUESTED: _JOBS,
    EventType.ARTIFACT_PUBLISHED: frozenset({Role.BUILDER}),
    EventType.APPROVAL_REQUESTED: _GATE,
    EventType.APPROVAL_VOTED: _APPROVER,
    EventType.APPROVAL_GRANTED: _GATE,
    EventType.APPROVAL_DENIED: _GATE,
    EventType.APPROVAL_EXPIRED: _GATE,
    EventType.WAIVER_REQUESTED: _APPROVER,
    EventType.WAIVER_GRANTED: _APPROVER,
    EventType.WAIVER_REVOKED: _APPROVER,
    EventType.WAIVER_EXPIRING: _GATE,
    EventType.WAIVER_EXPIRED: _GATE,
    EventType.OVERRIDE_REQUESTED: _APPROVER,
    EventType.OVERRIDE_REVIEWED: _APPROVER,
    EventType.OVERRIDE_ACTIVATED: _GATE,
    EventType.OVERRIDE_REFUSED: _GATE,
    EventType.OVERRIDE_EXPIRED: _GATE,
    EventType.LISTING_REQUESTED: _ASKING,
    EventType.LISTING_MADE: _GATE,
}
"""Who may say what; the broker's permissions are made from it."""

PRIVILEGED = frozenset(
    type_
    for type_, roles in MAY_SAY.items()
    if roles in (_GATE, _APPROVER, {Role.SCAN_WORKER}, {Role.BUILDER})
)
"""Types of which the door asks who says so; they are never replayed."""
