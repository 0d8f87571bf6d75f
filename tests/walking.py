"""Walking the way that a decision shows: each step done as it says, and gone as one hopes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from packaging.version import Version

from devsecops_eda.model import (
    Ballot,
    Coverage,
    Finding,
    Package,
    Step,
    StepKind,
    Verdict,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import (
    Baseline,
    Cause,
    CheckRule,
    Facts,
    OtherDecision,
    Policy,
    Round,
    Vote,
    Waiver,
    decide,
    wanted_baselines,
)
from devsecops_eda.policy.model import ApprovalsRule, DecisionRule
from devsecops_eda.policy.voting.rounds import approvals_wanted
from devsecops_eda.policy.voting.views import view_of
from tests.judging import NOW, commit, completed, finding, policy
from tests.judging_cases import TERMS, evaluated
from tests.voting import AUTHOR

SECOND = timedelta(seconds=1)


def no_high(limits: str = "high: 0", *, waivers: bool = False) -> Policy:
    one = policy(f"kind: findings, check: semgrep, at_most: {{{limits}}}")
    return replace(one, waivers=TERMS) if waivers else one


def way(one: Policy, known: Facts, now: datetime = NOW) -> list[tuple[str, str, str]]:
    """Kind, object and words of each step."""
    return [(step.kind.value, step.what, step.text) for step in decide(one, known, now).way]


def in_package(name: str, *fixed: str, advisory: str = "PYSEC-1", version: str = "3.2") -> Finding:
    package = Package("django", version, advisory=advisory, fixed_versions=fixed)
    return finding(name, package=package)


def walked(policy: Policy, facts: Facts, now: datetime, steps: tuple[Step, ...]) -> Walk:
    """The world after all these steps."""
    walk = Walk(policy, facts, now)
    for step in steps:
        walk.take(step)
    return walk


class Walk:
    """Facts and a clock that steps change."""

    def __init__(self, policy: Policy, facts: Facts, now: datetime) -> None:
        self.policy, self.facts, self.now = policy, facts, now
        self._rules = {rule.id: rule for rule in policy.rules}

    @property
    def verdict(self) -> Verdict:
        return decide(self.policy, self.facts, self.now).verdict

    def take(self, step: Step) -> None:
        """Do what a step says."""
        match step.kind:
            case StepKind.UPGRADE:
                self._upgrade(step.what)
            case StepKind.FIX if step.what:
                self._without(
                    lambda one: (
                        step.what in (one.fingerprint, one.package and _release(one.package))
                    )
                )
            case StepKind.FIX:
                self._look_at_all(step)
            case StepKind.WAIVE:
                self._waive(step.what)
            case StepKind.RESCAN:
                self._answer(step.what)
            case StepKind.WAIT:
                self._wait(step)
            case StepKind.VOTE:
                self._vote()
            case StepKind.OTHER:
                self._other(step)
        self.facts = evaluated(self.policy, self.facts)

    def _upgrade(self, what: str) -> None:
        name, _, version = what.partition("==")
        self._without(
            lambda one: (
                one.package is not None
                and one.package.name == name
                and _mended(one.package, Version(version))
            )
        )

    def _without(self, gone: Callable[[Finding], object]) -> None:
        self._change(
            outcomes=tuple(
                replace(one, findings=tuple(each for each in one.findings if not gone(each)))
                for one in self.facts.outcomes
            )
        )

    def _look_at_all(self, step: Step) -> None:
        checks = self._checks(step)
        self._change(
            outcomes=tuple(
                replace(one, coverage=Coverage(1, 1), applicable=True)
                if one.check in checks and not one.failure
                else one
                for one in self.facts.outcomes
            )
        )

    def _waive(self, options: str) -> None:
        words = shlex.split(options)
        named = dict(zip(words[::2], words[1::2], strict=True))
        scope = WaiverScope(
            fingerprint=named.get("--finding", ""),
            advisory=named.get("--advisory", ""),
            package=named.get("--package", ""),
        )
        granted = Waiver(
            id=f"granted-{len(self.facts.waivers)}",
            scope=scope,
            reason=WaiverReason.NO_FIX,
            requester="linus",
            expires_at=self.now + timedelta(days=7),
            granter="ada",
            granter_groups=frozenset({"appsec"}),
            granted_at=self.now,
        )
        self._change(waivers=(*self.facts.waivers, granted))

    def _answer(self, check: str) -> None:
        """The check is asked once more and finds nothing."""
        latest = max([self.now, *(one.time for one in self.facts.causes)])
        cause = Cause(f"again-{len(self.facts.causes)}", check, latest + SECOND, self.now)
        clean = completed(check=check, cause=cause, subject=self.facts.subject)
        if check == "commit":
            clean = commit(cause=cause, subject=self.facts.subject)
            assert clean.commit is not None
            clean = replace(clean, commit=replace(clean.commit, author=AUTHOR))
        self._change(causes=(*self.facts.causes, cause), outcomes=(*self.facts.outcomes, clean))

    def _wait(self, step: Step) -> None:
        checks = self._checks(step)
        if any(isinstance(self._rules[name], DecisionRule) for name in step.requirements):
            self._allow_elsewhere()
        elif checks:
            if not self._look_at_bases():
                for check in (*checks, "commit"):
                    self._answer(check)
        else:
            self.now = datetime.fromisoformat(step.what)

    def _look_at_bases(self) -> bool:
        """Let the checks answer about the bases that are wanted; whether there are any."""
        wanted = wanted_baselines(self.policy, self.facts)
        for number, one in enumerate(wanted, len(self.facts.baselines)):
            asked = Cause(f"base-{number}", one.check, self.now, self.now)
            found = completed(
                check=one.check,
                subject=one.subject,
                cause=asked,
                rules=one.rules_digest,
                data=one.data_digest,
            )
            told = Baseline(one.check, one.subject, (found,), self.now, (asked,))
            self._change(baselines=(*self.facts.baselines, told))
        return bool(wanted)

    def _vote(self) -> None:
        decision = decide(self.policy, self.facts, self.now)
        for asked in approvals_wanted(self.policy, self.facts, decision, self.now):
            opened = Round(
                approval=asked.approval,
                rule=asked.rule,
                number=asked.round,
                policy_digest=asked.policy_digest,
                target=asked.target,
                merge_base=asked.merge_base,
                request=next((one.event_id for one in self.facts.requests), None),
                opened_at=self.now,
                deadline=asked.deadline,
            )
            self._change(rounds=(*self.facts.rounds, opened))
        seen = view_of(decision.requirements)[1]
        votes = [
            Vote(
                event_id=f"{one.approval}-{name}-{len(self.facts.votes)}",
                approval=one.approval,
                user=f"user-{name}",
                person=name,
                groups=self.facts.people.groups_of(name),
                vote=Ballot.APPROVE,
                seen=seen,
                recorded_at=self.now,
            )
            for one in self.facts.rounds
            for name in ("ada", "grace", "linus")
        ]
        self._change(votes=(*self.facts.votes, *votes))

    def _other(self, step: Step) -> None:
        for name in step.requirements:
            if isinstance(self._rules[name], DecisionRule):
                self._allow_elsewhere()
            if isinstance(self._rules[name], ApprovalsRule):
                # Another commit would be asked about anew.
                self._change(
                    rounds=tuple(one for one in self.facts.rounds if one.rule != name),
                )

    def _allow_elsewhere(self) -> None:
        latest = max([self.now, *(one.decided_at for one in self.facts.decisions)])
        allowed = OtherDecision(
            f"d-{len(self.facts.decisions)}",
            "release",
            self.facts.subject,
            "main",
            True,
            None,
            Verdict.ALLOW,
            latest + SECOND,
        )
        self._change(decisions=(*self.facts.decisions, allowed))

    def _checks(self, step: Step) -> list[str]:
        rules = [self._rules[name] for name in step.requirements]
        return [rule.check for rule in rules if isinstance(rule, CheckRule)]

    def _change(self, **values: object) -> None:
        self.facts = replace(self.facts, **values)  # type: ignore[arg-type]


def _release(package: Package | None) -> str | None:
    return f"{package.name}=={package.version}" if package else None


def _mended(package: Package, version: Version) -> bool:
    """What an onlooker knows of releases: a fix stays in its branch and in what came after all."""
    fixes = [Version(one) for one in package.fixed_versions]
    same = [one for one in fixes if one.release[:2] == version.release[:2]]
    return bool(fixes) and (version >= max(fixes) or any(version >= one for one in same))
