"""Whole cases for hypothesis: every kind of rule, and what people, windows and gates do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from devsecops_eda.model import (
    Ballot,
    Finding,
    Outcome,
    OutcomeStatus,
    Package,
    Severity,
    Verdict,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import (
    Facts,
    Matches,
    OtherDecision,
    Policy,
    Round,
    Seen,
    Vote,
    Waiver,
    applied,
    commit_facts,
    decide,
    findings_of,
    predicates_wanted,
)
from devsecops_eda.policy.model import (
    AnyRule,
    ApprovalsRule,
    DecisionRule,
    FindingsRule,
    OpenHours,
    WaiverTerms,
    Weekday,
    WindowRule,
)
from devsecops_eda.policy.voting.views import view_of
from tests.judging import HEAD, NOW, WITHIN, minutes
from tests.judging_strategies import RULES_TO_CHOOSE, facts_, instants, parsed
from tests.voting import AUTHOR, people, request

DAY = timedelta(days=1)
TERMS = WaiverTerms(
    granters=("appsec",),
    longest=(
        *((severity, 30 * DAY) for severity in (Severity.INFO, Severity.LOW, Severity.MEDIUM)),
        (Severity.HIGH, 14 * DAY),
        (Severity.CRITICAL, 7 * DAY),
        (Severity.UNKNOWN, timedelta(0)),
    ),
    otherwise=2 * DAY,
)
PREDICATES: Mapping[str, Callable[[Finding], bool]] = {
    "f.path == 'app.py'": lambda finding: finding.path == "app.py",
    "f.package.name == 'Django'": lambda finding: finding.package is not None,
    "f.nothing": lambda finding: bool(1 / 0),
}
_GATES = frozenset({"merge"})


def _findings(**values: object) -> FindingsRule:
    made = FindingsRule(
        id="", gates=_GATES, check="safety", within=WITHIN, at_most=((Severity.HIGH, 0),)
    )
    return replace(made, **values)  # type: ignore[arg-type]


def _approvals(**values: object) -> ApprovalsRule:
    made = ApprovalsRule(
        id="",
        gates=_GATES,
        n=2,
        groups=("appsec", "owners"),
        deadline=timedelta(hours=1),
        within=WITHIN,
        unknown_author=True,
    )
    return replace(made, **values)  # type: ignore[arg-type]


def _window(first: int, last: int) -> WindowRule:
    hours = OpenHours(frozenset(Weekday), first * 60, last * 60)
    return WindowRule(id="", gates=_GATES, zone="Europe/Berlin", opens=(hours,))


MORE_RULES: tuple[AnyRule, ...] = (
    *(_findings(where=where, at_most=((Severity.MEDIUM, 0),)) for where in PREDICATES),
    _findings(fix_available=True, new_only=True),
    _findings(fix_available=False, at_most=((Severity.LOW, 1), (Severity.HIGH, 0))),
    _findings(leeway=((Severity.MEDIUM, 9 * DAY), (Severity.HIGH, DAY)), new_only=True),
    _findings(leeway=((Severity.HIGH, DAY),), where="f.path == 'app.py'"),
    _approvals(),
    _approvals(n=1, groups=("appsec",)),
    _window(9, 11),
    _window(22, 10),
    DecisionRule(id="", gates=_GATES, gate="release", within=WITHIN, max_age=timedelta(hours=1)),
)
LOADED: tuple[AnyRule, ...] = tuple(parsed(words).rules[0] for words in RULES_TO_CHOOSE)


@dataclass(frozen=True, slots=True)
class Case:
    """A policy, facts to judge by it, and when."""

    policy: Policy
    facts: Facts
    now: datetime


def evaluated(policy: Policy, facts: Facts) -> Facts:
    """The facts with what came of the predicates they want."""
    return replace(
        facts,
        matches=tuple(
            _matches(wanted.where, wanted.check, findings_of(wanted.check, facts))
            for wanted in predicates_wanted(policy, facts)
        ),
    )


def _matches(where: str, check: str, findings: tuple[Finding, ...]) -> Matches:
    try:
        return Matches(where, check, tuple(map(PREDICATES[where], findings)))
    except ZeroDivisionError as error:
        return Matches(where, check, None, str(error))


def of_packages(outcome: Outcome) -> Outcome:
    """What safety found is in packages; which, its finding alone says."""
    if outcome.check != "safety":
        return outcome
    return replace(outcome, findings=tuple(map(_in_a_package, outcome.findings)))


def _in_a_package(finding: Finding) -> Finding:
    if finding.package is not None:
        return finding
    number = int(finding.fingerprint_nopath == "a:1") + 2 * int(finding.path == "app.py")
    package = Package(
        "Django",
        "3.2",
        advisory=f"PYSEC-{number}",
        aliases=(f"CVE-{number}",),
        fixed_versions=((), ("3.2.5",), ("3.2.9", "4.0.2"), ("4.0.1",))[number],
        published=(None, NOW - DAY, NOW - DAY + minutes(15), NOW + minutes(15))[number],
    )
    # No two checks say the same of a place.
    return replace(finding, package=package, fingerprint=f"{finding.fingerprint}/package")


SCOPES = (
    WaiverScope(fingerprint="app.py/a:0"),
    WaiverScope(fingerprint="app.py/b:0"),
    WaiverScope(fingerprint="new.py/a:0"),
    WaiverScope(advisory="CVE-0", package="django"),
    WaiverScope(advisory="PYSEC-2", package="DJANGO"),
    *(WaiverScope(requirement=f"rule-{at}", subject=HEAD) for at in range(4)),
)
VOTERS = ((), ("ada",), ("ada", "grace"), ("ada", "linus"), ("ada", "grace", "linus", "eve"))
near = st.sampled_from([-120, -30, 0, 10, 20, 45, 60, 80]).map(lambda at: NOW + minutes(at))


@st.composite
def waivers_(draw: st.DrawFn, scopes: tuple[WaiverScope, ...] = SCOPES) -> Waiver:
    """Most often one that was asked for and granted as it should."""
    made = Waiver(
        id=draw(st.sampled_from(["w-1", "w-2", "w-3"])),
        scope=draw(st.sampled_from(scopes)),
        reason=WaiverReason.NO_FIX,
        requester="linus",
        expires_at=draw(near | st.just(NOW + DAY)),
        granter="ada",
        granter_groups=frozenset({"appsec"}),
        granted_at=NOW - minutes(30),
    )
    if draw(st.booleans()):
        return made
    return replace(
        made,
        requester=draw(st.sampled_from(["linus", "linus", "ada", None])),
        expires_at=draw(near | st.sampled_from([NOW + DAY, NOW + 20 * DAY])),
        starts_at=draw(st.none() | near),
        environment=draw(st.sampled_from([None, None, "prod"])),
        granter_groups=frozenset(draw(st.sampled_from([("appsec",), ("appsec",), ("owners",)]))),
        granted_at=draw(st.none() | near),
        revoked_at=draw(st.none() | st.none() | near),
    )


def wishes(policy: Policy, facts: Facts, now: datetime) -> tuple[WaiverScope, ...]:
    """What somebody would ask a waiver of, and some more."""
    blocking = [one for line in decide(policy, facts, now).requirements for one in line.blocking]
    scopes = [WaiverScope(fingerprint=one.fingerprint) for one in blocking]
    return (*scopes, *scopes, *SCOPES)


@st.composite
def decisions_(draw: st.DrawFn) -> OtherDecision:
    verdict = draw(st.sampled_from([Verdict.ALLOW, Verdict.ALLOW, *Verdict]))
    name = draw(st.sampled_from(["d-1", "d-2"]))
    return OtherDecision(name, "release", HEAD, "main", True, None, verdict, draw(instants))


@st.composite
def policies(draw: st.DrawFn, rules: tuple[AnyRule, ...] = LOADED + MORE_RULES) -> Policy:
    chosen = draw(st.lists(st.sampled_from(rules), min_size=1, max_size=4))
    named = tuple(replace(rule, id=f"rule-{at}") for at, rule in enumerate(chosen))
    terms = draw(st.sampled_from([TERMS, TERMS, TERMS, None]))
    return replace(parsed(RULES_TO_CHOOSE[0]), rules=named, waivers=terms)


def _by_the_author(outcome: Outcome) -> Outcome:
    told = outcome.commit
    return replace(outcome, commit=replace(told, author=AUTHOR)) if told else outcome


@st.composite
def cases(draw: st.DrawFn, rules: tuple[AnyRule, ...] = LOADED + MORE_RULES) -> Case:
    """Facts as those of a push, with waivers, votes and decisions of another gate."""
    policy, facts, now = draw(policies(rules)), draw(facts_), draw(instants)
    environment = draw(st.sampled_from([None, "prod"]))
    facts = replace(
        facts,
        outcomes=tuple(_by_the_author(of_packages(one)) for one in facts.outcomes),
        baselines=tuple(
            replace(one, outcomes=tuple(map(of_packages, one.outcomes))) for one in facts.baselines
        ),
        people=people(),
        environment=environment,
        requests=(request(at=NOW - minutes(30)),) if environment else (),
        decisions=tuple(draw(st.lists(decisions_(), max_size=2, unique_by=lambda one: one.id))),
    )
    facts = evaluated(policy, facts)
    asked = waivers_(wishes(policy, facts, now))
    waivers = draw(st.lists(asked, max_size=3, unique_by=lambda one: one.id))
    facts = replace(facts, waivers=tuple(waivers))
    rounds, votes = draw(_voted(policy, facts, now))
    return Case(policy, replace(facts, rounds=rounds, votes=votes), now)


@st.composite
def _voted(
    draw: st.DrawFn, policy: Policy, facts: Facts, now: datetime
) -> tuple[tuple[Round, ...], tuple[Vote, ...]]:
    """Rounds and votes about what is judged, some of them about something else."""
    narrow, commit = applied(policy, facts), commit_facts(facts)
    seen = view_of(decide(policy, facts, now).requirements)[1]
    rounds: list[Round] = []
    votes: list[Vote] = []
    for rule in policy.rules:
        if not isinstance(rule, ApprovalsRule) or draw(st.integers(0, 4)) == 4:
            continue
        one = Round(
            approval=f"round-of-{rule.id}",
            rule=rule.id,
            number=1,
            policy_digest=narrow.digest if narrow else "",
            target="main",
            merge_base=draw(st.sampled_from([commit.merge_base if commit else None] * 5 + ["e"])),
            request=next((one.event_id for one in facts.requests), None),
            opened_at=NOW - minutes(20),
            deadline=NOW + minutes(draw(st.sampled_from([-10, 40, 80, 99]))),
        )
        rounds.append(one)
        names = draw(st.sampled_from(VOTERS))
        votes += [draw(_votes(one, name, seen)) for name in names]
    return tuple(rounds), tuple(votes)


@st.composite
def _votes(draw: st.DrawFn, one: Round, name: str, seen: tuple[Seen, ...]) -> Vote:
    return Vote(
        event_id=f"{one.approval}-{name}",
        approval=one.approval,
        user=f"user-{name}",
        person=name,
        groups=people().groups_of(name),
        vote=draw(st.sampled_from([Ballot.APPROVE] * 9 + [Ballot.REJECT])),
        seen=draw(st.sampled_from([seen, seen, seen, seen, None])),
        recorded_at=NOW - minutes(15),
    )


def is_completed(outcome: Outcome) -> bool:
    """Whether an outcome has facts to tell about the judged commit."""
    return outcome.status is OutcomeStatus.COMPLETED and outcome.subject == HEAD
