"""The schemas say what the model says: words, fields, and which of them must be there."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from devsecops_eda.codec import schemas
from devsecops_eda.codec.payloads import CLASSES
from devsecops_eda.errors import FailureReason, RefusalReason
from devsecops_eda.model import (
    Ballot,
    Closing,
    Confidence,
    EventType,
    Listed,
    Mode,
    Outcome,
    OutcomeStatus,
    OverrideState,
    RequirementState,
    Severity,
    StepKind,
    SubjectKind,
    Verdict,
    WaiverReason,
    WaiverState,
)

NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (("subject", "kind", "enum"), [each.value for each in SubjectKind]),
        (("finding", "confidence", "x-known-words"), [each.value for each in Confidence]),
        (("failure", "reason", "x-known-words"), [each.value for each in FailureReason]),
        (("requirement", "state", "enum"), [each.value for each in RequirementState]),
        (("requirement", "mode", "enum"), [each.value for each in Mode]),
        (("step", "kind", "x-known-words"), [each.value for each in StepKind]),
        (("vote", "vote", "enum"), [each.value for each in Ballot]),
        (("waiver", "reason", "enum"), [each.value for each in WaiverReason]),
        (("waiver_listed", "state", "enum"), [each.value for each in WaiverState]),
        (("override", "state", "enum"), [each.value for each in OverrideState]),
        (("approval_listed", "closing", "enum"), [each.value for each in Closing]),
        (("outcome", "status", "enum"), [each.value for each in OutcomeStatus]),
    ],
)
def test_words_of_the_schema_are_words_of_the_model(
    definition: tuple[str, str, str], words: list[str]
) -> None:
    name, field, keyword = definition
    assert schemas.document("common")["$defs"][name]["properties"][field][keyword] == words


def test_severities_verdicts_and_refusals_are_those_of_the_model() -> None:
    severity = schemas.document("common")["$defs"]["severity"]
    assert severity["x-known-words"] == [each.word for each in Severity]
    counts = schemas.document("scan.completed")["properties"]["counts"]["properties"]
    assert sorted(counts) == sorted(each.word for each in Severity)
    verdict = schemas.document("decision.made")["properties"]["verdict"]
    assert verdict["enum"] == [each.value for each in Verdict]
    for type_ in (one for one in EventType if one.value.startswith("message.")):
        reason = schemas.document(type_.value)["properties"]["reason"]
        assert reason["x-known-words"] == [each.value for each in RefusalReason]


@pytest.mark.parametrize("type_", EventType)
def test_the_fields_of_a_schema_are_the_fields_of_its_value(type_: EventType) -> None:
    extra = {"meaningdigest", "counts"} if CLASSES[type_] is Outcome else set()
    left_out = set()
    if type_ is EventType.SCAN_COMPLETED:
        left_out = {"failure"}
    elif type_ is EventType.SCAN_FAILED:
        extra = {"meaningdigest"}
    required = {"failure"} if type_ is EventType.SCAN_FAILED else set()
    assert_same(CLASSES[type_], schemas.document(type_.value), extra, left_out, required)


def test_a_completed_scan_and_a_failed_one_are_told_apart_by_their_type() -> None:
    for status in OutcomeStatus:
        schema = schemas.document(f"scan.{status.value}")
        assert schema["properties"]["status"]["const"] == status.value


@pytest.mark.parametrize("type_", [EventType.LISTING_REQUESTED, EventType.LISTING_MADE])
def test_what_can_be_listed_is_what_the_model_names(type_: EventType) -> None:
    field = schemas.document(type_.value)["properties"]["of"]
    assert field["enum"] == [each.value for each in Listed]


@pytest.mark.parametrize(
    ("definition", "type_"),
    [
        ("approval", EventType.APPROVAL_REQUESTED),
        ("waiver", EventType.WAIVER_REQUESTED),
        ("override", EventType.OVERRIDE_ACTIVATED),
        ("outcome", EventType.SCAN_COMPLETED),
        ("outcome", EventType.SCAN_FAILED),
    ],
)
def test_what_is_listed_looks_as_it_did_in_its_event(definition: str, type_: EventType) -> None:
    listed = schemas.document("common")["$defs"][definition]["properties"]
    said = schemas.document(type_.value)["properties"]
    # These say in their event what its type says, and count what a listing does not carry.
    own = {"status", "state", "findings", "failure", "meaningdigest", "counts"}
    assert set(listed) - own == set(said) - own
    for name in set(listed) - own:
        assert schemas.resolved(listed[name]) == schemas.resolved(said[name]), name


def test_the_type_of_an_end_says_how_it_ended() -> None:
    for word in ("granted", "denied", "expired"):
        closing = schemas.document(f"approval.{word}")["properties"]["closing"]
        assert closing["const"] == Closing(word).value
    states = {"activated": OverrideState.ACTIVE} | {
        each.value: each for each in (OverrideState.REFUSED, OverrideState.EXPIRED)
    }
    for word, state in states.items():
        assert schemas.document(f"override.{word}")["properties"]["state"]["const"] == state.value


def assert_same(
    cls: type, schema: Any, extra: set[str], left_out: set[str], more: set[str] = NOTHING
) -> None:
    """Compare names, which of them are required, and so on inside."""
    hints = typing.get_type_hints(cls)
    fields = {each.name: each for each in dataclasses.fields(cls)}
    assert set(schema["properties"]) == (set(fields) | extra) - left_out, cls
    required = {name for name, each in fields.items() if each.default is dataclasses.MISSING}
    assert set(schema["required"]) == required | more, cls
    for name in set(fields) - left_out:
        inner = schemas.resolved(schema["properties"][name])
        for part in parts_of(hints[name]):
            if dataclasses.is_dataclass(part):
                assert isinstance(part, type)
                assert_same(part, schemas.resolved(inner.get("items", inner)), set(), set())


def parts_of(hint: Any) -> Iterator[Any]:
    """The types named in `X | None` and `tuple[X, ...]`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union, tuple):
        for each in typing.get_args(hint):
            yield from parts_of(each)
    else:
        yield hint
