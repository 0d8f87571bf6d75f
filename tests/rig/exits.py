"""The places where a secret could leave, and what stood there."""

from __future__ import annotations

from collections.abc import Iterable

from tests.rig.canaries import CALL, Canary, Search, search_for


class Exits:
    """What was collected, by the name of the place.

    Args:
        canaries: what must not be there.
        call: what must be: in a place where even that is not found nobody has looked.
    """

    def __init__(self, canaries: Iterable[Canary], call: str) -> None:
        self._canaries = search_for(tuple(canaries))
        self._call = Search(CALL, {"call": call})
        self._held: dict[str, bytes] = {}
        self._silent: set[str] = set()
        self._allowed: dict[str, frozenset[str]] = {}

    def add(
        self, name: str, said: bytes | str, *, silent: bool = False, allowed: Iterable[str] = ()
    ) -> None:
        """Collect what stood in a place.

        A ``silent`` place has words of closed sets only, and can say nothing of anybody. The
        canaries ``allowed`` belong there: it is where they came in.
        """
        raw = said.encode(errors="surrogateescape") if isinstance(said, str) else said
        self._held[name] = self._held.get(name, b"") + raw
        self._allowed[name] = self._allowed.get(name, frozenset()) | frozenset(allowed)
        if silent:
            self._silent.add(name)

    @property
    def names(self) -> frozenset[str]:
        """The places that were looked at."""
        return frozenset(self._held)

    def leaks(self) -> list[str]:
        """Return a line for each canary in each place where it must not be."""
        return [
            f"{canary} in {name}"
            for name, held in sorted(self._held.items())
            for canary in sorted(self._canaries.found(held))
            if canary.partition(" (")[0] not in self._allowed[name]
        ]

    def blind(self) -> list[str]:
        """Return the places where the search finds nothing although something is there."""
        return [
            name
            for name, held in sorted(self._held.items())
            if not held or (name not in self._silent and not self._call.found(held))
        ]

    def misses(self, planted: Canary) -> list[str]:
        """Return the places in which ``planted`` would not be found, were it said there."""
        search = search_for((planted,))
        missed = []
        for name, held in sorted(self._held.items()):
            middle = len(held) // 2
            said = held[:middle] + planted.secret.encode() + held[middle:]
            if len(search.found(said)) < len(planted.halves):
                missed.append(name)
        return missed
