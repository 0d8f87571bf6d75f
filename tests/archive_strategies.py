"""Facts with everything in them that facts may hold, for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st

from devsecops_eda.model import (
    Ballot,
    Closing,
    People,
    Person,
    RequirementState,
    Subject,
    Verdict,
    WaiverReason,
    WaiverScope,
)
from devsecops_eda.policy import (
    Facts,
    Matches,
    OtherDecision,
    Request,
    Round,
    Seen,
    Vote,
    Waiver,
)
from tests.judging import BASE, HEAD, OLDER
from tests.judging_strategies import facts_, outcomes_

T = TypeVar("T")

texts_ = st.text(max_size=10) | st.sampled_from(["", "ada", "\0", "\ud800", "\U0001f980", '"\\'])
names_ = st.sampled_from(["ada", "bob", "carol", "dan"])
groups_ = st.frozensets(st.sampled_from(["security", "release", "owners"]))
times_ = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
subjects_ = st.sampled_from(
    [
        HEAD,
        BASE,
        OLDER,
        Subject.artifact("sha256:" + "e" * 64, "acme/app"),
        Subject.tree("sha256:" + "f" * 64),
    ]
)
people_ = st.builds(
    People,
    st.lists(
        st.builds(Person, names_, st.tuples(texts_), st.lists(texts_, max_size=2).map(tuple)),
        max_size=3,
    ).map(tuple),
    st.dictionaries(texts_, st.frozensets(names_), max_size=3),
)
requests_ = st.builds(Request, texts_, st.tuples(names_, texts_), times_, st.none() | times_)
seen_ = st.builds(
    Seen,
    texts_,
    st.sampled_from(RequirementState),
    st.booleans(),
    st.frozensets(texts_, max_size=2),
)
rounds_ = st.builds(
    Round,
    approval=texts_,
    rule=texts_,
    number=st.integers(1, 9),
    policy_digest=texts_,
    target=st.none() | texts_,
    merge_base=st.none() | texts_,
    request=st.none() | texts_,
    opened_at=times_,
    deadline=times_,
    closing=st.none() | st.sampled_from(Closing),
    closed_at=st.none() | times_,
)
votes_ = st.builds(
    Vote,
    event_id=texts_,
    approval=texts_,
    user=texts_,
    person=st.none() | names_,
    groups=groups_,
    vote=st.sampled_from(Ballot),
    seen=st.none() | st.lists(seen_, max_size=2).map(tuple),
    recorded_at=times_,
    comment=texts_,
)
scopes_ = st.one_of(
    st.builds(WaiverScope, fingerprint=st.just("fp")),
    st.builds(WaiverScope, advisory=st.just("CVE-1"), package=st.just("jinja2")),
    st.builds(WaiverScope, requirement=st.just("rule"), subject=subjects_),
)
waivers_ = st.builds(
    Waiver,
    id=texts_,
    scope=scopes_,
    reason=st.sampled_from(WaiverReason),
    requester=st.none() | names_,
    expires_at=times_,
    starts_at=st.none() | times_,
    environment=st.none() | texts_,
    granter=st.none() | names_,
    granter_groups=groups_,
    granted_at=st.none() | times_,
    revoked_at=st.none() | times_,
)
decisions_ = st.builds(
    OtherDecision,
    id=texts_,
    gate=texts_,
    subject=subjects_,
    target=st.none() | texts_,
    protected=st.booleans(),
    environment=st.none() | texts_,
    verdict=st.sampled_from(Verdict),
    decided_at=times_,
)
matches_ = st.builds(
    Matches,
    texts_,
    st.sampled_from(["semgrep", "safety"]),
    st.none() | st.lists(st.booleans(), max_size=9).map(tuple),
    texts_,
)


def few(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, max_size=2).map(tuple)


@st.composite
def whole_facts_(draw: st.DrawFn) -> Facts:
    return replace(
        draw(facts_),
        subject=draw(st.just(HEAD) | subjects_),
        environment=draw(st.none() | texts_),
        people=draw(people_),
        requests=draw(few(requests_)),
        rounds=draw(few(rounds_)),
        votes=draw(few(votes_)),
        waivers=draw(few(waivers_)),
        decisions=draw(few(decisions_)),
        origins=draw(few(subjects_)),
        matches=draw(few(matches_)),
        origin_commits=draw(few(outcomes_("commit", subject=BASE))),
    )
