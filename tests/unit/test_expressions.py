"""Predicates are refused by whoever loads them, with the place, whatever the text."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.policy.loading.expression_names import FUNCTIONS, MACROS, NAMES, VALUES
from devsecops_eda.policy.loading.expression_text import (
    MAX_EXPRESSION_CHARS,
    MAX_LITERAL_CHARS,
    ExpressionError,
    chains_of,
    names_in,
    tokens_of,
)
from devsecops_eda.policy.loading.expressions import check_expression
from tests.predicate_cases import CASES, FAILING, REFUSED


def refusal(text: str) -> ExpressionError | None:
    try:
        check_expression(text)
    except ExpressionError as error:
        return error
    return None


@pytest.mark.parametrize(
    "text", [*dict.fromkeys(text for _, text, _ in CASES), *(text for text, _ in FAILING)]
)
def test_a_predicate_is_taken(text: str) -> None:
    check_expression(text)


@pytest.mark.parametrize(("text", "offset", "why"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_no_predicate_is_refused_with_the_place(text: str, offset: int, why: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        check_expression(text)
    assert (caught.value.offset, why in caught.value.detail) == (offset, True), caught.value.detail


@pytest.mark.parametrize("name", NAMES)
def test_every_name_may_be_read(name: str) -> None:
    literals = {"string": "''", "int": "0", "bool": "true", "list(string)": "['']"}
    literal = f"'{VALUES[name][0]}'" if name in VALUES else literals[NAMES[name]]
    check_expression(f"{name} == {literal}")
    assert names_in(f"{name} == {literal}") == (name,)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("true", ()),
        ("protected && f.line > 1 || f.line < 9", ("f.line", "protected")),
        ("f . package // f.rule\n .name == ''", ("f.package.name",)),
        ("f.package.name.startsWith('f.rule')", ("f.package.name",)),
        ("f.cwe.exists(c, c == f.path)", ("f.path", "f.cwe")),
        ("(f.path + f.rule).size() > f.cwe.size()", ("f.rule", "f.path", "f.cwe")),
        ("// f.rule\nprotected", ("protected",)),
        (r"'\' + f.rule' == f.path", ("f.path",)),
        (r"r'\' + f.rule == f.path", ("f.rule", "f.path")),
        ("'''' + f.rule + ''' == f.path", ("f.path",)),
        ("subject.repo in [target, environment]", ("subject.repo", "target", "environment")),
    ],
)
def test_the_names_a_predicate_reads_are_known(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize(("name", "words"), VALUES.items())
def test_every_word_that_a_name_may_hold_is_taken_however_it_is_compared(
    name: str, words: tuple[str, ...]
) -> None:
    for word in words:
        for text in ("{0} == '{1}'", "'{1}' != {0}", "{0} in [\"{1}\", '{1}']", "({0}) == '{1}'"):
            check_expression(text.format(name, word))
    for text in ("{0} + 'x' == 'no'", "'no' == {0} + 'x'", "{0} == 'hi' + 'gh'", "{0} > 'no'"):
        check_expression(text.format(name))


@pytest.mark.parametrize(
    ("text", "offset", "meant"),
    [
        ("f.severity == 'HIGH'", 14, "f.severity is never 'HIGH'; did you mean high?"),
        ('f.line > 1 && f.severity != "hihg"', 28, "did you mean high?"),
        ("'Low' == f.confidence", 0, "f.confidence is never 'Low'; did you mean low?"),
        ("f.confidence == 'critical'", 16, "there are: high, low, medium, unknown"),
        ("f.severity in ['high', 'criticl']", 23, "did you mean critical?"),
        ("subject.kind == 'image'", 16, "there are: artifact, commit, tree"),
        ("f.severity == ''", 14, "f.severity is never ''"),
    ],
)
def test_a_word_that_a_name_never_holds_is_refused(text: str, offset: int, meant: str) -> None:
    # It would be true of no finding, or of all: a gate that stands open by a slip of the pen.
    found = refusal(text)
    assert found is not None
    assert found.offset == offset
    assert meant in found.detail


def test_the_bounds_are_exactly_what_they_say() -> None:
    check_expression("true" + " " * (MAX_EXPRESSION_CHARS - 4))
    check_expression(f"f.path == '{'x' * (MAX_LITERAL_CHARS - 2)}'")
    check_expression("(" * 24 + "true" + ")" * 24)


def test_words_joined_by_dots_are_one_name() -> None:
    text = "a.b(c.d) . e[f] + g h"
    assert [chain for chain, _ in chains_of(tokens_of(text))] == ["a.b", "c.d", "e", "f", "g", "h"]


HOSTILE = {
    "brackets": "(" * 2000,
    "lists": "[" * 1000 + "]" * 1000,
    "maps": "{1:" * 500 + "1" + "}" * 500,
    "conditions": "true?" * 200 + "1" + ":1" * 200,
    "unfinished conditions": "a?b:" * 500,
    "negations": "!" * 2000 + "true",
    "fields": "f." * 1000 + "x",
    "sums": "1+" * 1000 + "1",
    "conjunctions": "true&&" * 340 + "true",
    "items": "1 in [" + "1," * 1000 + "1]",
    "literal": '"' + "x" * 2**20 + '" == f.path',
    "digits": "9" * 2000,
    "quotes": "'" * 1999,
    "backslashes": "'" + "\\" * 2000,
    "calls": "f.path.size()" + ".size()" * 250,
    "lists inside lists": "f.cwe.all(a," * 100 + "true" + ")" * 100,
    "lists after lists": "f.cwe" + ".map(x,x)" * 200,
    "pattern": "f.path.matches('" + "(a+)+" * 95 + "$')",
    "repeated pattern": "f.path.matches('((((x{10}){10}){9}y*)*)*')",
    "comments": "//\n" * 600,
    "commas": "size(" + "," * 2000 + ")",
}


@pytest.mark.timeout(20, method="thread")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_keeps_the_loader_busy(text: str) -> None:
    error = refusal(text)
    assert error is None or 0 <= error.offset <= len(text)
    assert error is None or len(error.detail) < 1000


WORDS = st.sampled_from(
    [
        *(*NAMES, *FUNCTIONS, *MACROS, "f", "c", "true", "null", "in"),
        *("==", "!=", "<", ">", "&&", "||", "!", "+", "-", "/", "%", "?", ":", ",", ".", "="),
        *("(", ")", "[", "]", "{", "}", '"x"', "'", '"', "r'\\'", "'''", "1", "1.5", "2u", "0x1"),
        *("\n", " ", "//", "\\", "é", "\U0001f980", "@", "#", "`", ";", "9" * 30, "f.nothing"),
    ]
)


@given(
    st.lists(WORDS, max_size=40).map(" ".join)
    | st.lists(WORDS, max_size=40).map("".join)
    | st.text()
)
def test_any_text_is_taken_or_refused_with_a_place_in_it(text: str) -> None:
    error = refusal(text)
    assert error is None or (0 <= error.offset <= len(text) and error.detail)


def test_a_policy_without_predicates_never_loads_the_library() -> None:
    code = (
        "import sys; from devsecops_eda.policy import default_policy_text, load_policy;"
        "text, checks = default_policy_text(), ['commit', 'semgrep', 'safety'];"
        "load_policy(text, file='', checks=checks);"
        "sys.exit('cel_expr_python' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
