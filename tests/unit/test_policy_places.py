"""A predicate that is wrong is refused at its very character, however it is written down."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy.loading.document import Mapping, Scalar, read_yaml
from devsecops_eda.policy.loading.written import place_of
from tests.policy_files import PEOPLE, load

WRITTEN = {
    "plain": "    where: f.severty == 1\n",
    "single": "    where: 'f.path == ''its'' || f.path == '''' && f.severty == 1'\n",
    "double": '    where: "f.path == \\"\\u0061\\t\\x62\\" \\\n      && f.severty == 1"\n',
    "literal": "    where: |\n      f.line > 1 &&\n      f.severty == 1\n",
    "literal, stripped, with a comment": "    where: |-  # why\n      f.severty == 1\n    # more\n",
    "literal, indented": "    where: |2\n        f.line > 1\n        && f.severty == 1\n",
    "folded": "    where: >-\n      f.line > 1 &&\n\n      f.severty == 1\n",
    "plain in two lines": "    where: f.line > 1 &&\n      f.severty == 1\n",
    "single in two lines": "    where: 'f.line > 1 &&\n\n      f.severty == 1'\n",
    "lines of Windows": "    where: |\r\n      f.line > 1 &&\r\n      f.severty == 1\r\n",
    "not in ASCII": "    where: 'f.path == \"Zoë \N{GRINNING FACE}\" && f.severty == 1'\n",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_name_nobody_knows_is_shown_where_it_stands(written: str) -> None:
    text = PEOPLE.replace("    where: 'f.severity == \"high\"'\n", written)
    with pytest.raises(InvalidPolicyError) as caught:
        load(text)
    error = caught.value
    before, _, _ = text.partition("severty")
    assert (error.line, error.column) == (
        before.count("\n") + 1,
        len(before.rpartition("\n")[2]) + 1,
    )
    assert error.path == "rules[1].where"
    assert error.detail == "there is no name 'f.severty'; did you mean f.severity?"


def test_a_predicate_that_breaks_off_is_refused_behind_its_last_character() -> None:
    text = PEOPLE.replace("'f.severity == \"high\"'", "'f.line == '  # that is all")
    with pytest.raises(InvalidPolicyError) as caught:
        load(text)
    line = text.splitlines()[caught.value.line - 1]
    assert line[: caught.value.column - 1].endswith("f.line ==")


def scalar(written: str) -> Scalar:
    root = read_yaml(f"w: {written}\n", file="p.yaml")
    assert isinstance(root, Mapping)
    value = root.entries[0][1]
    assert isinstance(value, Scalar)
    return value


TEXT = st.text("ab'\"\\ \n(&é", min_size=1, max_size=30).map(str.strip).filter(bool)
LINES = st.lists(st.text("ab'\"\\(&é ", min_size=1, max_size=12), min_size=1, max_size=4)


@given(TEXT)
def test_every_character_in_double_quotes_has_its_place(text: str) -> None:
    written = json.dumps(text)
    value = scalar(written)
    assert value.text == text
    for offset, char in enumerate(text):
        if not char.isspace():
            shown = written[place_of(value, offset).column - 4 :]
            escaped = 6 if shown.startswith("\\u") else 2 if shown.startswith("\\") else 1
            assert json.loads(f'"{shown[:escaped]}"') == char


@given(LINES, st.sampled_from("|>"))
def test_every_character_of_a_block_has_its_place(lines: list[str], style: str) -> None:
    # A first line that begins with a space would set the depth of the block.
    kept = [f"x{line.rstrip()}" for line in lines]
    written = f"{style}\n" + "".join(f"   {line}\n" for line in kept)
    value = scalar(written)
    file = f"w: {written}".split("\n")
    for offset, char in enumerate(value.text.strip()):
        if not char.isspace():
            place = place_of(value, offset)
            assert file[place.line - 1][place.column - 1] == char
