"""Reading gates, and refusing those that wait for each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from devsecops_eda.model import EventType
from devsecops_eda.policy.loading.frame import unique
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.model import AnyRule, DecisionRule, GateSpec

ASKING = (EventType.COMMIT_PUSHED, EventType.DEPLOYMENT_REQUESTED)
"""The facts that may ask a gate by themselves; ``decision.requested`` always may."""


def read_gates(at: At) -> tuple[GateSpec, ...]:
    """Return the gates of one document, in the order they stand."""
    entries = at.entries("gates")
    names = [key.name() for key in at.key_words()]
    return tuple(GateSpec(name, _asked_by(entries[name])) for name in names)


def together(gates: Iterable[GateSpec]) -> tuple[GateSpec, ...]:
    """Return each gate once, asked by whatever any document says that it is asked by."""
    asked: dict[str, frozenset[EventType]] = {}
    for gate in gates:
        asked[gate.name] = asked.get(gate.name, frozenset()) | gate.asked_by
    return tuple(GateSpec(name, types) for name, types in asked.items())


def check_waits(rules: Sequence[tuple[At, AnyRule]]) -> None:
    """Refuse gates that wait for each other, or for themselves: none could be decided first."""
    waits: dict[str, dict[str, At]] = {}
    for at, rule in rules:
        if isinstance(rule, DecisionRule):
            for gate in sorted(rule.gates):
                waits.setdefault(gate, {}).setdefault(rule.gate, at.entries("keys")["gate"])
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        # Each is waited for by the next one; the first is the last one too.
        circle = list(pairwise(reversed(error.args[1])))
        said = ", ".join(f"{gate} waits for {other}" for gate, other in circle)
        gate, other = circle[-1]
        raise waits[gate][other].refusal(
            f"gates that wait for each other are never decided: {said}"
        ) from error


def _asked_by(at: At) -> frozenset[EventType]:
    fields = at.fields(("asked_by",))
    if "asked_by" not in fields:
        return frozenset()
    known = {type_.value: type_ for type_ in ASKING}
    types = unique(fields["asked_by"], "types of events", At.text, known, "event")
    return frozenset(known[type_] for type_ in types)
