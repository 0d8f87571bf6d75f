"""The rule kind ``approvals``: enough of the right people vote for it, and nobody against it.

People are asked once everything else that is enforced is satisfied, waived or harmlessly not
applicable. A veto denies, a round without enough votes at its deadline has expired, and both stay
so until another round is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from devsecops_eda.model import Requirement, RequirementState
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import Judged, count, listed, plain, when
from devsecops_eda.policy.kinds.looking import commit_evidence
from devsecops_eda.policy.model import ApprovalsRule, Exclusion
from devsecops_eda.policy.summary import in_the_way
from devsecops_eda.policy.voting.ballots import (
    approving,
    complete_since,
    enough,
    lacking,
    sitting,
    vetoing,
)
from devsecops_eda.policy.voting.electorate import latest_request, said_by_git, told_excluded
from devsecops_eda.policy.voting.polls import Poll, Polled, binding_of, polled
from devsecops_eda.policy.voting.views import not_of_people


def judge(
    rule: ApprovalsRule,
    facts: Facts,
    lines: Sequence[Requirement],
    now: datetime,
    *,
    policy_digest: str,
    target: str | None,
    merge_base: str | None,
) -> Judged:
    """Return how the votes stand on what ``lines``, all the other requirements, say.

    ``policy_digest``, ``target`` and ``merge_base`` are those of the decision.
    """
    found = standing(
        rule,
        facts,
        lines,
        now,
        policy_digest=policy_digest,
        target=target,
        merge_base=merge_base,
    )
    if isinstance(found, Judged):
        return found
    match found.poll:
        case Poll.GRANTED:
            return _granted(rule, found)
        case Poll.DENIED:
            return _denied(facts, found)
        case Poll.EXPIRED:
            return _expired(rule, facts, found)
    cannot = _impossible(rule, facts, found) or _too_late(facts, now)
    if cannot is not None:
        return cannot
    if found.poll is Poll.OPEN:
        return _open(rule, found)
    again = f" again: {found.why}" if found.why else ""
    waits = [line.id for line in in_the_way(not_of_people(lines))]
    if waits:
        verb = "is" if len(waits) == 1 else "are"
        text = f"people are asked{again}, when {listed(waits)} {verb} satisfied or waived"
        return Judged(RequirementState.RUNNING, text, votes=True)
    return Judged(
        RequirementState.RUNNING,
        f"people are asked{again}",
        _may_vote(rule, found),
        votes=True,
    )


def instants(rule: ApprovalsRule, facts: Facts, now: datetime) -> Iterator[datetime]:
    """Yield when a round ends, a request expires, and the wait for what git says is over."""
    yield from (one.deadline for one in facts.rounds if one.rule == rule.id)
    for request in facts.requests:
        yield request.recorded_at + rule.within
        if request.expires_at is not None:
            yield request.expires_at
    yield from (cause.recorded_at + rule.within for cause in facts.causes)


def standing(
    rule: ApprovalsRule,
    facts: Facts,
    lines: Sequence[Requirement],
    now: datetime,
    *,
    policy_digest: str,
    target: str | None,
    merge_base: str | None,
) -> Polled | Judged:
    """Return how the latest round stands, else why nobody can be asked at all."""
    if Exclusion.REQUESTER in rule.exclude and facts.environment is not None and not facts.requests:
        # Whoever only asks for the decision would vote for what he wants himself.
        return Judged(
            RequirementState.FAILED,
            f"nobody requested the deployment to {plain(facts.environment)}",
            "request the deployment: who does may not vote for it",
        )
    commits = said_by_git(rule, facts, now)
    if isinstance(commits, Judged):
        return commits
    binding = binding_of(facts, policy_digest=policy_digest, target=target, merge_base=merge_base)
    found = polled(rule, facts, binding, commits, lines, now)
    unknown = found.who.unknown
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        return Judged(
            RequirementState.FAILED,
            f"{listed(unknown)} {verb} nobody the operator named",
            "name the address in [people], or let the rule say unknown_author: allow",
            evidence=commit_evidence(facts),
        )
    return found


def may_be_asked(
    rule: ApprovalsRule,
    found: Polled,
    facts: Facts,
    lines: Sequence[Requirement],
    now: datetime,
) -> bool:
    """Return whether another round has to be opened now."""
    return (
        found.poll in (Poll.NONE, Poll.VOID)
        and not in_the_way(not_of_people(lines))
        and _impossible(rule, facts, found) is None
        and _too_late(facts, now) is None
    )


def wanted_votes(rule: ApprovalsRule) -> str:
    """Return ``2 votes of appsec, owners, at least 1 of appsec``."""
    least = "".join(f", at least {number} of {group}" for group, number in rule.at_least if number)
    return f"{count(rule.n, 'vote')} of {', '.join(rule.groups)}{least}"


def _granted(rule: ApprovalsRule, found: Polled) -> Judged:
    voters = sorted(sitting(found.weighed))
    return Judged(
        RequirementState.SATISFIED,
        f"{len(voters)} of {count(rule.n, 'vote')}: {listed(voters)}",
        evidence=_evidence(found),
        since=complete_since(rule, found.weighed),
    )


def _denied(facts: Facts, found: Polled) -> Judged:
    vetoes = vetoing(found.weighed)
    if vetoes:
        first = vetoes[0].vote
        comment = f": {plain(first.comment)}" if first.comment else ""
        text, since = f"vetoed by {first.person}{comment}", first.recorded_at
    else:
        assert found.round is not None
        text, since = "vetoed", found.round.closed_at or found.round.opened_at
    return Judged(
        RequirementState.FAILED,
        text,
        f"mend what was vetoed, then {_ask_again(facts)}",
        evidence=_evidence(found),
        since=since,
    )


def _expired(rule: ApprovalsRule, facts: Facts, found: Polled) -> Judged:
    assert found.round is not None
    deadline = found.round.deadline
    return Judged(
        RequirementState.FAILED,
        f"it expired {when(deadline)}: {_so_far(rule, found)}",
        _ask_again(facts),
        evidence=_evidence(found),
        since=deadline,
    )


def _open(rule: ApprovalsRule, found: Polled) -> Judged:
    assert found.round is not None
    return Judged(
        RequirementState.RUNNING,
        f"{_so_far(rule, found)}; {_may_vote(rule, found)}",
        f"{_may_vote(rule, found)}, until {when(found.round.deadline)}",
        evidence=_evidence(found),
        due=found.round.deadline,
        since=found.round.opened_at,
        votes=True,
    )


def _impossible(rule: ApprovalsRule, facts: Facts, found: Polled) -> Judged | None:
    who = found.who
    if enough(rule, who.eligible):
        return None
    may = f"only {listed(list(who.eligible))} may vote" if who.eligible else "nobody may vote"
    barred = [f"{one.person} ({one.reason})" for one in told_excluded(rule, facts, who)]
    excluded = f"; excluded: {listed(barred)}" if barred else ""
    return Judged(
        RequirementState.FAILED,
        f"it needs {wanted_votes(rule)}, and {may}{excluded}",
        f"put people into {listed(rule.groups)}, or let others make the change or the request",
    )


def _too_late(facts: Facts, now: datetime) -> Judged | None:
    request = latest_request(facts)
    if request is None or request.expires_at is None or now < request.expires_at:
        return None
    text = f"the request to deploy expired {when(request.expires_at)}"
    return Judged(RequirementState.FAILED, text, _ask_again(facts), since=request.expires_at)


def _so_far(rule: ApprovalsRule, found: Polled) -> str:
    persons = sitting(found.weighed)
    free = [f"{number} from {group}" for group, number in sorted(lacking(rule, persons).items())]
    missing = f", missing {listed(free)}" if free else ""
    return f"{len(persons)} of {count(rule.n, 'vote')}{missing}"


def _may_vote(rule: ApprovalsRule, found: Polled) -> str:
    heard = sitting(found.weighed)
    return f"may vote: {listed([one for one in found.who.eligible if one not in heard])}"


def _evidence(found: Polled) -> tuple[str, ...]:
    assert found.round is not None
    counting = (*approving(found.weighed), *vetoing(found.weighed))
    return (found.round.approval, *sorted(one.vote.event_id for one in counting))


def _ask_again(facts: Facts) -> str:
    if latest_request(facts) is not None:
        return "request the deployment again"
    return "push another commit: people are asked once about each"
