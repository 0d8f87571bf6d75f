"""From what a case says to the facts that a policy judges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from devsecops_eda.cases.given import (
    Given,
    GivenDecision,
    GivenFinding,
    GivenOutcome,
    GivenVote,
    GivenWaiver,
)
from devsecops_eda.model import (
    ChangedFile,
    CommitFacts,
    Coverage,
    Failure,
    Finding,
    Gap,
    Outcome,
    OutcomeStatus,
    Signature,
    Subject,
    SubjectKind,
    Tool,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import (
    COMMIT_CHECK,
    Baseline,
    Cause,
    Facts,
    OtherDecision,
    Policy,
    Request,
    Round,
    Seen,
    Vote,
    Waiver,
    decide,
)
from devsecops_eda.policy.voting.rounds import approvals_wanted
from devsecops_eda.policy.voting.views import view_of

FILES = 10
"""So many files a check looks at in a case that does not say otherwise."""

_HEAD, _BASE, _TREE = "a" * 40, "b" * 40, "c" * 40
_DIGEST = "sha256:" + "d" * 64
_RULES, _DATA = "sha256:" + "e" * 64, None
_PUSH = "push"
_JOB = "ci"


@dataclass(frozen=True, slots=True)
class Built:
    """The facts of a case, and its findings by their names."""

    facts: Facts
    fingerprints: dict[str, str]


def build(given: Given, policy: Policy, checks: tuple[str, ...]) -> Built:
    """Return the facts that ``given`` describes to ``policy``; ``checks`` answered unless said."""
    subject = _subject(given)
    said = {one.check: one for one in given.outcomes}
    outcomes = [said.get(check, GivenOutcome(check)) for check in checks]
    answered = [one for one in outcomes if not one.silent]
    origins = (_commit(given),) if given.kind is SubjectKind.ARTIFACT else ()
    facts = Facts(
        gate=given.gate,
        subject=subject,
        repository_known=given.known,
        target=given.target,
        protected=given.protected and given.target is not None,
        environment=given.environment,
        causes=(
            Cause(_PUSH, None, given.at - given.pushed, given.at - given.pushed),
            *(_cause(one, given) for one in outcomes if one.age is not None),
        ),
        outcomes=tuple(_outcome(one, given, subject) for one in answered),
        baselines=tuple(_baseline(one, given) for one in outcomes) if given.base else (),
        people=given.people,
        requests=_requests(given),
        waivers=tuple(_waiver(one, at, given) for at, one in enumerate(given.waivers)),
        decisions=tuple(
            _decision(one, at, given, subject) for at, one in enumerate(given.decisions)
        ),
        origins=origins,
        origin_commits=tuple(
            _outcome(one, given, origin)
            for one in answered
            if one.check == COMMIT_CHECK
            for origin in origins
        ),
    )
    names = {finding.name: _fingerprint(finding) for one in outcomes for finding in one.findings}
    return Built(facts, names)


def with_votes(facts: Facts, given: Given, policy: Policy) -> Facts:
    """Return ``facts`` with the rounds the gate would have opened, and the votes in them.

    A round was open since the first vote; each voter saw what there is to see now.
    """
    ages = [vote.age for vote in given.votes]
    opened_at = given.at - max([given.pushed, *(age + timedelta(seconds=1) for age in ages)])
    decision = decide(policy, facts, given.at)
    rounds, votes = [], []
    _, seen = view_of(decision.requirements)
    for wanted in approvals_wanted(policy, facts, decision, given.at):
        length = wanted.deadline - given.at
        rounds.append(
            Round(
                approval=wanted.approval,
                rule=wanted.rule,
                number=wanted.round,
                policy_digest=wanted.policy_digest,
                target=wanted.target,
                merge_base=wanted.merge_base,
                request=_PUSH + "-request" if facts.requests else None,
                opened_at=opened_at,
                deadline=opened_at + length,
            )
        )
        votes += [
            _vote(vote, at, wanted.approval, seen, given) for at, vote in enumerate(given.votes)
        ]
    return replace(facts, rounds=tuple(rounds), votes=tuple(votes))


def _subject(given: Given) -> Subject:
    match given.kind:
        case SubjectKind.COMMIT:
            return _commit(given)
        case SubjectKind.ARTIFACT:
            return Subject.artifact(_DIGEST, given.repository)
        case SubjectKind.TREE:
            return Subject.tree(_DIGEST, given.repository)


def _commit(given: Given) -> Subject:
    return Subject.commit(given.repository, _HEAD)


def _cause(one: GivenOutcome, given: Given) -> Cause:
    assert one.age is not None
    at = given.at - one.age
    return Cause(f"scan-{one.check}", one.check, at, at)


def _outcome(one: GivenOutcome, given: Given, subject: Subject) -> Outcome:
    cause = _PUSH if one.age is None else f"scan-{one.check}"
    at = given.at - (given.pushed if one.age is None else one.age)
    failed = one.failed is not None
    files = 0 if one.nothing or failed else FILES
    return Outcome(
        check=one.check,
        subject=subject,
        status=OutcomeStatus.FAILED if failed else OutcomeStatus.COMPLETED,
        cause=cause,
        cause_time=at,
        tool=Tool(one.check, "0"),
        coverage=Coverage(
            files, files - len(one.gaps), tuple(Gap(path, "given") for path in one.gaps)
        ),
        findings=tuple(map(_finding, one.findings)),
        rules_digest=_RULES,
        commit=_git(given) if one.check == COMMIT_CHECK and not failed else None,
        applicable=not one.nothing,
        failure=Failure(one.failed, "given by the case") if one.failed else None,
    )


def _git(given: Given) -> CommitFacts:
    return CommitFacts(
        author=Signature("author", given.author),
        committers=tuple(Signature("committer", email) for email in given.committers),
        parents=(_BASE,),
        tree_digest=_TREE,
        changed_files=tuple(ChangedFile(path, "M") for path in given.changed),
        target=given.target,
        merge_base=_BASE if given.base else None,
    )


def _baseline(one: GivenOutcome, given: Given) -> Baseline:
    subject = Subject.commit(given.repository, _BASE)
    before = given.at - given.pushed - timedelta(days=1)
    old = tuple(finding for finding in one.findings if not finding.new)
    nothing = one.nothing and one.nothing_before
    files = 0 if nothing else FILES
    outcome = Outcome(
        check=one.check,
        subject=subject,
        status=OutcomeStatus.COMPLETED,
        cause="push-of-base",
        cause_time=before,
        tool=Tool(one.check, "0"),
        coverage=Coverage(files, files),
        findings=tuple(map(_finding, old)),
        rules_digest=_RULES,
        applicable=not nothing,
    )
    cause = Cause("push-of-base", None, before, given.at - given.pushed)
    return Baseline(one.check, subject, (outcome,), given.at - given.pushed, (cause,))


def _fingerprint(finding: GivenFinding) -> str:
    return sha256(f"{finding.path}/{finding.name}".encode()).hexdigest()


def _finding(finding: GivenFinding) -> Finding:
    return Finding(
        rule=finding.rule,
        path=finding.path,
        line=finding.line,
        severity=finding.severity,
        message=finding.name,
        fingerprint=_fingerprint(finding),
        fingerprint_nopath=sha256(finding.name.encode()).hexdigest(),
        cwe=finding.cwe,
        fix=finding.fix,
        package=finding.package,
    )


def _requests(given: Given) -> tuple[Request, ...]:
    requesters = given.requesters
    if requesters is None:
        # What is to go somewhere was asked for, by a job that is nobody the operator named.
        requesters = (_JOB,) if given.environment is not None else ()
    if not requesters:
        return ()
    return (Request(_PUSH + "-request", requesters, given.at - given.pushed),)


def _waiver(one: GivenWaiver, at: int, given: Given) -> Waiver:
    names = {f.name: _fingerprint(f) for o in given.outcomes for f in o.findings}
    scope = WaiverScope(
        fingerprint=names.get(one.finding, one.finding),
        advisory=one.advisory,
        package=one.package,
        requirement=one.requirement,
        subject=_subject(given) if one.requirement else None,
    )
    granted_at = given.at - one.granted if one.granted_by else None
    groups = given.people.groups_of(one.granted_by) if one.granted_by else frozenset()
    return Waiver(
        id=f"waiver-{at + 1}",
        scope=scope,
        reason=WaiverReason.ACCEPTED,
        requester=one.requested_by or None,
        expires_at=given.at + one.expires if one.expired is None else given.at - one.expired,
        granter=one.granted_by or None,
        granter_groups=groups,
        granted_at=granted_at,
        revoked_at=given.at if one.revoked else None,
    )


def _decision(one: GivenDecision, at: int, given: Given, subject: Subject) -> OtherDecision:
    about = _commit(given) if given.kind is SubjectKind.ARTIFACT else subject
    return OtherDecision(
        id=f"decision-{at + 1}",
        gate=one.gate,
        subject=about,
        target=one.target,
        protected=one.target == given.target and given.protected,
        environment=None,
        verdict=one.verdict,
        decided_at=given.at - one.age,
    )


def _vote(vote: GivenVote, at: int, approval: str, seen: tuple[Seen, ...], given: Given) -> Vote:
    return Vote(
        event_id=f"vote-{at + 1}",
        approval=approval,
        user=vote.by,
        person=vote.by,
        groups=given.people.groups_of(vote.by),
        vote=vote.vote,
        seen=seen,
        recorded_at=given.at - vote.age,
    )
