"""What a command that waits hears, prints and goes by."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devsecops_eda.cli.telling import Conversation
from devsecops_eda.model import (
    Decision,
    Event,
    EventType,
    OverrideState,
    OverrideTold,
    Verdict,
)
from tests.recorded import approval
from tests.results import SUBJECT, decision

FLOW = "5f3c1d1e-52a6-4a3a-9d5e-0b6f7a3c2d10"
PENDING = decision(Verdict.PENDING)


def made(data: Decision) -> Event:
    return Event("i", "s", EventType.DECISION_MADE, "x", datetime.now(UTC), FLOW, data)


def asked(gate: str) -> Event:
    data = approval("two-people", gate=gate)
    return Event("k", "s", EventType.APPROVAL_REQUESTED, "x", datetime.now(UTC), FLOW, data)


def override(of: Decision) -> Event:
    data = OverrideTold(
        override="o",
        decision=of.id,
        repo="acme/app",
        gate="merge",
        subject=SUBJECT,
        state=OverrideState.ACTIVE,
        actor="ada",
        reason="the shop is down",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    return Event("j", "s", EventType.OVERRIDE_ACTIVATED, "x", datetime.now(UTC), FLOW, data)


def conversation(*, accept: bool, form: str = "text") -> Conversation:
    return Conversation(form=form, flow=FLOW, repo="a", gate="merge", accept_override=accept)


@pytest.mark.parametrize("events", [(made(PENDING), override(PENDING)),
                                    (override(PENDING), made(PENDING))])  # fmt: skip
def test_nobody_waits_on_for_votes_that_an_override_does_without(
    events: tuple[Event, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    about = conversation(accept=True)

    def ask() -> Decision | None:
        for event in events:
            about.hear(event)
        raise AssertionError("it waits on")

    assert about.end(about.decided(ask)) == 0
    said = capsys.readouterr().out
    assert "override active" in said
    assert f"  decision {PENDING.id}\n" in said


def test_without_the_option_it_waits_on_and_is_pending() -> None:
    about = conversation(accept=False)
    about.hear(made(PENDING))
    about.hear(override(PENDING))
    assert about.end(about.decided(lambda: None)) == 8


@pytest.mark.parametrize(
    ("events", "doubts"),
    [
        ((made(PENDING),), None),
        ((asked("merge"),), None),
        ((asked("deploy"),), "the gate has said nothing of merge"),
        ((made(replace(PENDING, gate="deploy")),), "the gate has said nothing of merge"),
        ((), "nothing was heard of this flow"),
    ],
)
def test_who_waits_for_a_gate_that_says_nothing_is_asked_whether_there_is_one(
    events: tuple[Event, ...], doubts: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    about = conversation(accept=False)
    for event in events:
        about.hear(event)
    assert about.end(None) == 8
    said = capsys.readouterr().err
    assert "still pending" in said
    assert (doubts is None and "nothing" not in said) or (doubts is not None and doubts in said)


def test_json_names_the_override_beside_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    denied = decision()
    about = conversation(accept=False, form="json")
    about.hear(override(denied))
    assert about.end(about.decided(lambda: denied)) == 1
    out = capsys.readouterr().out
    document = json.loads(out)
    assert document["verdict"] == "deny"
    assert document["override"]["actor"] == "ada"
