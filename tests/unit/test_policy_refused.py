"""The policy file: what is refused, with place, key path and the nearest valid name."""

from __future__ import annotations

import re

import pytest

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy.loading.document import MAX_DEPTH, MAX_POLICY_BYTES
from devsecops_eda.policy.loading.policies import MAX_RULES
from tests.policy_files import FRAME, as_read_elsewhere, load, refused, schema

# What the frame is changed to, what the refusal says, whether the schema sees it too.
REFUSED = [
    ("version: 1", "version: 2", "p.yaml:1:10: version: this program reads version 1 only", True),
    ("version: 1", "version: true", "version: must be a whole number", True),
    ("version: 1", 'version: "1"', "version: must be a whole number, not text in quotes", True),
    ("version: 1\n", "", "p.yaml:1:1: the key 'version' is missing", True),
    ("name: strict", "nmae: strict", "nmae: there is no such key; did you mean name?", True),
    ("name: strict", "name: on", "'on' without quotes is true or false", False),
    ("name: strict", "name: 2026-01-01", "'2026-01-01' without quotes is a date", True),
    ("name: strict", "name: 1.0", "'1.0' without quotes is a number", True),
    ("name: strict", "name: ~", "'~' without quotes is nothing", True),
    ("name: strict", "name: 1e3", "'1e3' without quotes is a number", True),
    ("name: strict", "name: 22:00", "'22:00' without quotes is a number to the base 60", True),
    ("name: strict", "name: a b", "'a b' is no name", True),
    ("name: strict", "name: [a]", "p.yaml:2:7: name: must be text, not a list", True),
    ("within: 30m", "within: 22:00", "must be a span of time as 90s, 15m, 24h, 7d", True),
    ("within: 30m", "within: 30", "not a number ('30')", True),
    ("within: 30m", "within: 0m", "must be a span of time", True),
    ("within: 30m", "within: -5m", "must be a span of time", True),
    ("within: 30m", "within: 5m1h", "must be a span of time", True),
    ("within: 30m", "within: 1.5h", "must be a span of time", True),
    ("within: 30m", 'within: ""', "must be a span of time", True),
    ("within: 30m\n", "", "p.yaml:7:5: rules[0]: how long may the check take?", True),
    ("{asked_by: [commit.pushed]}", "{asked_by: []}", "at least one of the types of events", True),
    (
        "[commit.pushed]",
        "[commit.pushd]",
        "p.yaml:5:22: gates.merge.asked_by[0]: there is no event 'commit.pushd'; did you mean",
        True,
    ),
    ("[commit.pushed]", "[commit.pushed, commit.pushed]", "a second time", True),
    ("asked_by", "on", "gates.merge.on: there is no such key; there are: asked_by", True),
    ("  release: {}", "  release:", "gates.release: must be a mapping, not nothing", True),
    ("  release: {}", "  no: {}", "gates.no: 'no' without quotes is true or false", False),
    ("  release: {}", "  release: {}\n  empty: {}", "p.yaml:7:3: gates.empty: no rule", False),
    ("id: ran", "id: clean", "p.yaml:12:5: rules[1]: the id 'clean' is that of rules[0]", False),
    ("id: ran", "id: 7", "'7' without quotes is a number", True),
    ("id: ran\n    ", "", "p.yaml:8:5: rules[0]: the key 'id' is missing", True),
    ("kind: scan", "kind: scna", "rules[0].kind: there is no kind 'scna'; did you mean", True),
    ("kind: scan", "kind: scan\n    at_most: {high: 0}", "rules[0].at_most: there is no", True),
    ("gates: [merge, release]", "gates: []", "rules[0].gates: must name at least one", True),
    ("gates: [merge, release]", "gates: merge", "must be a list of gates, not the text", True),
    ("[merge, release]", "[merge, relaese]", "no gate 'relaese'; did you mean release?", False),
    ("[merge, release]", "[merge, merge]", "stands in this list a second time", True),
    (
        "check: semgrep",
        "check: semgerp",
        "no check 'semgerp' runs here; did you mean semgrep",
        False,
    ),
    ("check: semgrep", "check: nothing-like-it", "there are: commit, safety, semgrep", False),
    ("at_most: {high: 0}", "at_most: {}", "at_most: must name at least one of the sev", True),
    ("    at_most: {high: 0}\n", "", "the key 'at_most' is missing", True),
    ("high: 0", "hihg: 0", "there is no severity 'hihg'; did you mean high?", True),
    ("high: 0", "high: -1", "must be a whole number from 0 to 9999999", True),
    ("high: 0", "high: true", "not true or false ('true')", True),
    ("high: 0", "high: 1.5", "not a number ('1.5')", True),
    ("high: 0", "high: 010", "not a number ('010')", False),
    ("high: 0", "high: 1_0", "not a number ('1_0')", False),
    ("high: 0", "high: 0x10", "not a number ('0x10')", False),
    ("high: 0", "high: 1:30", "not a number to the base 60", True),
    ("high: 0", 'high: "0"', "not text in quotes", True),
    ("high: 0", "high: ", "not nothing", True),
    ("high: 0", "high: 99999999", "must be a whole number", True),
    ("high: 0", "high: 0, critical: 3", "high: 0 counts critical ones too, so 3 of", False),
    ("{high: 0}", "{high: 0}\n    new_only: yes", "must be true or false, not true", True),
    ("{high: 0}", "{high: 0}\n    new_only: True", "must be true or false", False),
    ("{high: 0}", "{high: 0}\n    new_only: 1", "must be true or false, not a number", True),
    ("{high: 0}", "{high: 0}\n    mode: off", "there is no mode 'off'", True),
    ("{high: 0}", "{high: 0}\n    mode: enforced", "did you mean enforce?", True),
    ("{high: 0}", "{high: 0}\n    if_nothing: no", "there is no answer 'no'", True),
    ("{high: 0}", "{high: 0}\n    message: ''", "must not be empty", True),
    ("{high: 0}", "{high: 0}\n    message: " + 501 * "x", "has 501 characters", False),
    ("{high: 0}", "{high: 0}\n    max_age: 30m", "it could be too old at once", False),
    ("{high: 0}", "{high: 0}\n    from: 2026-12-01", "must be an instant in quotes", True),
    ("{high: 0}", '{high: 0}\n    from: "2026-12-01"', "must be an instant in quotes", True),
    (
        "{high: 0}",
        '{high: 0}\n    from: "2026-13-01T00:00:00Z"',
        "must be an instant in quotes",
        False,
    ),
    (
        "{high: 0}",
        '{high: 0}\n    from: "2027-01-01T00:00:00Z"\n    until: "2027-01-01T01:00:00+01:00"',
        "rules[1].until: ends before it begins, or at that very instant",
        False,
    ),
    (
        "kind: findings\n    gates: [merge]\n    check: semgrep",
        "kind: findings\n    gates: [merge]\n    check: commit",
        "the check commit is about no findings",
        True,
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "words", "in_schema"),
    REFUSED,
    ids=[f"{new.strip()[:40]!r} for {old[:20]!r}" for old, new, *_ in REFUSED],
)
def test_what_is_wrong_is_refused_with_a_sentence(
    old: str, new: str, words: str, in_schema: bool
) -> None:
    assert old in FRAME
    text = FRAME.replace(old, new, 1)
    message = refused(text)
    assert words in message
    assert re.match(r"p\.yaml:\d+:\d+: ", message)
    assert bool(list(schema().iter_errors(as_read_elsewhere(text)))) == in_schema


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("gates: {}\nrules: [{id: a}]", "p.yaml:4:8: gates: must name at least one of the gates"),
        ("gates: {}\nrules: []", "gates: must name at least one of the gates"),
        ("gates: {merge: {}}\nrules: []", "p.yaml:5:8: rules: must name at least one of the rules"),
        ("gates: {merge: {}}\nrules:", "rules: must be a list of rules, not nothing"),
        ("gates: [merge]\nrules: []", "gates: must be gates with their values, not a list"),
    ],
)
def test_what_would_let_everything_through_is_refused(part: str, words: str) -> None:
    text = f"version: 1\nname: empty\nwithin: 30m\n{part}\n"
    assert words in refused(text)
    assert list(schema().iter_errors(as_read_elsewhere(text))) != []


