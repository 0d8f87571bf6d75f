"""The commands of docs/dead-letters.md, one after the other, on letters of two kinds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devsecops_eda import codec
from devsecops_eda.broker import Borrowed
from devsecops_eda.topology import LAST_HEADER, queue_name
from tests.conftest import Vhost
from tests.letters import buried as letter
from tests.rig.operators import Operator, bury, pushed, taken
from tests.rig.pages import named

NAME = "5d8f3d0e2f0a5c53"
"""How the page calls a letter."""


def test_the_commands_of_the_page_look_replay_and_drop(
    vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = queue_name("semgrep")

    def just_now(reason: str, at: int) -> Borrowed:
        one = letter(pushed(at), reason=reason, queue=queue)
        one.message.properties.headers[LAST_HEADER] = codec.format_time(datetime.now(UTC))
        return one

    operator = Operator.of(vhost, tmp_path, capsys)
    bury(operator.address, 3, lambda at: just_now("future_time" if at else "schema", at))
    (wrong,) = operator.json("list", "--reason", "schema")["letters"]
    said = []
    counts = []
    for area, *words in named("docs/dead-letters.md", "looked-at").commands:
        assert area == "dead"
        said.append(operator.dead(*(wrong["id"] if word == NAME else word for word in words)))
        counts.append(operator.counts())
    listed, shown, would, done, dropped = said
    all_three = {"future_time": 2, "schema": 1}
    assert counts == [all_three, all_three, all_three, {"schema": 1}, {}]
    assert "future_time" in listed
    assert wrong["id"] not in listed
    assert "push-0" in shown
    assert "--yes" in would
    assert len(taken(operator.address, queue)) == 2
    assert wrong["id"] in dropped
    assert "2" in done
