"""Whatever stands in a policy: it is taken, or refused with a place, and nothing else happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.errors import InvalidPolicyError
from tests.policy_files import PEOPLE, load

# Words, numbers and brackets, but no white space and no colon: what is changed stays YAML mostly.
PARTS = [found.span() for found in re.finditer(r'[\w.*/-]+|[\[\]{}"]', PEOPLE)]
WORDS = """
no on 22:00 2026-01-01 ~ 0 -1 1e9 true '' [] {} [[]] {a:b} * &a !!str | ' " \\ # mon-mon "24:00"
24:00 "9999-12-31" "0000-00-00" ../../etc/passwd \U0001f600 Europe/Paris f.line>( << ? - \u0660
"""
SPACES = ("\n", "\t", "\x00", "\x85", "\u2028", "\ufeff", " ", "{a: b}")
LONG = ("a" * 3000, "9" * 400, "[" * 50)
JUNK = st.sampled_from((*WORDS.split(), *SPACES, *LONG)) | st.text(max_size=8)


@given(st.lists(st.tuples(st.sampled_from(PARTS), JUNK), min_size=1, max_size=3))
def test_a_policy_is_taken_or_refused_with_its_place(
    changes: list[tuple[tuple[int, int], str]],
) -> None:
    text = PEOPLE
    for (begins, ends), junk in sorted(changes, reverse=True):
        text = text[:begins] + junk + text[ends:]
    refusal = refusal_of(text)
    if refusal is not None:
        assert refusal.file == "p.yaml"
        assert refusal.line >= 1
        assert refusal.column >= 1


def refusal_of(text: str) -> InvalidPolicyError | None:
    try:
        assert load(text).digest
    except InvalidPolicyError as error:
        return error
    return None


def test_the_time_zones_are_there_without_those_of_the_system() -> None:
    program = "from devsecops_eda.policy.loading.windows import zones; print(len(zones()))"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONTZPATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert int(found.stdout) > 400
