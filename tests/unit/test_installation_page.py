"""docs/installation.md says of each command where it is run, and of each variable what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rig.walkthrough import EVERYWHERE, NAMES, steps

TEXT = (Path(__file__).parents[2] / "docs" / "installation.md").read_text(encoding="utf-8")
OPENING, *STEPS = steps(TEXT)


def test_the_page_has_commands_for_every_host() -> None:
    assert {block.host for block in STEPS} == set(NAMES)
    assert [block.three_only for block in STEPS].count(True) == 1


def test_every_variable_is_defined_in_the_first_block_or_in_the_one_that_uses_it() -> None:
    assert OPENING.host == EVERYWHERE
    for name in NAMES.values():
        assert f"={name} " in OPENING.text
    for block in STEPS:
        known = OPENING.text + block.text
        for name in re.findall(r"\$\{?([A-Za-z_]+)", block.text):
            assert re.search(rf"^ *(for )?{name}(=| in )", known, re.M), name


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("## One\n```sh\ntrue\n```\n", "below 'One' does not say on which host"),
        ("## One\n```sh\n# on my host\ntrue\n```\n", "no host called 'my'"),
    ],
)
def test_commands_that_nobody_knows_where_to_run_are_refused(page: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        steps(page)
