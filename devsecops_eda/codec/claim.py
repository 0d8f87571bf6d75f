"""What does not fit into a message: the summary that stays, and the evidence that is kept whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from devsecops_eda.codec import schemas
from devsecops_eda.codec.payloads import from_data, outcome_data
from devsecops_eda.codec.strict import MAX_ITEMS, canonical, check_shape, parse
from devsecops_eda.errors import CheckError, FailureReason, InvalidEventError
from devsecops_eda.model import (
    MAX_INLINE_FINDINGS,
    EventType,
    Finding,
    Outcome,
    OutcomeStatus,
)

CLAIM_BYTES = 64 * 1024
"""Above this many bytes the data of an outcome belongs into the evidence store."""
MAX_EVIDENCE_BYTES = 64 * 1024 * 1024
MAX_EVIDENCE_ITEMS = 4_000_000
# Room for the envelope beside the data.
_CLAIM_ITEMS = MAX_ITEMS - 64

SUMMARY_LENGTHS = (MAX_INLINE_FINDINGS, 25, 10, 3, 1)
"""How long each list of a summary may be; the next is tried where the longer does not fit."""


def fits_inline(outcome: Outcome) -> bool:
    """Return whether the event may carry ``outcome`` itself, without a claim check."""
    body = canonical(outcome_data(outcome, outcome))
    if len(body) > CLAIM_BYTES:
        return False
    try:
        check_shape(body, max_items=_CLAIM_ITEMS)
    except InvalidEventError:
        return False
    return True


def outcome_to_evidence(outcome: Outcome) -> bytes:
    """Return the whole ``data`` of ``outcome``, same bytes for the same outcome.

    Raises:
        CheckError: it is over ``MAX_EVIDENCE_BYTES`` (``output_limit``).
        InvalidEventError: it breaks a bound of the schema; ``fitted`` mends that.
    """
    data = outcome_data(outcome, outcome)
    schemas.check(_type_of(outcome).value, data)
    body = canonical(data)
    if len(body) > MAX_EVIDENCE_BYTES:
        raise CheckError(
            FailureReason.OUTPUT_LIMIT,
            f"what the check {outcome.check} found takes {len(body)} bytes,"
            f" at most {MAX_EVIDENCE_BYTES} are kept",
        )
    return body


def outcome_from_evidence(body: bytes) -> Outcome:
    """Return the outcome that ``outcome_to_evidence`` wrote.

    Raises:
        InvalidEventError: these bytes are not that.
    """
    data = parse(body, max_bytes=MAX_EVIDENCE_BYTES, max_items=MAX_EVIDENCE_ITEMS)
    failed = isinstance(data, dict) and data.get("status") == OutcomeStatus.FAILED
    type_ = EventType.SCAN_FAILED if failed else EventType.SCAN_COMPLETED
    schemas.check(type_.value, data)
    outcome = from_data(type_, data, path="")
    assert isinstance(outcome, Outcome)  # says the table of classes
    return outcome


def fitted(outcome: Outcome) -> Outcome:
    """Return ``outcome`` with every free text cut to what its schema allows.

    Scanners and git say what they like: a message of a megabyte, a path that is no Unicode. What
    does not fit ends in ``…``; what is no Unicode becomes ``�``. Lists without bound on the wire
    (findings, gaps, changed files) stay whole. Names and digests are not touched.
    """
    type_ = _type_of(outcome)
    data = schemas.cut_to_fit(type_.value, outcome_data(outcome, outcome))
    made = from_data(type_, data)
    return made if isinstance(made, Outcome) else outcome


def summary(outcome: Outcome, *, length: int) -> Outcome:
    """Return ``outcome`` with each long list cut to ``length``, the worst findings kept."""
    commit = outcome.commit
    return replace(
        outcome,
        findings=worst(outcome.findings, length),
        # At least one stays, so that a summary never looks as if all had been looked at.
        coverage=replace(outcome.coverage, gaps=outcome.coverage.gaps[: max(length, 1)]),
        commit=commit
        and replace(
            commit,
            committers=commit.committers[:length],
            changed_files=commit.changed_files[:length],
            target_history=commit.target_history[:length],
        ),
    )


def without_lists(outcome: Outcome) -> Outcome:
    """Return what every summary of ``outcome`` says, however much of the lists it repeats."""
    coverage = replace(outcome.coverage, gaps=())
    return replace(outcome, findings=(), coverage=coverage, commit=None)


def worst(findings: Sequence[Finding], length: int) -> tuple[Finding, ...]:
    """Return the ``length`` worst findings in the order they came."""
    kept = worst_places(findings, length)
    return tuple(finding for at, finding in enumerate(findings) if at in kept)


def worst_places(findings: Sequence[Finding], length: int) -> frozenset[int]:
    """Return where the ``length`` worst findings stand."""
    ranked: Iterable[int] = sorted(
        range(len(findings)), key=lambda at: findings[at].severity, reverse=True
    )
    return frozenset(list(ranked)[:length])


def _type_of(outcome: Outcome) -> EventType:
    failed = outcome.status is OutcomeStatus.FAILED
    return EventType.SCAN_FAILED if failed else EventType.SCAN_COMPLETED
