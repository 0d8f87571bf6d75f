"""Which votes of a round count and why the others do not, and whether they are enough.

Nothing here depends on the order in which votes come in: what was recorded before the deadline
counts as it would in any other order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from devsecops_eda.model import Ballot, Closing, CountedVote, Requirement
from devsecops_eda.policy.facts import Round, Vote
from devsecops_eda.policy.judged import listed, plain
from devsecops_eda.policy.model import ApprovalsRule
from devsecops_eda.policy.voting.electorate import Electorate
from devsecops_eda.policy.voting.views import worse_than


@dataclass(frozen=True, slots=True)
class Weighed:
    """One vote that counts, or not for a ``reason``.

    ``groups`` are those its person may sit for. ``void`` says that it would count had nothing
    got worse since.
    """

    vote: Vote
    reason: str = ""
    groups: frozenset[str] = frozenset()
    void: bool = False

    @property
    def counts(self) -> bool:
        """Return whether it counts."""
        return not self.reason


def votes_of(one: Round, votes: Iterable[Vote]) -> tuple[Vote, ...]:
    """Return the votes of a round as they were recorded first, the latest last."""
    # Others may use the same id for what they say: that makes nobody's vote a repeat.
    first: dict[tuple[str, str, Ballot], Vote] = {}
    for vote in sorted(votes, key=lambda each: (each.recorded_at, each.event_id, each.user)):
        if vote.approval == one.approval:
            first.setdefault((vote.user, vote.event_id, vote.vote), vote)
    return tuple(first.values())


def weigh(
    rule: ApprovalsRule,
    one: Round,
    votes: Iterable[Vote],
    who: Electorate,
    lines: Sequence[Requirement],
) -> tuple[Weighed, ...]:
    """Return every vote of a round that is in force, the latest last; of one person one counts."""
    each = [_alone(rule, one, vote, who, lines) for vote in votes_of(one, votes)]
    chosen: dict[str | None, Weighed] = {}
    for weighed in each:
        before = chosen.get(weighed.vote.person)
        # Who vetoed has vetoed; of several yes the last one counts, for every group of any of them.
        if weighed.counts and (before is None or before.vote.vote is Ballot.APPROVE):
            groups = weighed.groups | (before.groups if before else frozenset())
            chosen[weighed.vote.person] = replace(weighed, groups=groups)
    return tuple(_among(weighed, chosen.get(weighed.vote.person)) for weighed in each)


def unweighed(one: Round, votes: Iterable[Vote], reason: str) -> tuple[Weighed, ...]:
    """Return every vote of a round in which none counts, for this ``reason``."""
    return tuple(Weighed(vote, reason) for vote in votes_of(one, votes))


def approving(weighed: Iterable[Weighed]) -> tuple[Weighed, ...]:
    """Return the votes for it that count."""
    return tuple(one for one in weighed if one.counts and one.vote.vote is Ballot.APPROVE)


def vetoing(weighed: Iterable[Weighed]) -> tuple[Weighed, ...]:
    """Return the vetoes that count."""
    return tuple(one for one in weighed if one.counts and one.vote.vote is Ballot.REJECT)


def voided(weighed: Iterable[Weighed]) -> tuple[Weighed, ...]:
    """Return the void votes of people who have not voted again since."""
    each = tuple(weighed)
    heard = {one.vote.person for one in each if one.counts}
    return tuple(one for one in each if one.void and one.vote.person not in heard)


def sitting(weighed: Iterable[Weighed]) -> Mapping[str, frozenset[str]]:
    """Return everybody whose vote for it counts, with the groups he may sit for."""
    return {one.vote.person: one.groups for one in approving(weighed) if one.vote.person}


def lacking(rule: ApprovalsRule, persons: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return how many seats of which groups ``persons`` leave free, each filling one seat."""
    seats = dict(rule.at_least)
    taken: dict[str, set[str]] = {group: set() for group in seats}
    for person in sorted(persons):
        _seat(person, persons, seats, taken)
    free = {group: seats[group] - len(taken[group]) for group in seats}
    return {group: number for group, number in free.items() if number > 0}


