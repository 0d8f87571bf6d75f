"""What the gate says at length fits into one event, and the part that matters is said."""

from datetime import timedelta

import pytest

from devsecops_eda import codec
from devsecops_eda.gate.words import MAX_VOTES_TOLD, encoded
from devsecops_eda.model import (
    ApprovalClosed,
    Ballot,
    Closing,
    CountedVote,
    EventType,
    Listed,
    WaiverState,
)
from tests.governed import COMMIT, event, governed, grant, listed, revoke, says, waiver
from tests.judged import NOW


@pytest.mark.parametrize("comment", ["", "no " * 1000], ids=["short", "long"])
def test_a_veto_is_told_however_often_others_vote_for_nothing(comment: str) -> None:
    votes = [
        CountedVote(f"{n:0128}", "p" * 64, Ballot.APPROVE, NOW + timedelta(seconds=n), False, "no")
        for n in range(1000, 4000)
    ]
    votes[5] = CountedVote("veto", "ada", Ballot.REJECT, NOW, True, comment=comment)
    closed = ApprovalClosed("1" * 36, "deploy", COMMIT, "two", Closing.DENIED, votes=tuple(votes))
    said = codec.decode(encoded(event(EventType.APPROVAL_DENIED, closed))).data
    assert isinstance(said, ApprovalClosed)
    assert [one.event for one in said.votes if one.counted] == ["veto"]
    assert said.votes[-1].event == votes[-1].event
    assert len(said.votes) == MAX_VOTES_TOLD


def test_a_waiver_is_listed_however_often_somebody_speaks_of_it_for_nothing() -> None:
    judge = governed()
    wish = waiver()
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    for _ in range(300):
        says(judge, "margaret", revoke(wish, "linus"))
    last = revoke(wish, "linus")
    says(judge, "alan", last)
    (part,) = listed(judge, Listed.WAIVERS)
    (one,) = part.waivers
    assert one.state is WaiverState.ACTIVE
    assert one.message.count("margaret may not revoke it") == 1
    assert "alan may not revoke it" in one.message
    assert last.id in one.events
