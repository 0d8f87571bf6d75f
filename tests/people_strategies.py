"""What people say, and what is listed of it, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from devsecops_eda.model import (
    ApprovalClosed,
    ApprovalListed,
    ApprovalRequested,
    Ballot,
    Closing,
    CountedVote,
    Excluded,
    OutcomeListed,
    OutcomeStatus,
    OverrideListed,
    OverrideState,
    OverrideTold,
    Seats,
    WaiverEnding,
    WaiverListed,
    WaiverReason,
    WaiverRequested,
    WaiverScope,
    WaiverState,
)
from tests.strategies import (
    digests,
    maybe,
    names,
    outcomes,
    refs,
    repos,
    requirements,
    several,
    shas,
    subjects,
    texts,
    times,
    visible,
)

scopes = (
    st.builds(WaiverScope, fingerprint=visible)
    | st.builds(WaiverScope, advisory=texts(least=1), package=texts(least=1))
    | st.builds(WaiverScope, requirement=texts(least=1), subject=subjects)
)
votes = st.builds(
    CountedVote,
    visible,
    texts(),
    st.sampled_from(Ballot),
    times,
    st.booleans(),
    reason=texts(),
    comment=texts(),
)
asked_to_vote = st.builds(
    ApprovalRequested,
    visible,
    names,
    subjects,
    texts(least=1),
    st.integers(1, 9),
    several(st.builds(Seats, names, st.integers(0, 3))),
    times,
    digests,
    digests,
    environment=maybe(names),
    target=maybe(refs),
    merge_base=maybe(shas),
    round=st.integers(1, 9),
    eligible=several(texts()),
    excluded=several(st.builds(Excluded, texts(), texts())),
    requirements=several(requirements),
    message=texts(),
    supersedes=maybe(visible),
    why=texts(),
)
asked_to_waive = st.builds(
    WaiverRequested,
    repos,
    scopes,
    st.sampled_from(WaiverReason),
    texts(least=1),
    times,
    starts_at=maybe(times),
    environment=maybe(names),
    ticket=texts(),
)
ending = st.builds(WaiverEnding, visible, repos, scopes, times, message=texts())
listed_outcomes = st.builds(
    OutcomeListed,
    visible,
    outcomes(OutcomeStatus.COMPLETED) | outcomes(OutcomeStatus.FAILED),
    dataref=maybe(visible),
    datadigest=maybe(digests),
)


def closed(closing: Closing) -> st.SearchStrategy[ApprovalClosed]:
    """Rounds that ended like that."""
    return st.builds(
        ApprovalClosed,
        visible,
        names,
        subjects,
        texts(least=1),
        st.just(closing),
        environment=maybe(names),
        target=maybe(refs),
        votes=several(votes),
        message=texts(),
    )


def told(*states: OverrideState) -> st.SearchStrategy[OverrideTold]:
    """Overrides that stand like that."""
    return st.builds(
        OverrideTold,
        visible,
        visible,
        repos,
        names,
        subjects,
        st.sampled_from(states),
        texts(),
        texts(),
        times,
        incident=texts(),
        environment=maybe(names),
        review_due=maybe(times),
        message=texts(),
    )


listed_approvals = st.builds(
    ApprovalListed,
    asked_to_vote,
    st.uuids().map(str),
    times,
    votes=several(votes),
    closing=maybe(st.sampled_from(Closing)),
    closed_at=maybe(times),
    void=texts(),
)
listed_waivers = st.builds(
    WaiverListed,
    visible,
    asked_to_waive,
    st.sampled_from(WaiverState),
    texts(),
    times,
    granter=texts(),
    granted_at=maybe(times),
    revoked_by=texts(),
    revoked_at=maybe(times),
    message=texts(),
    events=several(visible),
)
listed_overrides = st.builds(
    OverrideListed,
    told(*OverrideState),
    times,
    reviewer=texts(),
    reviewed_at=maybe(times),
    justified=maybe(st.booleans()),
    review=st.just("") | visible,
    message=texts(),
    events=several(visible),
)
