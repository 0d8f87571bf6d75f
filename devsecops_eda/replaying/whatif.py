"""What would a new policy have said? All recorded decisions judged again, on every core."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from multiprocessing import get_context

from devsecops_eda.errors import DevSecOpsError
from devsecops_eda.evidence import open_evidence
from devsecops_eda.ledger import Ledger, open_ledger
from devsecops_eda.model import Decision, Requirement, Verdict, WaiverState
from devsecops_eda.policy import (
    Facts,
    Policy,
    PolicyText,
    Waiver,
    applied,
    covers,
    decide,
    load_policies,
    waiver_state,
)
from devsecops_eda.policy.model import WaiverTerms
from devsecops_eda.predicates import CelEvaluator, Evaluator, with_matches
from devsecops_eda.replaying.recorded import Reader, Recorded
from devsecops_eda.settings import Settings

CHUNK = 100
"""So many decisions one process takes at a time."""

OPENS, CLOSES = "opens", "closes"

_HELD = frozenset({WaiverState.ACTIVE, WaiverState.PLANNED})


@dataclass(frozen=True, slots=True)
class Flip:
    """One decision that would have been another.

    ``lines`` are the requirements that differ, as (id, state then, state now); "" where there was
    or is none. ``waived_later`` are the waivers granted afterwards for what was in the way.
    """

    decision: str
    gate: str
    subject: str
    target: str | None
    environment: str | None
    decided_at: datetime
    was: Verdict
    now: Verdict
    lines: tuple[tuple[str, str, str], ...]
    waived_later: tuple[str, ...] = ()

    @property
    def way(self) -> str:
        """Return ``opens`` (to an allow), ``closes`` (from an allow) or an empty text."""
        if self.now is Verdict.ALLOW:
            return OPENS
        return CLOSES if self.was is Verdict.ALLOW else ""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a new policy would have said to recorded history.

    ``judged`` decisions were judged again; ``unreadable`` are those that could not be, with why.
    """

    policy: str
    judged: int
    flips: tuple[Flip, ...]
    unreadable: tuple[tuple[str, str], ...] = ()

    def failing(self, which: str) -> bool:
        """Return whether there is a flip of the kind ``any``, ``opens``, ``closes``, ``never``."""
        if which == "never":
            return False
        return any(which in ("any", flip.way) for flip in self.flips)


def what_if(
    settings: Settings,
    texts: Sequence[PolicyText],
    *,
    since: datetime,
    gate: str | None = None,
    processes: int | None = None,
) -> WhatIf:
    """Judge every decision since ``since`` again under the policy in ``texts``.

    Raises:
        InvalidPolicyError: the new policy is wrong.
        UnavailableError: ledger or evidence store is away.
    """
    policy = _policy(settings, texts)
    ledger = open_ledger(settings.gate.database, existing=True)
    try:
        with ledger.reading() as records:
            ids = tuple(row.decision for row in records.archive.since(since, gate=gate))
        chunks = list(_chunks(ids))
        workers = min(processes or os.cpu_count() or 1, max(len(chunks), 1))
        with ProcessPoolExecutor(
            workers,
            # A fork would inherit connections and threads; these begin with nothing.
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(settings, tuple(texts)),
        ) as pool:
            parts = list(pool.map(_judge_chunk, chunks))
    finally:
        ledger.close()
    flips = (flip for part in parts for flip in part.flips)
    return WhatIf(
        policy.name,
        sum(part.judged for part in parts),
        tuple(sorted(flips, key=lambda one: (one.decided_at, one.decision))),
        tuple(one for part in parts for one in part.unreadable),
    )


