"""What goes out comes in again, and the same way each time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given

from devsecops_eda import topology
from devsecops_eda.codec import (
    content_digest,
    decode,
    encode,
    key_of,
    properties_of,
)
from devsecops_eda.errors import FailureReason, InvalidEventError, RefusalReason
from devsecops_eda.model import (
    CommitPushed,
    Event,
    EventType,
    Outcome,
    Severity,
)
from tests.event_strategies import PAYLOADS, events
from tests.examples import golden

PUSH = golden("commit.pushed", "branch_with_target")
SCAN = golden("scan.completed", "semgrep_findings")


@given(event=events())
def test_what_was_encoded_is_decoded_to_the_same_event(event: Event) -> None:
    assert decode(encode(event)) == event


@given(event=events())
def test_an_event_has_one_body_and_one_key(event: Event) -> None:
    again = decode(encode(event))
    assert encode(again) == encode(event)
    assert key_of(again) == key_of(event)
    assert content_digest(again) == content_digest(event) == content_digest(encode(event))


@given(event=events())
def test_every_key_has_six_words_within_their_budget(event: Event) -> None:
    words = key_of(event).split(".")
    assert len(words) == len(topology.WORD_BUDGET)
    assert all(len(word) <= size for word, size in zip(words, topology.WORD_BUDGET, strict=True))


def test_six_words_and_the_dots_between_them_fit_into_a_key_of_amqp() -> None:
    assert sum(topology.WORD_BUDGET) + len(topology.WORD_BUDGET) - 1 <= topology.MAX_KEY_BYTES


@pytest.mark.parametrize(
    ("folder", "name", "key"),
    [
        ("commit.pushed", "branch_with_target", "commit.pushed.acme:app.fix-login._."),
        ("scan.requested", "rescan", "scan.requested.acme:app.safety._."),
        ("scan.requested", "folder", "scan.requested._.semgrep._."),
        ("scan.completed", "semgrep_findings", "scan.completed.acme:app.semgrep.high."),
        ("scan.completed", "commit_facts", "scan.completed.acme:app.commit.none."),
        ("scan.failed", "timeout", "scan.failed.acme:app.semgrep.timeout."),
        ("decision.requested", "merge", "decision.requested.acme:app._._."),
        ("decision.requested", "deploy_prod", "decision.requested.acme:app.prod._."),
        ("decision.made", "deny", "decision.made.acme:app._.deny."),
        ("message.dead_lettered", "no_json", "message.dead_lettered._.semgrep.not_json."),
        ("message.replayed", "future_time", "message.replayed._.approval.future_time."),
        ("message.dropped", "future_time", "message.dropped._.approval.future_time."),
        ("deployment.requested", "commit", "deployment.requested.acme:app.prod._."),
        ("artifact.published", "image", "artifact.published.acme:app._._."),
        ("approval.requested", "first_round", "approval.requested.acme:app.prod.deploy."),
        ("approval.voted", "reject", "approval.voted.acme:app._.reject."),
        ("approval.granted", "short", "approval.granted.acme:app.prod.granted."),
        ("approval.denied", "short", "approval.denied.acme:app.prod.denied."),
        ("approval.expired", "short", "approval.expired.acme:app.prod.expired."),
        ("waiver.requested", "advisory", "waiver.requested.acme:app.prod.no_fix."),
        ("waiver.requested", "fingerprint", "waiver.requested.acme:app._.false_positive."),
        ("waiver.granted", "short", "waiver.granted.acme:app._._."),
        ("waiver.revoked", "short", "waiver.revoked.acme:app._._."),
        ("waiver.expiring", "advisory", "waiver.expiring.acme:app._._."),
        ("waiver.expired", "advisory", "waiver.expired.acme:app._._."),
        ("override.requested", "incident", "override.requested.acme:app._._."),
        ("override.reviewed", "justified", "override.reviewed.acme:app._._."),
        ("override.activated", "incident", "override.activated.acme:app.prod.active."),
        ("override.refused", "short", "override.refused.acme:app._.refused."),
        ("override.expired", "short", "override.expired.acme:app._.expired."),
        ("listing.requested", "open_approvals", "listing.requested._.approvals._."),
        ("listing.requested", "waivers_that_end", "listing.requested.acme:app.waivers._."),
        ("listing.made", "approvals", "listing.made._.approvals._."),
        ("listing.made", "outcomes", "listing.made.acme:app.outcomes._."),
    ],
)
def test_the_key_says_what_the_body_says(folder: str, name: str, key: str) -> None:
    assert key_of(golden(folder, name)).startswith(key)


@pytest.mark.parametrize("reason", FailureReason)
def test_the_class_of_every_failure_fits_into_its_word(reason: FailureReason) -> None:
    scan = golden("scan.failed", "timeout")
    assert isinstance(scan.data, Outcome)
    assert scan.data.failure is not None
    told = replace(scan, data=replace(scan.data, failure=replace(scan.data.failure, reason=reason)))
    assert len(key_of(told).split(".")[4]) <= topology.WORD_BUDGET[4]


def test_properties_mirror_what_operators_filter_by() -> None:
    assert properties_of(PUSH) == {
        "content_type": "application/cloudevents+json",
        "message_id": PUSH.id,
        "type": "devsecops.commit.pushed.v1",
        "correlation_id": PUSH.correlationid,
        "timestamp": int(PUSH.time.timestamp()),
        "app_id": "devsecops-eda",
        "delivery_mode": 2,
    }


def test_a_repeat_at_another_time_in_another_trace_is_no_conflict() -> None:
    later = replace(PUSH, time=PUSH.time + timedelta(minutes=5), traceparent=None)
    assert content_digest(later) == content_digest(PUSH)


@pytest.mark.parametrize("field", ["ref", "before"])
def test_the_same_id_with_other_content_is_a_conflict(field: str) -> None:
    assert isinstance(PUSH.data, CommitPushed)
    other = replace(PUSH, data=replace(PUSH.data, **{field: "1" * 40}))
    assert content_digest(other) != content_digest(PUSH)


def test_times_go_out_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    told = encode(replace(PUSH, time=datetime(2026, 3, 2, 15, 0, 0, 1, tzinfo=east)))
    assert json.loads(told)["time"] == "2026-03-02T09:30:00.000001Z"


def test_a_time_without_zone_is_never_told() -> None:
    assert isinstance(SCAN.data, Outcome)
    naive = PUSH.time.replace(tzinfo=None)
    with pytest.raises(InvalidEventError) as refused:
        encode(replace(PUSH, time=naive))
    assert (refused.value.reason, refused.value.path) == (RefusalReason.SCHEMA, "/time")
    with pytest.raises(InvalidEventError):
        encode(replace(SCAN, data=replace(SCAN.data, started_at=naive)))


def test_an_unknown_word_of_an_open_list_is_not_harmless_and_no_obstacle() -> None:
    document = json.loads(encode(SCAN))
    document["data"]["findings"][0] |= {"severity": "apocalyptic", "confidence": "certain"}
    outcome = decode(json.dumps(document).encode()).data
    assert isinstance(outcome, Outcome)
    assert outcome.worst is Severity.UNKNOWN
    failed = json.loads(encode(golden("scan.failed", "timeout")))
    failed["data"]["failure"]["reason"] = "eaten_by_dog"
    outcome = decode(json.dumps(failed).encode()).data
    assert isinstance(outcome, Outcome)
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.OTHER


def test_a_later_minor_is_taken_and_its_new_fields_are_passed_over() -> None:
    document = json.loads(encode(PUSH))
    document["dataschema"] = document["dataschema"].replace(":1.0", ":1.7")
    document |= {"sequence": "3", "tenant": None}
    document["data"]["pusher"] = {"name": "ada", "teams": ["a", "b"]}
    assert decode(json.dumps(document).encode()) == PUSH


def test_what_the_door_would_refuse_is_never_encoded() -> None:
    assert isinstance(PUSH.data, CommitPushed)
    for change, reason in (
        ({"id": "a b"}, RefusalReason.SCHEMA),
        ({"subject": "\ud800"}, RefusalReason.BAD_TEXT),
        ({"data": replace(PUSH.data, ref="-x")}, RefusalReason.SCHEMA),
        ({"dataref": "file:///x"}, RefusalReason.SCHEMA),
    ):
        with pytest.raises(InvalidEventError) as refused:
            encode(replace(PUSH, **change))
        assert refused.value.reason is reason


def test_every_type_of_event_has_a_strategy_and_a_class() -> None:
    from devsecops_eda.codec.payloads import CLASSES

    assert set(PAYLOADS) == set(EventType) == set(CLASSES)
