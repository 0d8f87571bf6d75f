"""How a rule's latest round of voting stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from devsecops_eda.model import Closing, Outcome, Requirement
from devsecops_eda.policy.facts import Facts, Round
from devsecops_eda.policy.judged import listed
from devsecops_eda.policy.model import ApprovalsRule
from devsecops_eda.policy.voting.ballots import (
    Weighed,
    enough,
    sitting,
    unweighed,
    vetoing,
    voided,
    weigh,
)
from devsecops_eda.policy.voting.electorate import Electorate, electorate, latest_request
from devsecops_eda.policy.voting.views import worse_than


class Poll(Enum):
    """How a round stands. A void one counts for nothing; people are asked again."""

    NONE = auto()
    OPEN = auto()
    GRANTED = auto()
    DENIED = auto()
    EXPIRED = auto()
    VOID = auto()


@dataclass(frozen=True, slots=True)
class Binding:
    """What a round is bound to beside gate, subject, environment and rule."""

    policy_digest: str
    target: str | None
    merge_base: str | None
    request: str | None


@dataclass(frozen=True, slots=True)
class Polled:
    """The latest round of a rule with its votes and how it stands.

    ``round`` None: none was ever opened. ``why`` says what made it void, empty where it is not.
    """

    poll: Poll
    who: Electorate
    round: Round | None = None
    weighed: tuple[Weighed, ...] = ()
    why: str = ""


def polled(
    rule: ApprovalsRule,
    facts: Facts,
    binding: Binding,
    commits: tuple[Outcome, ...],
    lines: Sequence[Requirement],
    now: datetime,
) -> Polled:
    """Return how the latest round of ``rule`` about the target stands at ``now``."""
    who = electorate(rule, facts, commits)
    latest = latest_round(rule.id, facts, binding.target)
    if latest is None:
        return Polled(Poll.NONE, who)
    changed = what_changed(latest, binding)
    if changed:
        reason = f"this round is void: {changed}"
        return Polled(Poll.VOID, who, latest, unweighed(latest, facts.votes, reason), changed)
    weighed = weigh(rule, latest, facts.votes, who, lines)
    poll = _poll(rule, latest, weighed, now)
    return Polled(poll, who, latest, weighed, _why(weighed, lines) if poll is Poll.VOID else "")


def binding_of(
    facts: Facts, *, policy_digest: str, target: str | None, merge_base: str | None
) -> Binding:
    """Return what a round about ``facts`` is bound to now."""
    request = latest_request(facts)
    return Binding(policy_digest, target, merge_base, request.event_id if request else None)


def latest_round(rule: str, facts: Facts, target: str | None) -> Round | None:
    """Return the round of the rule ``rule`` about ``target`` that was opened last, if any was.

    A round that another one followed counts no more, also when what it was bound to comes back:
    people were told that it is void.
    """
    about = (one for one in facts.rounds if (one.rule, one.target) == (rule, target))
    return max(
        about,
        key=lambda one: (one.number, one.opened_at, one.approval, one.closing or ""),
        default=None,
    )


def what_changed(one: Round, binding: Binding) -> str:
    """Return what of that to which a round is bound is not what it was, empty if all is."""
    changed = []
    if one.closing is Closing.SUPERSEDED:
        changed.append("another round took its place")
    if one.policy_digest != binding.policy_digest:
        changed.append("the policy changed")
    if one.target != binding.target:
        changed.append(f"it was for the branch {one.target}")
    if one.merge_base != binding.merge_base:
        changed.append(f"the merge base was {(one.merge_base or 'none')[:12]}")
    if one.request != binding.request:
        changed.append("another request to deploy was recorded")
    return ", ".join(changed)


def _poll(rule: ApprovalsRule, one: Round, weighed: Sequence[Weighed], now: datetime) -> Poll:
    void = bool(voided(weighed))
    granted = enough(rule, sitting(weighed))
    if vetoing(weighed):
        return Poll.DENIED
    match one.closing:
        case Closing.EXPIRED:
            return Poll.EXPIRED
        case Closing.DENIED:
            return Poll.VOID if void else Poll.DENIED
        case Closing.GRANTED:
            return Poll.GRANTED if granted else Poll.VOID
    if granted:
        return Poll.GRANTED
    if now >= one.deadline:
        return Poll.EXPIRED
    return Poll.VOID if void else Poll.OPEN


def _why(weighed: Sequence[Weighed], lines: Sequence[Requirement]) -> str:
    worse = sorted(
        {name for one in voided(weighed) for name in worse_than(one.vote.seen or (), lines)}
    )
    if not worse:
        return "the votes that it was granted by do not count any more"
    return f"{listed(worse)} got worse than people saw when they voted"
