"""Events of every type for hypothesis, within the bounds of the schemas."""

from __future__ import annotations

from hypothesis import strategies as st

from devsecops_eda.codec import subject_of
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import (
    ApprovalVoted,
    ArtifactPublished,
    Ballot,
    Closing,
    CommitPushed,
    DeadLettered,
    Decision,
    DecisionRequested,
    DeploymentRequested,
    Event,
    EventType,
    Listed,
    ListingMade,
    ListingRequested,
    MessageDropped,
    MessageReplayed,
    OutcomeStatus,
    OverrideRequested,
    OverrideReviewed,
    OverrideState,
    Payload,
    ScanRequested,
    Subject,
    Verdict,
    WaiverGranted,
    WaiverRevoked,
)
from tests.people_strategies import (
    asked_to_vote,
    asked_to_waive,
    closed,
    ending,
    listed_approvals,
    listed_outcomes,
    listed_overrides,
    listed_waivers,
    told,
)
from tests.strategies import (
    commits,
    counts,
    digests,
    maybe,
    names,
    outcomes,
    refs,
    repos,
    requirements,
    several,
    shas,
    steps,
    subjects,
    texts,
    times,
    visible,
)

letters = st.text("0123456789abcdef", min_size=1, max_size=64)

decisions = st.builds(
    Decision,
    visible,
    names,
    subjects,
    st.sampled_from(Verdict),
    several(requirements),
    texts(),
    digests,
    digests,
    times,
    message=texts(),
    target=maybe(refs),
    merge_base=maybe(shas),
    environment=maybe(names),
    supersedes=maybe(visible),
    blocking_total=counts,
    way=several(steps),
)


def of_letters(
    kind: type[MessageReplayed] | type[MessageDropped],
) -> st.SearchStrategy[MessageReplayed | MessageDropped]:
    """What an operator did with a dead letter."""
    reasons = st.sampled_from(RefusalReason)
    more = {"message_id": maybe(texts()), "user": maybe(visible)}
    return st.builds(kind, visible, reasons, letters, **more)


@st.composite
def published(draw: st.DrawFn) -> ArtifactPublished:
    """Artifacts of the repository they were built from."""
    commit = draw(commits)
    artifact = Subject.artifact(draw(digests), commit.repo or "")
    return ArtifactPublished(artifact, commit, name=draw(texts()))


PAYLOADS: dict[EventType, st.SearchStrategy[Payload]] = {
    EventType.COMMIT_PUSHED: st.builds(
        CommitPushed, repos, refs, shas, target=maybe(refs), before=maybe(shas)
    ),
    EventType.SCAN_REQUESTED: st.builds(
        ScanRequested, subjects, names, ref=maybe(refs), target=maybe(refs), reason=texts()
    ),
    EventType.SCAN_COMPLETED: outcomes(OutcomeStatus.COMPLETED),
    EventType.SCAN_FAILED: outcomes(OutcomeStatus.FAILED),
    EventType.DECISION_REQUESTED: st.builds(
        DecisionRequested, repos, names, environment=maybe(names)
    ),
    EventType.DECISION_MADE: decisions,
    EventType.MESSAGE_DEAD_LETTERED: st.builds(
        DeadLettered,
        visible,
        st.sampled_from(RefusalReason),
        texts(),
        path=texts(),
        message_id=maybe(texts()),
        user=maybe(visible),
    ),
    EventType.MESSAGE_REPLAYED: of_letters(MessageReplayed),
    EventType.MESSAGE_DROPPED: of_letters(MessageDropped),
    EventType.DEPLOYMENT_REQUESTED: st.builds(
        DeploymentRequested, subjects, names, maybe(refs), requester=texts(), reason=texts()
    ),
    EventType.ARTIFACT_PUBLISHED: published(),
    EventType.APPROVAL_REQUESTED: asked_to_vote,
    EventType.APPROVAL_VOTED: st.builds(
        ApprovalVoted, visible, subjects, st.sampled_from(Ballot), digests, comment=texts()
    ),
    EventType.APPROVAL_GRANTED: closed(Closing.GRANTED),
    EventType.APPROVAL_DENIED: closed(Closing.DENIED),
    EventType.APPROVAL_EXPIRED: closed(Closing.EXPIRED),
    EventType.WAIVER_REQUESTED: asked_to_waive,
    EventType.WAIVER_GRANTED: st.builds(WaiverGranted, visible, repos, comment=texts()),
    EventType.WAIVER_REVOKED: st.builds(WaiverRevoked, visible, repos, reason=texts()),
    EventType.WAIVER_EXPIRING: ending,
    EventType.WAIVER_EXPIRED: ending,
    EventType.OVERRIDE_REQUESTED: st.builds(
        OverrideRequested, visible, repos, texts(least=1), times, incident=texts()
    ),
    EventType.OVERRIDE_REVIEWED: st.builds(
        OverrideReviewed, visible, repos, st.booleans(), comment=texts()
    ),
    EventType.OVERRIDE_ACTIVATED: told(OverrideState.ACTIVE),
    EventType.OVERRIDE_REFUSED: told(OverrideState.REFUSED),
    EventType.OVERRIDE_EXPIRED: told(OverrideState.EXPIRED),
    EventType.LISTING_REQUESTED: st.builds(
        ListingRequested,
        st.sampled_from(Listed),
        repo=maybe(repos),
        about=maybe(visible),
        every=st.booleans(),
        expiring_s=maybe(counts),
    ),
    EventType.LISTING_MADE: st.builds(
        ListingMade,
        st.sampled_from(Listed),
        repo=maybe(repos),
        approvals=several(listed_approvals, 1),
        waivers=several(listed_waivers, 1),
        overrides=several(listed_overrides, 1),
        outcomes=several(listed_outcomes, 1),
        part=st.integers(1, 9),
        parts=st.integers(1, 9),
        more=counts,
    ),
}


@st.composite
def events(draw: st.DrawFn, types: st.SearchStrategy[EventType] | None = None) -> Event:
    """Events of any type, without claim check."""
    type_ = draw(types or st.sampled_from(EventType))
    payload = draw(PAYLOADS[type_])
    return Event(
        id=draw(visible),
        source=draw(visible),
        type=type_,
        subject=subject_of(payload),
        time=draw(times),
        correlationid=str(draw(st.uuids())),
        data=payload,
        causationid=draw(maybe(visible)),
        traceparent=draw(maybe(st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", fullmatch=True))),
        expirytime=draw(maybe(times)),
    )
