"""Who may vote about a subject, who may not and why, and what git has to have said for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from devsecops_eda.model import (
    CommitFacts,
    Excluded,
    Outcome,
    RequirementState,
    Signature,
    SubjectKind,
)
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import COMMIT_CHECK, Facts, Request
from devsecops_eda.policy.judged import Judged, listed, plain
from devsecops_eda.policy.kinds.looking import answered
from devsecops_eda.policy.model import ApprovalsRule, Exclusion

MAX_PERSONS_TOLD = 1000
"""So many people an event names."""

_OF_COMMITS = frozenset({Exclusion.AUTHOR, Exclusion.COMMITTERS})
_TOO_MANY = "too_many_committers"


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who may vote: each with those groups of the rule the person is in now.

    ``excluded`` maps a person to why no vote of his counts. ``unknown`` says which author or
    committer is nobody the operator named, where the rule wants that known.
    """

    eligible: Mapping[str, frozenset[str]]
    excluded: Mapping[str, str]
    unknown: tuple[str, ...] = ()


def electorate(rule: ApprovalsRule, facts: Facts, commits: tuple[Outcome, ...]) -> Electorate:
    """Return who may vote by ``rule``, given what git said about the ``commits`` it is about."""
    reasons: dict[str, list[str]] = {}
    unknown: list[str] = []
    for what, signature in _signatures(rule, commits):
        person = facts.people.of_email(signature.email)
        if person is not None:
            reasons.setdefault(person, []).append(f"{what} of the commit")
        else:
            unknown.append(f"{what} {plain(f'{signature.name} <{signature.email}>')}")
    if Exclusion.COMMITTERS in rule.exclude and any(map(_cut_off, commits)):
        unknown.append("one of too many committers to be listed")
    if facts.subject.kind is SubjectKind.TREE and rule.exclude & _OF_COMMITS:
        unknown.append("whoever wrote what no commit holds")
    if Exclusion.REQUESTER in rule.exclude:
        for name in (name for request in facts.requests for name in request.requesters):
            # Naming somebody can only exclude; whoever may be meant must not vote.
            for person in facts.people.named(name):
                reasons.setdefault(person, []).append("requester of the deployment")
    excluded = {person: ", ".join(dict.fromkeys(why)) for person, why in sorted(reasons.items())}
    # Who has no user at the broker cannot vote, whatever group names him.
    people = (one.name for one in facts.people.persons if one.users)
    members = {name: facts.people.groups_of(name) & frozenset(rule.groups) for name in people}
    return Electorate(
        {
            person: groups
            for person, groups in sorted(members.items())
            if groups and person not in excluded
        },
        excluded,
        () if rule.unknown_author else tuple(dict.fromkeys(unknown)),
    )


def told_excluded(rule: ApprovalsRule, facts: Facts, who: Electorate) -> tuple[Excluded, ...]:
    """Return those of the rule's groups who may not vote, and why; at most 1000."""
    return tuple(
        Excluded(person, why)
        for person, why in who.excluded.items()
        if facts.people.groups_of(person) & frozenset(rule.groups)
    )[:MAX_PERSONS_TOLD]


def said_by_git(rule: ApprovalsRule, facts: Facts, now: datetime) -> tuple[Outcome, ...] | Judged:
    """Return what git says about who made the subject, else why that is not known.

    Of a commit it has to be there in any case: votes are bound to the merge base.
    """
    match facts.subject.kind:
        case SubjectKind.COMMIT:
            found = answered(COMMIT_CHECK, facts, within=rule.within, now=now)
            return found if isinstance(found, Judged) else (found.outcome,)
        case SubjectKind.ARTIFACT if rule.exclude & _OF_COMMITS:
            return _of_origins(rule, facts, now)
        case _:
            return ()


def latest_request(facts: Facts) -> Request | None:
    """Return the wish to deploy that counts: the one recorded last; None where there is none."""
    # Told twice is told once, the first time.
    first: dict[str, Request] = {}
    for request in sorted(facts.requests, key=lambda one: one.recorded_at):
        first.setdefault(request.event_id, request)
    return max(first.values(), key=lambda one: (one.recorded_at, one.event_id), default=None)


def _signatures(
    rule: ApprovalsRule, commits: tuple[Outcome, ...]
) -> Iterator[tuple[str, Signature]]:
    for commit in _facts_of(commits):
        if Exclusion.AUTHOR in rule.exclude:
            yield "author", commit.author
        if Exclusion.COMMITTERS in rule.exclude:
            yield from (("committer", one) for one in commit.committers)


def _facts_of(commits: tuple[Outcome, ...]) -> Iterator[CommitFacts]:
    told = (one.commit for one in commits if one.commit is not None)
    yield from sorted(told, key=repr)


def _cut_off(outcome: Outcome) -> bool:
    return any(gap.reason == _TOO_MANY for gap in outcome.coverage.gaps)


def _of_origins(rule: ApprovalsRule, facts: Facts, now: datetime) -> tuple[Outcome, ...] | Judged:
    """Return everything git said about the commits an artifact was built from.

    Whoever is named in any answer had a hand in it, whichever branch that compared with.
    """
    said = tuple(
        one
        for one in facts.origin_commits
        if one.check == COMMIT_CHECK and one.commit is not None and one.subject in facts.origins
    )
    known = {one.subject for one in said}
    lacking = sorted(str(one) for one in set(facts.origins) if one not in known)
    if facts.origins and not lacking:
        return said
    what = listed([plain(one) for one in lacking]) or "what it was built from"
    since = facts.known_since
    due = since + rule.within if since is not None else None
    if due is not None and now < due:
        text = f"{COMMIT_CHECK} has not said yet who made {what}"
        return Judged(RequirementState.RUNNING, text, due=due, since=since)
    return Judged(
        RequirementState.MISSING,
        f"{COMMIT_CHECK} did not say within {show_duration(rule.within)} who made {what}",
        f"rescan {what} with the check {COMMIT_CHECK}",
        since=due,
    )