def test_a_check_has_to_be_named_and_there() -> None:
    assert "rules[0].check: '' is no name" in refused(FRAME.replace("semgrep", "''", 1))
    assert "no check 'semgrep' runs here; there are none" in refused(FRAME, checks=frozenset())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "p.yaml:1:1: there is nothing in it"),
        ("# only words\n", "p.yaml:1:1: there is nothing in it"),
        ("- 1\n", "p.yaml:1:1: must be a mapping, not a list"),
        ("a: [", "p.yaml:1:5: is no YAML: expected the node content"),
        ("a:\n\tb: 1\n", "p.yaml:2:1: is no YAML: a tab cannot indent, use spaces"),
        (
            "a: 1\nb: 2\na: 3\n",
            "p.yaml:3:1: the key 'a' stands here a second time, first in line 1",
        ),
        ("a: &x [1]\nb: *x\n", "p.yaml:1:4: anchors and aliases (& and *) are not allowed"),
        ("a: *x\n", "p.yaml:1:4: anchors and aliases (& and *) are not allowed"),
        ("a: !!str 1\n", "p.yaml:1:4: tags (!) are not allowed"),
        ("a: !!python/object:os.system x\n", "p.yaml:1:4: tags (!) are not allowed"),
        ("%YAML 1.1\n---\na: 1\n", "a policy has no % directives, and is read as YAML 1.2"),
        ("a: 1\n---\nb: 1\n", "p.yaml:2:1: a second document begins here"),
        ("? [a]\n: b\n", "p.yaml:1:3: a key has to be a word"),
        ("a: \0\n", "p.yaml:1:1: is no YAML: unacceptable character"),
        ('a: "\\uD800"\n', "p.yaml:1:4: is no Unicode text"),
        ("[" * 50_000, f"is nested deeper than {MAX_DEPTH} levels"),
        ("a: b: c\n", "p.yaml:1:5: is no YAML: mapping values are not allowed"),
        ("<<: {a: 1}\n", "<<: there is no such key"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(text: str, words: str) -> None:
    assert words in refused(text)


def test_a_policy_is_bounded_in_bytes_and_rules() -> None:
    padding = "#" * (MAX_POLICY_BYTES - len(FRAME))
    load(FRAME + padding)
    assert refused(FRAME + padding + "#").endswith(f"at most {MAX_POLICY_BYTES}")
    rule = "  - {{id: r{}, kind: scan, gates: [merge], check: semgrep}}\n"
    more = "".join(rule.format(at) for at in range(MAX_RULES - 2))
    assert len(load(FRAME + more).rules) == MAX_RULES
    assert f"at most {MAX_RULES} rules" in refused(FRAME + more + rule.format("x"))


def test_a_refusal_names_its_place_for_programs_too() -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        load(FRAME.replace("high: 0", "hihg: 0"))
    error = caught.value
    assert (error.file, error.line, error.column) == ("p.yaml", 16, 15)
    assert error.path == "rules[1].at_most.hihg"


@pytest.mark.parametrize(
    "rule", ["kind: findings, at_most: {high: 0}, new_only: true", "kind: coverage"]
)
def test_what_needs_git_is_refused_where_the_check_commit_is_not_configured(rule: str) -> None:
    text = FRAME + f"  - {{id: x, gates: [merge], check: semgrep, {rule}}}\n"
    load(text)
    assert "is said by the check commit" in refused(text, checks=frozenset({"semgrep"}))
