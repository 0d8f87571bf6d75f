"""What each type of event leads to: new causes, new facts, answers."""

from __future__ import annotations

from devsecops_eda.gate import speech
from devsecops_eda.gate.deploying import Deploying
from devsecops_eda.gate.flows import Flows
from devsecops_eda.gate.glass import Glass
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.listing import Listing
from devsecops_eda.gate.now import Now
from devsecops_eda.gate.voting import Voting
from devsecops_eda.gate.waiving import Waiving
from devsecops_eda.ledger import Ask, CauseRow, Memory, Message, Records
from devsecops_eda.model import (
    ApprovalVoted,
    ArtifactPublished,
    CommitPushed,
    DecisionRequested,
    DeploymentRequested,
    Event,
    Identity,
    ListingRequested,
    Outcome,
    OverrideRequested,
    OverrideReviewed,
    ScanRequested,
    Subject,
    WaiverGranted,
    WaiverRequested,
    WaiverRevoked,
    branch_name,
)
from devsecops_eda.policy import Policy


class Following:
    """Follows events up within the transaction that recorded them."""

    def __init__(
        self,
        policy: Policy,
        *,
        judging: Judging,
        flows: Flows,
        deploying: Deploying,
        voting: Voting,
        waiving: Waiving,
        glass: Glass,
        listing: Listing,
    ) -> None:
        """Take the policy, what judges an ask, and what follows each family of events up."""
        self._policy = policy
        self._judging = judging
        self._flows = flows
        self._deploying = deploying
        self._voting = voting
        self._waiving = waiving
        self._glass = glass
        self._listing = listing

    def follow(
        self,
        records: Records,
        event: Event,
        outcome: Outcome | None,
        memory: Memory,
        this: Now,
    ) -> list[Message]:
        """Return what an event leads to that was just recorded, for the first time or again.

        Raises:
            InvalidEventError: ``id_conflict``: its flow is about something else; ``unknown_id``:
                it names what never was; ``not_authorised``: he who says it may not.
        """
        data = event.data
        if outcome is not None:
            return self._outcome(records, outcome, memory, this)
        match data:
            case CommitPushed():
                return self._pushed(records, event, data, memory, this)
            case ScanRequested():
                return self._rescan(records, event, data, memory, this)
            case DecisionRequested():
                return self._answer(records, event, data, this)
            case DeploymentRequested():
                return self._deploying.requested(records, event, data, memory, this)
            case ArtifactPublished():
                return self._deploying.published(records, event, data, memory, this)
            case ApprovalVoted():
                return self._voting.voted(records, event, data, memory, this)
            case WaiverRequested():
                return self._waiving.requested(records, event, data, memory, this)
            case WaiverGranted():
                return self._waiving.granted(records, data, memory, this)
            case WaiverRevoked():
                return self._waiving.revoked(records, data, memory, this)
            case OverrideRequested():
                return self._glass.requested(records, event, data, memory, this)
            case OverrideReviewed():
                return self._glass.reviewed(records, event, data, memory, this)
            case ListingRequested():
                return self._listing.answer(records, event, data, this)
            case _:
                return []

    def _pushed(
        self, records: Records, event: Event, data: CommitPushed, memory: Memory, this: Now
    ) -> list[Message]:
        flow = event.correlationid
        if memory is Memory.NEW:
            target = branch_name(data.target or data.ref)
            self._flows.open(records, flow, data.subject, ref=data.ref, target=target)
            self._add_cause(records, event, data.subject, None, target, this)
            gates = self._policy.asked_by(event.type)
            self._flows.ask(records, flow, gates, subject=data.subject, environment=None, this=this)
        said = self._flows.told_again(records, flow, data.subject, this)
        return said + self._judging.judge_about(records, data.subject, this)

    def _rescan(
        self, records: Records, event: Event, data: ScanRequested, memory: Memory, this: Now
    ) -> list[Message]:
        if memory is Memory.REPEAT:
            return []
        target = branch_name(data.target or data.ref or "") or None
        if event.source != speech.SOURCE:
            # What the gate itself asks for, a baseline, is not what the flow is about.
            records.inbox.open_flow(event.correlationid, data.subject, ref=data.ref, target=target)
        self._add_cause(records, event, data.subject, data.check, target, this)
        return self._judging.judge_about(records, data.subject, this)

    def _add_cause(
        self,
        records: Records,
        event: Event,
        subject: Subject,
        check: str | None,
        target: str | None,
        this: Now,
    ) -> None:
        assert this.seq is not None  # only the timer has none
        identity = Identity(this.user, event.source, event.id)
        cause = CauseRow(identity, check, target, event.correlationid, event.time, this.at)
        records.inbox.add_cause(this.seq, subject, cause)

    def _outcome(
        self, records: Records, outcome: Outcome, memory: Memory, this: Now
    ) -> list[Message]:
        if memory is Memory.NEW:
            assert this.seq is not None
            records.inbox.add_outcome(
                this.seq,
                outcome.subject,
                check=outcome.check,
                cause=outcome.cause,
                status=outcome.status.value,
            )
        return self._judging.judge_about(records, outcome.subject, this)

    def _answer(
        self, records: Records, event: Event, data: DecisionRequested, this: Now
    ) -> list[Message]:
        flow = event.correlationid
        subject = records.inbox.flow_subject(flow, repo=data.repo)
        if subject is None:
            # Nothing of this flow is recorded yet, or it is another repository's: say nothing.
            # The waiter asks again; an answer about nobody knows what would be no answer.
            return []
        if data.gate not in self._policy.gate_names:
            ask = Ask(flow, data.gate, data.environment, subject, None, None, None, False, None)
            return self._judging.once(records, ask, this)
        ask = records.asks.open(
            flow, data.gate, environment=data.environment, subject=subject, now=this.at
        )
        return self._judging.answer(records, ask, this, pending=True)
