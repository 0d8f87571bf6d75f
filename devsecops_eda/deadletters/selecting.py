"""Which letters somebody means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from devsecops_eda import topology
from devsecops_eda.deadletters.letter import Letter


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a letter must be to be meant: of each kind of condition one, where any is given.

    ``ids`` may be beginnings of names, ``queues`` names of checks; ``since`` and ``until`` (half
    open) go by the last refusal.
    """

    ids: Sequence[str] = ()
    reasons: Sequence[str] = ()
    queues: Sequence[str] = ()
    types: Sequence[str] = ()
    repos: Sequence[str] = ()
    users: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def everything(self) -> bool:
        """Return whether no condition is given."""
        return self == Wanted()

    def means(self, letter: Letter) -> bool:
        """Return whether ``letter`` is meant."""
        repos = {topology.word(repo, budget=topology.WORD_BUDGET[2]) for repo in self.repos}
        queues = {self._queue(name) for name in self.queues}
        return (
            (not self.ids or any(letter.id.startswith(one) for one in self.ids))
            and (not self.reasons or letter.reason.value in self.reasons)
            and (not queues or letter.queue in queues)
            and (not self.types or letter.type in self.types)
            and (not repos or letter.repo in repos)
            and (not self.users or letter.user in self.users)
            and self._in_time(letter.last)
        )

    def _in_time(self, last: datetime | None) -> bool:
        if self.since is None and self.until is None:
            return True
        return (
            last is not None
            and (self.since is None or self.since <= last)
            and (self.until is None or last < self.until)
        )

    @staticmethod
    def _queue(name: str) -> str:
        return name if "." in name else topology.queue_name(name)
