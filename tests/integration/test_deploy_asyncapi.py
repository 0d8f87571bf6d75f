"""AsyncAPI's own parser takes the document that we ship, and would say if it were wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from devsecops_eda.cli import asyncapi
from devsecops_eda.model import EventType
from tests.rig.asyncapi import judged

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

TEXT = (Path(__file__).parents[2] / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")


def test_the_official_parser_has_nothing_to_complain_of() -> None:
    said = judged(TEXT)
    assert said.complaints == ()
    assert said.operations == len(asyncapi.document()["operations"])
    assert said.messages == len(EventType)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("'#/components/schemas/envelope'", "'#/components/schemas/nowhere'"),
        ("action: send", "action: shout"),
    ],
)
def test_a_document_that_is_wrong_is_complained_of(right: str, wrong: str) -> None:
    assert right in TEXT
    assert judged(TEXT.replace(right, wrong, 1)).complaints
