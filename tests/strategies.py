"""Values of the model for hypothesis, within the bounds of the schemas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    ChangedFile,
    CommitFacts,
    Confidence,
    Coverage,
    DataVersion,
    Failure,
    Finding,
    Gap,
    Mode,
    Outcome,
    OutcomeStatus,
    Package,
    Requirement,
    RequirementState,
    Severity,
    Signature,
    Step,
    StepKind,
    Subject,
    SubjectKind,
    Tool,
)

HEX = "0123456789abcdef"


def texts(limit: int = 40, least: int = 0) -> st.SearchStrategy[str]:
    """Any text that a database keeps."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(characters, min_size=least, max_size=limit)


T = TypeVar("T")


def several(each: st.SearchStrategy[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    """A tuple of at most `most`."""
    return st.lists(each, max_size=most).map(tuple)


def maybe(each: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """One of them, or None."""
    return st.none() | each


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(
    min_value=datetime(1970, 1, 3),  # noqa: DTZ001 - the zone comes from the strategy beside it
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC) | zones,
)
shas = st.text(HEX, min_size=40, max_size=40) | st.text(HEX, min_size=64, max_size=64)
digests = st.text(HEX, min_size=64, max_size=64).map("sha256:".__add__)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
repos = st.from_regex(r"[A-Za-z0-9_.~+-]{1,9}(/[A-Za-z0-9_.~+-]{1,9}){0,2}", fullmatch=True)
refs = st.from_regex(r"(refs/heads/)?[a-zé][a-z0-9/_.é-]{0,9}[a-z]", fullmatch=True).filter(
    lambda ref: ".." not in ref
)
visible = st.from_regex(r"[!-~]{1,40}", fullmatch=True)
counts = st.integers(0, 1_000_000)
commits = st.builds(Subject.commit, repos, shas)
artifacts = st.builds(Subject, st.just(SubjectKind.ARTIFACT), digests, maybe(repos))
trees = st.builds(Subject.tree, digests, maybe(repos))
subjects = commits | artifacts | trees
packages = st.builds(
    Package,
    texts(least=1),
    texts(),
    ecosystem=texts(),
    advisory=texts(),
    aliases=several(texts()),
    fixed_versions=several(texts()),
    published=maybe(times),
)
findings = st.builds(
    Finding,
    texts(least=1),
    texts(),
    counts,
    st.sampled_from(Severity),
    texts(),
    visible,
    visible,
    confidence=st.sampled_from(Confidence),
    column=counts,
    end_line=counts,
    title=texts(),
    help=texts(),
    cwe=several(texts(30)),
    fix=maybe(texts()),
    package=maybe(packages),
)
coverages = st.builds(
    Coverage, counts, counts, several(st.builds(Gap, texts(), texts())), left_out=counts
)
signatures = st.builds(Signature, texts(), texts())
commit_facts = st.builds(
    CommitFacts,
    signatures,
    several(signatures),
    several(shas),
    digests | shas,
    several(st.builds(ChangedFile, texts(), st.sampled_from("AMDRT"), maybe(texts()))),
    target=maybe(refs),
    merge_base=maybe(shas),
    target_history=several(shas),
)
failures = st.builds(Failure, st.sampled_from(FailureReason), texts())


def outcomes(status: OutcomeStatus) -> st.SearchStrategy[Outcome]:
    """Outcomes with that status."""
    return st.builds(
        Outcome,
        check=names,
        subject=subjects,
        status=st.just(status),
        cause=visible,
        cause_time=times,
        tool=st.builds(Tool, texts(), texts()),
        coverage=coverages,
        findings=several(findings),
        rules_digest=maybe(digests),
        data=maybe(st.builds(DataVersion, digests, times)),
        commit=maybe(commit_facts),
        applicable=st.booleans(),
        failure=failures if status is OutcomeStatus.FAILED else st.none(),
        attempts=st.integers(0, 20),
        started_at=maybe(times),
        finished_at=maybe(times),
    )


requirements = st.builds(
    Requirement,
    texts(least=1),
    texts(least=1),
    st.sampled_from(RequirementState),
    texts(),
    solution=texts(),
    mode=st.sampled_from(Mode),
    since=maybe(times),
    due=maybe(times),
    evidence=several(visible),
    blocking=several(findings),
    harmless=st.booleans(),
    votes=st.booleans(),
    waivers=several(visible),
    policy=texts(),
)
steps = st.builds(Step, st.sampled_from(StepKind), several(texts(least=1)), texts(), what=texts())
