"""Wishes to deploy, and what artifacts were built from."""

from __future__ import annotations

import hashlib

from devsecops_eda.gate.facts import named
from devsecops_eda.gate.flows import Flows
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.ledger import Memory, Message, Records
from devsecops_eda.model import (
    ArtifactPublished,
    DeploymentRequested,
    Event,
    Identity,
    branch_name,
)
from devsecops_eda.policy import Policy

MAX_NAME_CHARS = 256
"""So long the name of a wish may be in the ledger."""


class Deploying:
    """Follows deployments and artifacts up within an open transaction."""

    def __init__(self, policy: Policy, flows: Flows, judging: Judging) -> None:
        """Take who is asked, the flows, and what judges."""
        self._policy = policy
        self._flows = flows
        self._judging = judging

    def requested(
        self,
        records: Records,
        event: Event,
        data: DeploymentRequested,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        """Record a wish to deploy and judge every ask about its subject.

        Told again it is the same wish. Another one, from whomever, opens a new round of voting.

        Raises:
            InvalidEventError: ``id_conflict``: its flow is about something else.
        """
        flow = event.correlationid
        if memory is Memory.NEW:
            assert this.seq is not None  # only the timer has none
            target = branch_name(data.target) if data.target else None
            self._flows.open(records, flow, data.subject, ref=None, target=target)
            records.voting.add_request(
                this.seq,
                # Another sender's event with the same id is another wish.
                name=_name(Identity(this.user, event.source, event.id)),
                subject=data.subject,
                environment=data.environment,
                user=this.user,
                requester=data.requester,
                expires_at=event.expirytime,
                recorded_at=this.at,
                flow=flow,
            )
            self._flows.ask(
                records,
                flow,
                self._policy.asked_by(event.type),
                subject=data.subject,
                environment=data.environment,
                this=this,
            )
        said = self._flows.told_again(records, flow, data.subject, this)
        return said + self._judging.judge_about(records, data.subject, this)

    def published(
        self,
        records: Records,
        event: Event,
        data: ArtifactPublished,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        """Record from which commit an artifact was built and judge every ask about it.

        Raises:
            InvalidEventError: ``id_conflict``: gates are asked, and its flow is about something
                else.
        """
        if memory is Memory.NEW:
            assert this.seq is not None
            records.inbox.origin(this.seq, data.subject, data.built_from)
            gates = self._policy.asked_by(event.type)
            if gates:
                flow = event.correlationid
                self._flows.open(records, flow, data.subject, ref=None, target=None)
                self._flows.ask(
                    records, flow, gates, subject=data.subject, environment=None, this=this
                )
        return self._judging.judge_about(records, data.subject, this)


def _name(identity: Identity) -> str:
    """Return a name for a wish that no other sender's has, short enough to be recorded."""
    name = named(identity)
    if len(name) <= MAX_NAME_CHARS:
        return name
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()
