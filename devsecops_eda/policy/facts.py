"""Everything a policy may know about what it judges. Built by the gate from its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devsecops_eda.model import Outcome, Subject

COMMIT_CHECK = "commit"
"""The built-in check that says what git says: merge base, changed files, history."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An event that made checks look at a subject.

    ``check`` is None where every check looks (a push). ``time`` is what the event says: it orders
    causes and gives a scan its age. ``recorded_at`` is when the gate recorded it: deadlines count
    from there.
    """

    event_id: str
    check: str | None
    time: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is recorded of ``check`` about another commit that may serve to compare with.

    ``requested_at`` is when the gate last asked for it to be looked at, None if it never did.
    ``pushed`` is whether anybody but the gate told of it, so that it was judged itself.
    """

    check: str
    subject: Subject
    outcomes: tuple[Outcome, ...] = ()
    requested_at: datetime | None = None
    causes: tuple[Cause, ...] = ()
    pushed: bool = True


@dataclass(frozen=True, slots=True)
class BaselineWanted:
    """A scan of ``subject`` that is needed to compare with, under the digests of the head's."""

    check: str
    subject: Subject
    rules_digest: str | None
    data_digest: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one subject at one gate.

    ``outcomes`` may hold several of one slot, failed ones and repeats, in any order.
    ``repository_known`` says that the operator's configuration names the subject's repository;
    ``protected`` that ``target`` is one of its protected branches.
    """

    gate: str
    subject: Subject
    repository_known: bool
    target: str | None
    protected: bool
    environment: str | None
    causes: tuple[Cause, ...]
    outcomes: tuple[Outcome, ...]
    baselines: tuple[Baseline, ...] = ()
