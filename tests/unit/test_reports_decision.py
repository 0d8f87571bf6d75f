"""A decision for people says what leads to an allow, and on whom and what it rests."""

from __future__ import annotations

import json
from dataclasses import replace

from devsecops_eda.model import (
    RequirementState,
    Step,
    StepKind,
    Verdict,
)
from devsecops_eda.reports import (
    render_decision,
    render_github,
    render_json,
)
from tests.results import (
    NOW,
    Scanned,
    decision,
    requirement,
)


def test_the_shortest_way_to_an_allow_is_numbered() -> None:
    way = (
        Step(StepKind.UPGRADE, ("findings",), "upgrade pyyaml to 5.4", "pyyaml@5.4"),
        Step(StepKind.VOTE, ("approval",), "2 votes of security\n::error::x"),
    )
    denied = replace(decision(), way=way)
    text = render_decision(denied, colour=False)
    assert (
        "  shortest way to an allow:\n    1. upgrade pyyaml to 5.4\n"
        "    2. 2 votes of security ::error::x\n" in text
    )
    assert json.loads(render_json(Scanned(denied)))["decision"]["way"][0] == {
        "kind": "upgrade",
        "requirements": ["findings"],
        "text": "upgrade pyyaml to 5.4",
        "what": "pyyaml@5.4",
    }
    assert "1. upgrade pyyaml to 5&#46;4" in render_github(Scanned(denied))
    assert "shortest way" not in render_decision(decision(), colour=False)


def test_a_line_says_its_waivers_since_when_and_that_it_waits_for_people() -> None:
    lines = (
        requirement(RequirementState.WAIVED, "a", waivers=("w-1", "w-2"), since=NOW),
        requirement(RequirementState.RUNNING, "b", votes=True),
    )
    text = render_decision(decision(Verdict.PENDING, lines), colour=True)
    assert "waiver w-1" in text
    assert "waiver w-2" in text
    assert "since 2026-03-02 09:30 UTC" in text
    assert "waits for people to vote" in text
    assert "\x1b[32m" not in text
