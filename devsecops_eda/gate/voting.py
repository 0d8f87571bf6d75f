"""Votes: recorded whatever they are worth, and judged."""

from __future__ import annotations

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate.judging import Judging
from devsecops_eda.gate.now import Now
from devsecops_eda.ledger import Memory, Message, Records
from devsecops_eda.model import ApprovalVoted, Event, People


class Voting:
    """Follows votes up within an open transaction."""

    def __init__(self, people: People, judging: Judging) -> None:
        """Take who is who, and what judges."""
        self._people = people
        self._judging = judging

    def voted(
        self, records: Records, event: Event, data: ApprovalVoted, memory: Memory, this: Now
    ) -> list[Message]:
        """Record a vote with the person behind it and his groups by now, and judge its ask.

        A vote that does not count is recorded too; the policy says why not.

        Raises:
            InvalidEventError: ``unknown_id``: there never was such a round about this subject.
        """
        row = records.voting.round(data.approval)
        if row is None:
            raise InvalidEventError(
                RefusalReason.UNKNOWN_ID,
                "the gate never asked anybody to vote under this id",
                path="/data/approval",
            )
        if row.request.subject != data.subject:
            raise InvalidEventError(
                RefusalReason.UNKNOWN_ID,
                f"under this id people are asked about {row.request.subject}",
                path="/data/subject",
            )
        if memory is Memory.NEW:
            assert this.seq is not None  # only the timer has none
            person = self._people.of_user(this.user)
            records.voting.add_vote(
                this.seq,
                event_id=event.id,
                approval=data.approval,
                user=this.user,
                person=person,
                groups=self._people.groups_of(person) if person else frozenset(),
                vote=data.vote,
                view=data.view,
                recorded_at=this.at,
                comment=data.comment,
            )
        place = (row.request.gate, row.request.environment)
        asks = records.asks.about(data.subject)
        mine = [ask for ask in asks if (ask.gate, ask.environment) == place]
        # Who votes wants to know: no window that closed meanwhile keeps a veto unsaid.
        return self._judging.judge_all(records, mine, this, asked=True)