class Judge:
    """Judges recorded decisions under another policy. One judge belongs to one thread."""

    def __init__(self, ledger: Ledger, reader: Reader, policy: Policy, predicates: Evaluator):
        """Take where decisions are, the new policy, and what evaluates its predicates."""
        self._ledger = ledger
        self._reader = reader
        self._policy = policy
        self._predicates = predicates

    def flip(self, decision_id: str) -> Flip | None:
        """Return how a decision would differ, None where it would be the same verdict.

        Raises:
            DevSecOpsError: it cannot be read (any more).
        """
        recorded = self._reader.recorded(decision_id)
        was = recorded.decision
        facts = as_if_under(self._policy, recorded)
        facts = with_matches(self._policy, facts, self._predicates)
        now = decide(self._policy, facts, was.evaluated_at)
        if now.verdict is was.verdict:
            return None
        return Flip(
            decision=was.id,
            gate=was.gate,
            subject=str(was.subject),
            target=was.target,
            environment=was.environment,
            decided_at=was.evaluated_at,
            was=was.verdict,
            now=now.verdict,
            lines=_lines(was, now),
            waived_later=self._waived_later(recorded, now),
        )

    def _waived_later(self, recorded: Recorded, now: Decision) -> tuple[str, ...]:
        was = recorded.decision
        if was.subject.repo is None:
            return ()
        with self._ledger.reading() as records:
            rows = records.waivers.of_repo(was.subject.repo)
        in_the_way = [line for one in (was, now) for line in one.requirements]
        terms = self._reader.terms_of(recorded)
        return tuple(
            row.id
            for row in rows
            if any(_meant(row.waiver, line, was) for line in in_the_way)
            and any(_held_after(one, terms, in_the_way, was) for one in row.candidates)
        )


def as_if_under(policy: Policy, recorded: Recorded) -> Facts:
    """Return recorded facts as they would be, had ``policy`` held.

    Rounds of voting are bound to the policy they were opened under; here they count as opened
    under the new one, so that a flip tells of its rules, not of votes that had to be cast again.
    What predicates said is left out: the new policy's have to be evaluated.
    """
    facts = recorded.facts
    narrowed = applied(policy, facts)
    if narrowed is None:
        return replace(facts, matches=())
    old = recorded.decision.policy_digest
    rounds = tuple(
        replace(one, policy_digest=narrowed.digest) if one.policy_digest == old else one
        for one in facts.rounds
    )
    return replace(facts, rounds=rounds, matches=())


def _meant(waiver: Waiver, line: Requirement, decision: Decision) -> bool:
    scope = waiver.scope
    if scope.requirement:
        return scope.requirement == line.id and scope.subject == decision.subject
    return any(covers(scope, finding) for finding in line.blocking)


def _held_after(
    waiver: Waiver, terms: WaiverTerms | None, lines: Sequence[Requirement], was: Decision
) -> bool:
    """Return whether ``waiver`` was granted after ``was`` by somebody who might, for so long."""
    if waiver.granted_at is None or waiver.granted_at <= was.evaluated_at:
        return False
    about = (one for line in lines for one in line.blocking if covers(waiver.scope, one))
    severity = max((one.severity for one in about), default=None)
    granted = replace(waiver, revoked_at=None)
    return waiver_state(granted, terms, severity, waiver.granted_at)[0] in _HELD


def _lines(was: Decision, now: Decision) -> tuple[tuple[str, str, str], ...]:
    before = {line.id: line.state.value for line in was.requirements}
    after = {line.id: line.state.value for line in now.requirements}
    return tuple(
        (name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


_judge: Judge | None = None
"""The judge of a process of the pool; made once, when the process begins."""


def _begin(settings: Settings, texts: tuple[PolicyText, ...]) -> None:
    global _judge
    ledger = open_ledger(settings.gate.database, existing=True)
    reader = Reader(ledger, open_evidence(settings.evidence_url))
    _judge = Judge(ledger, reader, _policy(settings, texts), CelEvaluator())


def _judge_chunk(ids: tuple[str, ...]) -> WhatIf:
    assert _judge is not None  # the pool's initializer ran
    flips, unreadable = [], []
    for decision_id in ids:
        try:
            flip = _judge.flip(decision_id)
        except DevSecOpsError as error:
            unreadable.append((decision_id, str(error)))
            continue
        if flip is not None:
            flips.append(flip)
    return WhatIf("", len(ids) - len(unreadable), tuple(flips), tuple(unreadable))


def _policy(settings: Settings, texts: Sequence[PolicyText]) -> Policy:
    return load_policies(texts, checks=settings.checks, groups=settings.people.groups)


def _chunks(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(ids)
    while chunk := tuple(islice(rest, CHUNK)):
        yield chunk
