"""The overrides that a waiter heard of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from devsecops_eda.model import Decision, Event, OverrideState, OverrideTold


class Overrides:
    """Collects what the gate tells of overrides; ``hear`` is an ``on_event``.

    Order and repeats do not matter: an override that is over or refused does not come back.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        """Take whom each event is passed on to."""
        self._on_event = on_event
        self._told: dict[str, OverrideTold] = {}

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event.data, OverrideTold):
            known = self._told.get(event.data.override)
            if known is None or known.state is OverrideState.ACTIVE:
                self._told[event.data.override] = event.data
        if self._on_event is not None:
            self._on_event(event)

    def active(self, decision: Decision, *, now: datetime) -> OverrideTold | None:
        """Return the override of ``decision`` that is in force at ``now`` and lasts longest."""
        mine = (
            told
            for told in self._told.values()
            if told.decision == decision.id
            and told.state is OverrideState.ACTIVE
            and now < told.expires_at
        )
        return max(mine, key=lambda told: (told.expires_at, told.override), default=None)
