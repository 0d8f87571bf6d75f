"""Rounds of voting to open and to close, and how the votes of one stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import uuid5

from devsecops_eda.model import (
    NAMESPACE,
    ApprovalClosed,
    ApprovalRequested,
    Closing,
    CountedVote,
    Decision,
    Requirement,
    Seats,
    branch_name,
)
from devsecops_eda.policy.baseline import commit_facts
from devsecops_eda.policy.facts import Facts, Round
from devsecops_eda.policy.judged import Judged, listed, when
from devsecops_eda.policy.model import ApprovalsRule, Policy
from devsecops_eda.policy.selecting import applied
from devsecops_eda.policy.voting.approvals import (
    may_be_asked,
    standing,
    wanted_votes,
)
from devsecops_eda.policy.voting.ballots import approving, told, unweighed, vetoing
from devsecops_eda.policy.voting.electorate import (
    MAX_PERSONS_TOLD,
    latest_request,
    told_excluded,
)
from devsecops_eda.policy.voting.polls import Poll, Polled, latest_round
from devsecops_eda.policy.voting.views import not_of_people, view_of


def approvals_wanted(
    policy: Policy, facts: Facts, decision: Decision, now: datetime
) -> tuple[ApprovalRequested, ...]:
    """Return the rounds that have to be opened now; none while anything else is in the way.

    Asked again with the round among the facts there is none to open.
    """
    judged = {line.id for line in decision.requirements}
    wanted = []
    for rule in _rules(policy, facts, now):
        found = _standing(rule, facts, decision, now)
        if (
            rule.id in judged
            and isinstance(found, Polled)
            and may_be_asked(rule, found, facts, decision.requirements, now)
        ):
            wanted.append(_request(rule, found, facts, decision, now))
    return tuple(wanted)


def rounds_closing(
    policy: Policy, facts: Facts, decision: Decision, now: datetime
) -> tuple[ApprovalClosed, ...]:
    """Return the rounds that are over now and not recorded so: granted, denied or expired.

    One that was granted is denied after all by a veto before its deadline.
    """
    closed = []
    for rule in _rules(policy, facts, now):
        latest = latest_round(rule.id, facts, decision.target)
        found = _standing(rule, facts, decision, now)
        if latest is None:
            continue
        if isinstance(found, Judged):
            # Nothing can be said of its votes, but its time is over all the same.
            if latest.closing is None and now >= latest.deadline:
                votes = told(unweighed(latest, facts.votes, found.text[:1000]))
                text = f"it expired {when(latest.deadline)}: {found.text}"
                closed.append(_closed(latest, Closing.EXPIRED, votes, text, facts, decision))
            continue
        ending = _closing(found, now)
        if ending is not None:
            text = _how_it_ended(rule, found, ending)
            closed.append(_closed(latest, ending, told(found.weighed), text, facts, decision))
    return tuple(closed)


def tally(
    policy: Policy,
    facts: Facts,
    one: Round,
    lines: Sequence[Requirement],
    now: datetime,
) -> tuple[CountedVote, ...]:
    """Return every vote of a round: that it counts, or why it does not. The latest is last.

    ``lines`` are the requirements as they stand now.
    """
    rule = next((each for each in _rules(policy, facts, now) if each.id == one.rule), None)
    if rule is None:
        return told(unweighed(one, facts.votes, "no rule asks for these votes any more"))
    narrow, commit = applied(policy, facts), commit_facts(facts)
    target = branch_name(facts.target) if facts.target else None
    found = standing(
        rule,
        facts,
        lines,
        now,
        policy_digest=narrow.digest if narrow else "",
        target=target,
        merge_base=commit.merge_base if commit else None,
    )
    if isinstance(found, Judged):
        return told(unweighed(one, facts.votes, found.text[:1000]))
    if found.round is None or found.round.approval != one.approval:
        return told(unweighed(one, facts.votes, "another round took the place of this one"))
    return told(found.weighed)


def _rules(policy: Policy, facts: Facts, now: datetime) -> Iterator[ApprovalsRule]:
    narrow = applied(policy, facts)
    for rule in narrow.rules_of(facts.gate) if narrow else ():
        if isinstance(rule, ApprovalsRule) and rule.in_force(now):
            yield rule


def _standing(
    rule: ApprovalsRule, facts: Facts, decision: Decision, now: datetime
) -> Polled | Judged:
    return standing(
        rule,
        facts,
        decision.requirements,
        now,
        policy_digest=decision.policy_digest,
        target=decision.target,
        merge_base=decision.merge_base,
    )


def _request(
    rule: ApprovalsRule, found: Polled, facts: Facts, decision: Decision, now: datetime
) -> ApprovalRequested:
    number = found.round.number + 1 if found.round else 1
    request = latest_request(facts)
    deadline = now + rule.deadline
    if request is not None and request.expires_at is not None:
        deadline = min(deadline, request.expires_at)
    digest, _ = view_of(decision.requirements)
    least = dict(rule.at_least)
    # The same artifact may be judged for two repositories.
    subject = [decision.subject.repo, str(decision.subject)]
    key = [
        *(decision.gate, subject, rule.id, decision.target, decision.merge_base),
        *(decision.environment, decision.policy_digest),
        *(request.event_id if request else None, number),
    ]
    name = "approval/" + json.dumps(key, separators=(",", ":"), ensure_ascii=True)
    asks = f"{wanted_votes(rule)} until {when(deadline)}"
    return ApprovalRequested(
        approval=str(uuid5(NAMESPACE, name)),
        gate=decision.gate,
        subject=decision.subject,
        rule=rule.id,
        n=rule.n,
        groups=tuple(Seats(group, least.get(group, 0)) for group in rule.groups),
        deadline=deadline,
        policy_digest=decision.policy_digest,
        view=digest,
        environment=decision.environment,
        target=decision.target,
        merge_base=decision.merge_base,
        round=number,
        eligible=tuple(found.who.eligible)[:MAX_PERSONS_TOLD],
        excluded=told_excluded(rule, facts, found.who),
        requirements=not_of_people(decision.requirements),
        message=f"{rule.message}: {asks}" if rule.message else asks,
        supersedes=found.round.approval if found.round else None,
        why=found.why,
    )


def _closing(found: Polled, now: datetime) -> Closing | None:
    assert found.round is not None
    closing = found.round.closing
    if closing is Closing.GRANTED:
        return Closing.DENIED if found.poll is Poll.DENIED else None
    if closing is not None:
        return None
    match found.poll:
        case Poll.GRANTED:
            return Closing.GRANTED
        case Poll.DENIED:
            return Closing.DENIED
        case _:
            # Also a void one that no other took the place of: nobody can vote in it any more.
            return Closing.EXPIRED if now >= found.round.deadline else None


def _how_it_ended(rule: ApprovalsRule, found: Polled, ending: Closing) -> str:
    assert found.round is not None
    voters = [one.vote.person or "" for one in approving(found.weighed)]
    match ending:
        case Closing.GRANTED:
            return f"granted by {listed(voters)}"
        case Closing.DENIED:
            return f"vetoed by {listed([one.vote.person or '' for one in vetoing(found.weighed)])}"
        case _:
            void = f"; void: {found.why}" if found.why else ""
            wanted = wanted_votes(rule)
            return f"it expired {when(found.round.deadline)}, wanted were {wanted}{void}"


def _closed(
    one: Round,
    closing: Closing,
    votes: tuple[CountedVote, ...],
    message: str,
    facts: Facts,
    decision: Decision,
) -> ApprovalClosed:
    return ApprovalClosed(
        approval=one.approval,
        gate=facts.gate,
        subject=facts.subject,
        rule=one.rule,
        closing=closing,
        environment=facts.environment,
        target=decision.target,
        votes=votes,
        message=message[:4096],
    )
