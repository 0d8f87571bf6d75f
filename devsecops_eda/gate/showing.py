"""Rounds of voting and waivers as somebody who asks is shown them: how they stand now, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.terms import entitled, terms_of
from devsecops_eda.gate.waiving import TOO_EARLY
from devsecops_eda.ledger import Records, RoundRow, WaiverRow
from devsecops_eda.model import (
    ApprovalListed,
    Closing,
    Decision,
    Finding,
    Severity,
    WaiverListed,
    WaiverScope,
    WaiverState,
)
from devsecops_eda.policy import Facts, Policy, Waiver, covers, findings_of, waiver_state
from devsecops_eda.policy.voting.polls import binding_of, what_changed
from devsecops_eda.policy.voting.rounds import tally
from devsecops_eda.policy.voting.views import not_of_people

MAX_SEARCHED = 50
"""In the findings of so many asks of a repository it is looked for what a waiver covers."""

_MAY_COVER = frozenset({WaiverState.REQUESTED, WaiverState.PLANNED, WaiverState.ACTIVE})
_BEST_FIRST = (
    WaiverState.ACTIVE,
    WaiverState.PLANNED,
    WaiverState.EXPIRED,
    WaiverState.REFUSED,
    WaiverState.REVOKED,
    WaiverState.REQUESTED,
)


class ShownRounds:
    """Shows rounds of voting with every vote, counted or why not."""

    def __init__(self, policy: Policy, judging: Judging) -> None:
        """Take what says how a round stands."""
        self._policy = policy
        self._judging = judging

    def listed(self, records: Records, row: RoundRow, this: Now) -> ApprovalListed:
        """Return a round as it stands; what it shows of an open one is a view to vote on."""
        request = row.request
        shown = ApprovalListed(
            request=request,
            flow=row.flow,
            opened_at=row.round.opened_at,
            closing=row.round.closing,
            closed_at=row.round.closed_at,
        )
        ask = records.asks.get(
            row.ask_flow, repo=row.repo, gate=request.gate, environment=request.environment
        )
        if ask is None:
            return shown
        facts, decision = self._judging.peek(records, ask, this)
        votes = tally(self._policy, facts, row.round, decision.requirements, this.at)
        shown = replace(shown, votes=votes, void=_void(row, facts, decision))
        if row.round.closing in (None, Closing.GRANTED) and this.at < row.round.deadline:
            view = self._judging.show(records, ask, facts, decision, this)
            lines = not_of_people(decision.requirements)
            shown = replace(shown, request=replace(request, view=view, requirements=lines))
        return shown


class ShownWaivers:
    """Shows waivers in their state now, measured against what they cover."""

    def __init__(self, policy: Policy, judging: Judging) -> None:
        """Take on what terms waivers hold, and what knows the findings."""
        self._policy = policy
        self._judging = judging

    def listed(self, records: Records, rows: Sequence[WaiverRow], this: Now) -> list[WaiverListed]:
        """Return waivers with their states and everything that was said of them."""
        repos = sorted({row.request.repo for row in rows})
        findings = {repo: self._findings(records, repo, this) for repo in repos}
        return [self._one(records, row, findings, this.at) for row in rows]

    def _one(
        self,
        records: Records,
        row: WaiverRow,
        findings: Mapping[str, Sequence[Finding]],
        now: datetime,
    ) -> WaiverListed:
        about = findings[row.request.repo]
        scope = row.request.scope
        severity = max((one.severity for one in about if covers(scope, one)), default=None)
        chosen, state, message = self._state(row, severity, now)
        remarks = records.remarks.of(row.id)
        told = [message, *(one.reason for one in remarks if one.reason != TOO_EARLY)]
        if state in _MAY_COVER:
            told += self._in_vain(scope, severity)
        grant = next((one for one in row.grants if one.granted_at == chosen.granted_at), None)
        return WaiverListed(
            waiver=row.id,
            request=row.request,
            state=state,
            requester=row.requester,
            requested_at=row.requested_at,
            granter=(grant.person or grant.user) if grant else "",
            granted_at=grant.granted_at if grant else None,
            revoked_by=row.revoked_by,
            revoked_at=row.revoked_at,
            message="; ".join(dict.fromkeys(told)),
            events=(*row.events, *(one.event for one in remarks)),
        )

    def _in_vain(self, scope: WaiverScope, severity: Severity | None) -> Iterator[str]:
        """Yield why a waiver covers nothing that is known: a slip of the pen holds for nothing."""
        if scope.requirement and scope.requirement not in {rule.id for rule in self._policy.rules}:
            yield f"no rule of the policy is called {scope.requirement}: it covers nothing"
        elif not scope.requirement and severity is None:
            yield "nothing that was found in this repository lately is covered by it"

    def _state(
        self, row: WaiverRow, severity: Severity | None, now: datetime
    ) -> tuple[Waiver, WaiverState, str]:
        """Return the best of the grants by somebody entitled, with state and sentence."""
        terms = terms_of(self._policy, row.request.repo, row.request.environment)
        ungranted = replace(row.waiver, granter=None, granter_groups=frozenset(), granted_at=None)
        states = [
            (one, *waiver_state(one, terms, severity, now))
            for one in row.candidates
            if one.revoked_at is not None or entitled(one, terms)
        ]
        if states:
            return min(states, key=lambda each: _BEST_FIRST.index(each[1]))
        state, message = waiver_state(ungranted, terms, severity, now)
        if row.waiver.requester is None and not row.grants:
            message = f"{message}, and nobody can: who asked for it is nobody the operator named"
        if row.grants:
            # A grant by somebody who may not is none; he and all others are told why.
            message = f"{message}; {waiver_state(row.waiver, terms, severity, now)[1]}"
        return ungranted, state, message

    def _findings(self, records: Records, repo: str, this: Now) -> tuple[Finding, ...]:
        """Return what the scans in force of a repository found, as far as it is looked for."""
        found: dict[str, Finding] = {}
        checks = self._policy.checks
        for ask in records.asks.of_repo(repo)[-MAX_SEARCHED:]:
            facts = self._judging.peek(records, ask, this)[0]
            for check in checks:
                found |= {
                    f"{one.fingerprint}/{one.severity}": one for one in findings_of(check, facts)
                }
        return tuple(found.values())


def _void(row: RoundRow, facts: Facts, decision: Decision) -> str:
    binding = binding_of(
        facts,
        policy_digest=decision.policy_digest,
        target=decision.target,
        merge_base=decision.merge_base,
    )
    return what_changed(row.round, binding)