def enough(rule: ApprovalsRule, persons: Mapping[str, frozenset[str]]) -> bool:
    """Return whether ``persons`` are as many as the rule wants, of the groups it wants."""
    return len(persons) >= rule.n and not lacking(rule, persons)


def complete_since(rule: ApprovalsRule, weighed: Iterable[Weighed]) -> datetime | None:
    """Return when the votes that count became enough, None if they are not."""
    each = approving(weighed)
    for number in range(rule.n, len(each) + 1):
        if enough(rule, sitting(each[:number])):
            return each[number - 1].vote.recorded_at
    return None


def told(weighed: Iterable[Weighed]) -> tuple[CountedVote, ...]:
    """Return the votes as they are told to others."""
    return tuple(
        CountedVote(
            event=one.vote.event_id,
            person=one.vote.person or "",
            vote=one.vote.vote,
            at=one.vote.recorded_at,
            counted=one.counts,
            reason=one.reason,
            comment=one.vote.comment,
        )
        for one in weighed
    )


def _alone(
    rule: ApprovalsRule,
    one: Round,
    vote: Vote,
    who: Electorate,
    lines: Sequence[Requirement],
) -> Weighed:
    """Return how a vote stands, whatever else its person voted."""
    groups = vote.groups & frozenset(rule.groups)
    named = "none of the groups " + listed(rule.groups)
    if vote.person is None:
        return Weighed(vote, f"the user {plain(vote.user)} is nobody the operator named")
    if vote.recorded_at >= one.deadline:
        return Weighed(vote, "it came after the deadline")
    if vote.person in who.excluded:
        return Weighed(vote, f"{vote.person} is {who.excluded[vote.person]}")
    if not groups:
        return Weighed(vote, f"{vote.person} was in {named} at the vote")
    if not _closed_over(one, vote):
        groups &= who.eligible.get(vote.person, frozenset())
    if not groups:
        return Weighed(vote, f"{vote.person} is in {named} any more")
    if vote.seen is None and vote.vote is Ballot.APPROVE:
        return Weighed(vote, "this round never showed the view that it names")
    # Who says no to something unknown still says no.
    worse = worse_than(vote.seen, lines) if vote.seen is not None else ()
    if worse:
        verb = "is" if len(worse) == 1 else "are"
        return Weighed(vote, f"{listed(worse)} {verb} worse than it was seen", void=True)
    return Weighed(vote, groups=groups)


def _closed_over(one: Round, vote: Vote) -> bool:
    """Return whether membership was settled when the round closed."""
    if one.closing is Closing.GRANTED:
        # A veto still counts until the deadline, and so still has to be somebody's who may.
        return vote.vote is Ballot.APPROVE
    return one.closing is not None


def _among(weighed: Weighed, chosen: Weighed | None) -> Weighed:
    if not weighed.counts or chosen is None:
        return weighed
    if weighed.vote == chosen.vote:
        return chosen
    if chosen.vote.vote is Ballot.REJECT:
        return Weighed(weighed.vote, f"the veto of {weighed.vote.person} stands")
    return Weighed(weighed.vote, f"a later vote of {weighed.vote.person} counts")


def _seat(
    person: str,
    persons: Mapping[str, frozenset[str]],
    seats: Mapping[str, int],
    taken: dict[str, set[str]],
) -> None:
    """Give ``person`` a seat if there is one, after others moved where they can."""
    came_by: dict[str, tuple[str, str | None]] = {}
    queue: deque[str] = deque()
    for group in sorted(persons[person] & seats.keys()):
        came_by[group] = (person, None)
        queue.append(group)
    while queue:
        group = queue.popleft()
        if len(taken[group]) < seats[group]:
            _move(group, came_by, taken)
            return
        for seated in sorted(taken[group]):
            for other in sorted((persons[seated] & seats.keys()) - came_by.keys()):
                came_by[other] = (seated, group)
                queue.append(other)


def _move(
    group: str, came_by: Mapping[str, tuple[str, str | None]], taken: dict[str, set[str]]
) -> None:
    into: str | None = group
    while into is not None:
        person, left = came_by[into]
        if left is not None:
            taken[left].remove(person)
        taken[into].add(person)
        into = left
