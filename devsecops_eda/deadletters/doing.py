"""Replaying and dropping those letters that somebody means, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from devsecops_eda.deadletters.letter import Letter
from devsecops_eda.deadletters.pile import MAX_BATCH, Dead, Pile
from devsecops_eda.deadletters.replaying import obstacle, refused_again
from devsecops_eda.deadletters.selecting import Wanted
from devsecops_eda.topology import Identities


class Fate(StrEnum):
    """What became of a letter; with ``would`` nothing was done yet."""

    REPLAYED = "replayed"
    DROPPED = "dropped"
    WOULD = "would"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Done:
    """One letter that was meant: what became of it, and why where that is not as asked.

    For what would be replayed ``why`` is what the door is going to say to it, where it says no.
    """

    letter: Letter
    fate: Fate
    why: str = ""


def replay(
    pile: Pile,
    wanted: Wanted,
    *,
    identities: Identities,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    really: bool,
) -> Iterator[Done]:
    """Send what ``wanted`` means to its queues once more, or ``really`` not yet.

    Each letter is told when it has been taken out, or stays.

    Raises:
        TransientError, NotAuthorisedError: as ``Pile.replay``; letters not told yet stay.
    """
    batch: list[Dead] = []
    for one in _meant(pile, wanted):
        why = obstacle(one.letter, one.found)
        if why is not None:
            yield Done(one.letter, Fate.SKIPPED, why)
        elif not really:
            again = refused_again(one.letter, one.found, identities=identities)
            yield Done(one.letter, Fate.WOULD, again)
        else:
            batch.append(one)
        if len(batch) == MAX_BATCH:
            yield from _replay(pile, batch, clock(), new_id)
            batch = []
    if batch:
        yield from _replay(pile, batch, clock(), new_id)


def drop(
    pile: Pile,
    wanted: Wanted,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    really: bool,
) -> Iterator[Done]:
    """Take what ``wanted`` means out for good, or ``really`` not yet.

    Raises:
        TransientError, PublishError, NotAuthorisedError: as ``Pile.drop``; letters not told yet
            stay.
    """
    if not really:
        yield from (Done(one.letter, Fate.WOULD) for one in _meant(pile, wanted))
        return
    meant = _meant(pile, wanted)
    while batch := list(islice(meant, MAX_BATCH)):
        pile.drop(batch, now=clock(), new_id=new_id)
        yield from (Done(one.letter, Fate.DROPPED) for one in batch)


def _meant(pile: Pile, wanted: Wanted) -> Iterator[Dead]:
    return (one for one in pile.letters() if wanted.means(one.letter))


def _replay(
    pile: Pile, batch: list[Dead], now: datetime, new_id: Callable[[], str]
) -> Iterator[Done]:
    for result in pile.replay(batch, now=now, new_id=new_id):
        if result.error is None:
            yield Done(result.letter, Fate.REPLAYED)
        else:
            yield Done(result.letter, Fate.REFUSED, str(result.error))
