"""Asking for the newest recorded commits of all protected branches to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid5

from devsecops_eda.client import scan_requested
from devsecops_eda.ledger import Ledger, PushRow
from devsecops_eda.model import NAMESPACE, Event, branch_name, flow_of
from devsecops_eda.settings import Repository


def newest(ledger: Ledger, repositories: Mapping[str, Repository]) -> tuple[PushRow, ...]:
    """Return the newest recorded push to each branch that its repository protects.

    Raises:
        UnavailableError: the ledger is away.
    """
    with ledger.reading() as records:
        found = (
            records.naming.newest_push(key, ref)
            for key, repository in sorted(repositories.items())
            for ref in records.naming.refs(key)
            if repository.protects(ref)
        )
        return tuple(push for push in found if push is not None)


def rescans(
    pushes: Sequence[PushRow], checks: Sequence[str], *, reason: str, now: datetime
) -> Iterator[Event]:
    """Yield for each push and check the wish that it looks again.

    On one day it is the same wish with the same id, however often it is uttered: whoever was cut
    off may begin anew.
    """
    for push in pushes:
        for check in checks:
            event = scan_requested(
                push.subject,
                check=check,
                now=now,
                ref=push.ref,
                target=push.target or branch_name(push.ref),
                reason=reason,
            )
            day = now.date().isoformat()
            name = f"rescan/{day}/{push.ref}/{push.target}/{push.subject}/{check}/{reason}"
            id_ = str(uuid5(NAMESPACE, name))
            yield replace(event, id=id_, correlationid=flow_of(id_))
