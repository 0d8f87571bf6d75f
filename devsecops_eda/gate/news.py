"""When a decision that was given is looked at again, and what of it is no news.

A decision stands until there is news. An event about the subject is news, and so is time where
somebody said until when something holds: the end of a waiver, the deadline of a round of voting,
a rescan that stays silent, the leeway of a finding, the age of a scan. The gate's timer looks
again by itself at these.

A window that opens or closes, and the dates of a rule, are told to whoever asks: he is judged at
that very moment. Told to flows that nobody waits for any more they would turn each evening every
allow of the day into a deny, and back in the morning.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from devsecops_eda.model import Decision, RequirementState, Verdict
from devsecops_eda.policy import Facts, Policy
from devsecops_eda.policy.model import ApprovalsRule, WindowRule

# Long past, but not so long that a span cannot be added in any zone.
_ONCE = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)


def unprompted(policy: Policy) -> Policy | None:
    """Return the part of ``policy`` whose instants are news by themselves, None if it has none."""
    rules = tuple(
        replace(rule, begins=None, ends=None)
        for rule in policy.rules
        if not isinstance(rule, WindowRule)
    )
    return replace(policy, rules=rules) if rules else None


def at_rest(facts: Facts, decision: Decision) -> Facts:
    """Return ``facts`` without the clocks that are over once the ``decision`` was given.

    Nothing is waited for any more, and of the waivers only those matter on which the decision
    rests, or which may still come into force where it is no allow.
    """
    named = {waiver for line in decision.requirements for waiver in line.waivers}
    hopes = decision.verdict is not Verdict.ALLOW
    at = decision.evaluated_at
    return replace(
        facts,
        causes=tuple(replace(cause, recorded_at=_ONCE) for cause in facts.causes),
        baselines=tuple(replace(one, requested_at=None) for one in facts.baselines),
        waivers=tuple(
            one
            for one in facts.waivers
            if one.id in named
            or (hopes and one.granted_at and one.starts_at and one.starts_at > at)
        ),
    )


def awaits_a_scan(facts: Facts) -> bool:
    """Return whether a check that was asked for by name has not answered."""
    answered = {(outcome.cause, outcome.check) for outcome in facts.outcomes}
    return any(
        cause.check is not None and (cause.event_id, cause.check) not in answered
        for cause in facts.causes
    )


def only_windows_moved(old: Decision, new: Decision) -> bool:
    """Return whether ``new`` differs from ``old`` only in what its windows say.

    That votes are void while a window is closed comes of it, and is none the more news.
    """
    return (
        (old.policy_digest, old.merge_base) == (new.policy_digest, new.merge_base)
        and _standing(old) == _standing(new)
        and _windows(old) != _windows(new)
    )


def _standing(decision: Decision) -> dict[str, tuple[RequirementState, bool]]:
    return {
        line.id: (line.state, line.harmless)
        for line in decision.requirements
        if line.kind not in (WindowRule.kind, ApprovalsRule.kind)
    }


def _windows(decision: Decision) -> dict[str, RequirementState]:
    return {line.id: line.state for line in decision.requirements if line.kind == WindowRule.kind}
