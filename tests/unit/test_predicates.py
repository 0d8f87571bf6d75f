"""Predicates on findings: what they mean, and that whatever they do ends as an error of theirs."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.model import Confidence, Finding, Package, Severity
from devsecops_eda.policy.facts import Matches
from devsecops_eda.policy.loading.expression_names import NAMES
from devsecops_eda.predicates import CelEvaluator, with_matches
from devsecops_eda.predicates.memory import MAX_ANSWERS, RETRY_S, Answer, Memory
from devsecops_eda.predicates.rows import AROUND, OF_FINDING, Columns
from tests.evaluating import DRAGS_ON, EXPLODES, MANY, answers
from tests.judging import completed, facts, finding, policy
from tests.predicate_cases import CASES, CODE, DEPENDENCY, FAILING, REFUSED


@pytest.fixture(scope="module")
def evaluator() -> Iterator[CelEvaluator]:
    with CelEvaluator(timeout_s=60) as made:
        yield made


@pytest.mark.parametrize(("found", "where", "matches"), CASES, ids=lambda value: str(value)[:50])
def test_a_predicate_means_this(
    evaluator: CelEvaluator, found: Finding, where: str, matches: bool
) -> None:
    assert answers(evaluator, facts(completed(found)), where) == [(matches,)]


@pytest.mark.parametrize(("where", "why"), FAILING)
def test_what_fails_on_a_finding_says_on_which_and_why(
    evaluator: CelEvaluator, where: str, why: str
) -> None:
    (error,) = answers(evaluator, facts(completed(CODE)), where)
    assert isinstance(error, str)
    assert why in error
    assert error.endswith(" on python.sql-injection at src/données/sql.py:40")


@pytest.mark.parametrize("where", [text for text, _, _ in REFUSED])
def test_what_no_loader_takes_has_no_answer_here_either(
    evaluator: CelEvaluator, where: str
) -> None:
    told = answers(evaluator, facts(completed(CODE)), where, "f.line == 40")
    assert told[1] == (True,)
    assert told[0] != (True,)


def test_every_name_has_a_value() -> None:
    assert sorted([*OF_FINDING, *AROUND]) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("found", [CODE, DEPENDENCY])
def test_every_value_is_of_the_type_the_checker_was_told(
    evaluator: CelEvaluator, found: Finding, name: str
) -> None:
    assert answers(evaluator, facts(completed(found)), f"{name} == {name}") == [(True,)]


def test_matches_align_with_the_findings_of_the_outcome_in_force(evaluator: CelEvaluator) -> None:
    known = facts(MANY)
    odd = tuple(bool(int(one.path[:5]) % 2) for one in MANY.findings)
    assert answers(evaluator, known, "f.line % 2 == 1") == [odd]
    assert answers(evaluator, facts(completed()), "f.line % 2 == 1") == [()]


texts = st.text(max_size=8) | st.sampled_from(["a\ud800", "\0", "\U0001f980", "'\"\\"])
found_ = st.builds(
    Finding,
    rule=texts,
    path=texts,
    line=st.integers(0, 2**31),
    severity=st.sampled_from(Severity),
    message=texts,
    fingerprint=texts,
    fingerprint_nopath=texts,
    confidence=st.sampled_from(Confidence),
    title=texts,
    cwe=st.lists(texts, max_size=3).map(tuple),
    fix=st.none() | texts,
    package=st.none()
    | st.builds(
        Package,
        name=texts,
        version=texts,
        ecosystem=texts,
        advisory=texts,
        aliases=st.lists(texts, max_size=2).map(tuple),
        fixed_versions=st.lists(texts, max_size=2).map(tuple),
    ),
)


@given(st.lists(found_, max_size=5, unique_by=lambda one: one.fingerprint))
def test_whatever_a_finding_holds_predicates_have_an_answer(
    evaluator: CelEvaluator, findings: list[Finding]
) -> None:
    known = facts(completed(*findings))
    where = [f"{name} == {name}" for name in NAMES]
    assert answers(evaluator, known, *where) == [(True,) * len(findings)] * len(where)


def test_equal_values_are_asked_about_once() -> None:
    findings = tuple(finding(f"x:{at}", path=f"{at % 7}.py", line=at) for at in range(100))
    table = Columns("semgrep", findings, facts()).table("f.path == '' || protected")
    assert (table.names, len(table.rows), len(table.row_of)) == (("f.path", "protected"), 7, 100)
    assert [table.rows[row][0] for row in table.row_of] == [one.path for one in findings]


def test_facts_are_given_the_matches_that_the_policy_needs(evaluator: CelEvaluator) -> None:
    known = facts(completed(CODE), matches=(Matches("stale", "semgrep", (True,)),))
    plain = policy("kind: findings, check: semgrep, at_most: {low: 0}")
    assert with_matches(plain, known, evaluator).matches == ()


def test_what_was_answered_once_is_not_asked_again() -> None:
    with CelEvaluator(timeout_s=60, children=1) as evaluator:
        first = answers(evaluator, facts(completed(CODE)), "f.line == 40", "f.cwe[2] == ''")
        with evaluator._slot(time.monotonic()):
            again = answers(evaluator, facts(completed(CODE)), "f.line == 40", "f.cwe[2] == ''")
    assert again == first


def test_an_answer_holds_for_the_values_that_were_read_and_for_no_others() -> None:
    with CelEvaluator(timeout_s=60) as evaluator:
        one, other = replace(CODE, line=41), replace(CODE, path="other.py")
        told = [
            answers(evaluator, facts(completed(each)), "f.line == 40", "f.cwe[2] == ''")
            for each in (CODE, one, other)
        ]
    assert [each[0] for each in told] == [(True,), (False,), (True,)]
    # The words name the finding at hand, not the one that was asked about first.
    assert [str(each[1]).rpartition(" at ")[2] for each in told] == [
        *("src/données/sql.py:40", "src/données/sql.py:41", "other.py:40")
    ]


def test_what_may_pass_is_believed_for_its_time_and_not_a_moment_longer() -> None:
    now = [0.0]
    memory = Memory(lambda: now[0])
    memory.keep(b"lasting", Answer(b"", "divide by zero"), passing=False)
    memory.keep(b"passing", Answer(b"", "takes too long"), passing=True)
    now[0] = RETRY_S - 0.001
    assert memory.recall(b"passing") == Answer(b"", "takes too long")
    now[0] = RETRY_S
    assert memory.recall(b"passing") is None
    assert memory.recall(b"lasting") == Answer(b"", "divide by zero")
    assert memory.recall(b"never") is None


def test_what_was_asked_for_last_is_remembered() -> None:
    memory = Memory()
    for at in range(MAX_ANSWERS):
        memory.keep(b"%d" % at, Answer(b"\1"), passing=False)
    memory.recall(b"0")
    memory.keep(b"more", Answer(b"\1"), passing=False)
    kept = [at for at in range(MAX_ANSWERS) if memory.recall(b"%d" % at)]
    assert kept == [0, *range(2, MAX_ANSWERS)]


# Each of these harms nobody but itself.


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (EXPLODES, "needs more than 256 MiB of memory"),
        ("[f.path]" + ".map(x, x + x)" * 27 + "[0] == ''", "needs more than 256 MiB of memory"),
        ("f.cwe.exists(c, f.cwe.exists(d, d == c))", "inside another"),
        ('"' + "x" * 2**20 + '" == f.path', "at most 2048 characters"),
        ("f.path.matches('(((a{30}){30}){30})')", "regular expression"),
        ("f.nothing == 1", "undeclared reference to 'f.nothing'"),
        ("f.line", "comes to INT, not to true or false"),
    ],
    ids=lambda value: value[:40],
)
def test_a_hostile_predicate_ends_as_its_own_error(where: str, why: str) -> None:
    with CelEvaluator(timeout_s=60) as evaluator:
        before, hostile, after = answers(evaluator, facts(MANY), "f.line < 0", where, "f.line >= 0")
    assert isinstance(hostile, str)
    assert why in hostile
    assert (before, after) == ((False,) * 3000, (True,) * 3000)


def test_a_regular_expression_that_explodes_elsewhere_takes_linear_time(
    evaluator: CelEvaluator,
) -> None:
    known = facts(completed(finding("x:0", path="a" * 5000 + "!")))
    assert answers(evaluator, known, "f.path.matches('^(a+)+$')") == [(False,)]


def test_one_that_takes_too_long_leaves_the_others_their_time() -> None:
    with CelEvaluator(timeout_s=4) as evaluator:
        told = answers(evaluator, facts(MANY), "f.line < 0", DRAGS_ON, "f.line >= 0")
    assert told == [
        (False,) * 3000,
        "takes too long: not done within 4 s",
        (True,) * 3000,
    ]
