"""Which gates wait for which, so that a decision is there before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devsecops_eda.ledger import Ask
from devsecops_eda.policy import Policy
from devsecops_eda.policy.model import DecisionRule


class Order:
    """The order that a policy's rules on decisions put gates in; the loader refuses rings."""

    def __init__(self, policy: Policy) -> None:
        """Take the policy."""
        waits: dict[str, set[str]] = {}
        for rule in policy.rules:
            if isinstance(rule, DecisionRule):
                for gate in rule.gates:
                    waits.setdefault(gate, set()).add(rule.gate)
        self._waits = waits
        self._depth = {gate: _depth(gate, waits, frozenset()) for gate in waits}

    def waiting_for(self, gate: str) -> frozenset[str]:
        """Return the gates that wait for decisions of ``gate``."""
        return frozenset(one for one, others in self._waits.items() if gate in others)

    def sorted(self, asks: Iterable[Ask], *, flow: str) -> list[Ask]:
        """Return ``asks`` so that none stands before one it waits for.

        Where that leaves a choice those of ``flow`` come first: people are asked in the flow that
        wants them asked.
        """
        return sorted(asks, key=lambda ask: (self._depth.get(ask.gate, 0), ask.flow != flow))


def _depth(gate: str, waits: Mapping[str, set[str]], above: frozenset[str]) -> int:
    if gate in above:
        return 0
    below = waits.get(gate, set())
    return 1 + max((_depth(one, waits, above | {gate}) for one in below), default=-1)
