"""Which rules apply to what is judged: all that match, of each id the most specific."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.model import Subject
from devsecops_eda.policy import Facts, Policy, applied, explain
from tests.policy_files import load, load_all

DIGEST = "sha256:" + 64 * "a"


def about(
    repo: str | None = "acme/pay",
    *,
    environment: str | None = None,
    target: str | None = "main",
    protected: bool = True,
    gate: str = "merge",
) -> Facts:
    return Facts(
        gate=gate,
        subject=Subject.tree(DIGEST, repo),
        repository_known=True,
        target=target,
        protected=protected and target is not None,
        environment=environment,
        causes=(),
        outcomes=(),
    )


def document(name: str, *rules: str, top: str = "") -> str:
    """A document with rules of the kind scan, each `id` or `id, more keys`; `top` is a selector."""
    lines = "".join(
        f"  - {{kind: scan, gates: [merge], check: semgrep, id: {rule}}}\n" for rule in rules
    )
    applies = f"applies_to: {{{top}}}\n" if top else ""
    return f"version: 1\nname: {name}\nwithin: 5m\n{applies}gates: {{merge: {{}}}}\nrules:\n{lines}"


def chosen(policy: Policy, facts: Facts) -> list[tuple[str, str]]:
    part = applied(policy, facts)
    return [(rule.id, rule.policy) for rule in part.rules] if part else []


MATCHING = [
    # selector, facts, whether it matches
    ("repositories: [acme/pay]", about("acme/pay"), True),
    ("repositories: [acme/pay]", about("acme/pays"), False),
    ("repositories: [acme/pay]", about("Acme/Pay"), False),
    ("repositories: [acme/*]", about("acme/deep/er"), True),
    ("repositories: [other/x, acme/*]", about("acme/x"), True),
    ("repositories: ['acme/pa?']", about("acme/pay"), True),
    ("repositories: ['acme/[!x]*']", about("acme/x"), False),
    ("repositories: ['*']", about(None), False),
    ("environments: [prod]", about(environment="prod"), True),
    ("environments: ['prod-*']", about(environment="prod"), False),
    ("environments: ['*']", about(environment=None), False),
    ("branch: protected", about(protected=True), True),
    ("branch: protected", about(protected=False), False),
    ("branch: unprotected", about(protected=False), True),
    ("branch: protected", about(target=None), False),
    ("branch: unprotected", about(target=None), False),
    ("repositories: [acme/*], environments: [prod]", about(environment="prod"), True),
    ("repositories: [acme/*], environments: [prod]", about(environment="test"), False),
]


@pytest.mark.parametrize(("selector", "facts", "matches"), MATCHING)
def test_all_that_a_selector_says_has_to_match(selector: str, facts: Facts, matches: bool) -> None:
    at_top = load(document("a", "x", top=selector))
    in_rule = load(document("a", f"x, applies_to: {{{selector}}}"))
    assert bool(chosen(at_top, facts)) is bool(chosen(in_rule, facts)) is matches
    (told,) = explain(at_top, facts)
    assert told.applies is matches
    assert told.why


def test_the_selectors_of_document_and_rule_both_have_to_match() -> None:
    policy = load(
        document("a", "x, applies_to: {environments: [prod]}", top="repositories: [acme/*]")
    )
    assert chosen(policy, about(environment="prod"))
    assert not chosen(policy, about(environment="test"))
    assert not chosen(policy, about("other/x", environment="prod"))


def test_a_team_drops_no_rule_by_writing_its_own() -> None:
    policy = load_all(document("org", "strict"), document("team", "lax", top="repositories: ['*']"))
    assert chosen(policy, about()) == [("strict", "org"), ("lax", "team")]


def test_no_rule_that_matches_is_no_policy() -> None:
    policy = load(document("a", "x", top="repositories: [other/*]"))
    assert applied(policy, about()) is None
    assert applied(policy, about("other/x", gate="unknown")) is None


# From the most specific on; each matches what is judged.
ORDER = (
    "repositories: [acme/pay], environments: [prod], branch: protected",
    "repositories: [acme/pay], environments: [prod]",
    "repositories: [acme/pay], environments: ['pro*']",
    "repositories: [acme/pay], branch: protected",
    "repositories: [acme/pay]",
    "repositories: [acme/p*], environments: [prod]",
    "repositories: [acme/p*, '*']",
    "repositories: [acme/*]",
    "repositories: ['*']",
    "environments: [prod], branch: protected",
    "environments: [prod]",
    "environments: ['pro*']",
    "environments: ['*']",
    "branch: protected",
    "",
)


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_one_id_the_most_specific_rule_holds(first: int) -> None:
    facts = about(environment="prod")
    # Names in the other order, so that they decide nothing here.
    texts = [document(f"p{99 - at}", "x", top=top) for at, top in enumerate(ORDER)][first:]
    policy = load_all(*texts)
    assert chosen(policy, facts) == [("x", f"p{99 - first}")]
    told = explain(policy, facts)
    assert [one.policy for one in told if one.applies] == [f"p{99 - first}"]
    for one in told:
        if not one.applies:
            assert one.why.startswith("a more specific rule of this id holds: that of p")
            assert f"that of p{99 - first} (" in one.why


def test_what_a_rule_says_itself_makes_it_as_specific_as_what_its_document_says() -> None:
    general = document("general", "x, applies_to: {repositories: [acme/pay]}")
    team = document("team", "x", top="repositories: [acme/*]")
    assert chosen(load_all(team, general), about()) == [("x", "general")]


def test_what_is_equally_specific_is_decided_by_the_alphabet() -> None:
    patterns = {"b": "acme/p*", "a": "'*me/pay'", "c": "ac*/pay"}
    texts = [document(name, "x", top=f"repositories: [{one}]") for name, one in patterns.items()]
    for order in permutations(texts):
        policy = load_all(*order)
        assert chosen(policy, about()) == [("x", "a")]
        assert [one.policy for one in explain(policy, about()) if one.applies] == ["a"]


AT = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def in_force(policy: Policy, facts: Facts, now: datetime) -> list[str]:
    part = applied(policy, facts)
    assert part is not None
    return [rule.policy for rule in part.rules_of("merge") if rule.in_force(now)]


def test_an_exception_that_ends_or_has_not_begun_leaves_no_gap() -> None:
    dates = 'x, from: "2027-01-01T00:00:00Z", until: "2027-01-02T00:00:00Z"'
    policy = load_all(document("org", "x"), document("team", dates, top="repositories: [acme/pay]"))
    told = {
        now: in_force(policy, about(), now)
        for now in (AT - HOUR / 3600, AT, AT + 24 * HOUR - HOUR / 3600, AT + 24 * HOUR)
    }
    assert list(told.values()) == [["org"], ["team"], ["team"], ["org"]]
    # Where the exception does not apply, nothing is cut.
    assert in_force(policy, about("acme/other"), AT) == ["org"]
    why = {one.policy: one.why for one in explain(policy, about())}
    assert why["org"] == (
        "it applies to everything; a more specific rule of this id holds in its own dates: that of"
        " team (it applies to repository acme/pay); it holds until 2027-01-01 00:00:00 UTC and"
        " from 2027-01-02 00:00:00 UTC"
    )
    assert why["team"].endswith(
        "it holds from 2027-01-01 00:00:00 UTC until 2027-01-02 00:00:00 UTC"
    )


HOURS = st.none() | st.integers(0, 8)


@given(st.lists(st.tuples(HOURS, HOURS), min_size=1, max_size=5), st.integers(-1, 9))
def test_at_any_instant_the_most_specific_rule_in_force_holds(
    spans: list[tuple[int | None, int | None]], hour: int
) -> None:
    tops = ("repositories: [acme/pay]", "repositories: [acme/p*]", "repositories: [acme/*]",
            "repositories: ['*']", "")  # fmt: skip
    policy = load_all(*(document(f"p{at}", "x", top=tops[at]) for at in range(len(spans))))
    rules = tuple(
        replace(
            rule,
            begins=None if begins is None else AT + begins * HOUR,
            ends=None if ends is None else AT + ends * HOUR,
        )
        for rule, (begins, ends) in zip(policy.rules, spans, strict=True)
    )
    now = AT + hour * HOUR
    expected = [rule.policy for rule in rules if rule.in_force(now)][:1]
    part = applied(replace(policy, rules=rules), about())
    found = [rule.policy for rule in part.rules if rule.in_force(now)] if part else []
    assert found == expected


def test_the_part_that_applies_does_not_change_with_what_others_write() -> None:
    org = document("org", "x", "v")
    mine = document("mine", "x", top="repositories: [acme/pay]")
    other = document("other", "x", "z", top="repositories: [other/*]")
    asked = other.replace("{merge: {}}", "{merge: {asked_by: [commit.pushed]}}")
    parts = [
        applied(load_all(*texts), about())
        for texts in ((org, mine), (mine, org), (org, mine, other), (asked, org, mine))
    ]
    assert len(set(parts)) == 1
    assert parts[0] is not None
    assert parts[0].name == "mine + org"
    assert parts[0].digest != load_all(org, mine).digest
    changed = applied(load_all(org, mine.replace("within: 5m", "within: 6m")), about())
    assert changed is not None
    assert changed.digest != parts[0].digest


def test_terms_hold_where_their_document_applies() -> None:
    terms = (
        "waivers: {granters: [appsec], max: {otherwise: 7d}}\n"
        "break_glass: {groups: [oncall], max: 1h, review_within: 1d}\n"
    )
    text = document("terms", "x", top="environments: [prod]").replace(
        "gates: {", terms + "gates: {"
    )
    policy = load_all(text, document("org", "v"))
    prod, none = applied(policy, about(environment="prod")), applied(policy, about())
    assert prod is not None
    assert none is not None
    assert (prod.waivers, prod.break_glass) == (policy.waivers, policy.break_glass)
    assert (none.waivers, none.break_glass) == (None, None)


def test_each_rule_of_the_gate_is_explained_and_no_other() -> None:
    policy = load_all(
        document("a", "x", top="repositories: [other/*]"),
        document("b", "v, applies_to: {branch: unprotected}"),
        document("c", "z, applies_to: {environments: [prod]}"),
    )
    told = explain(policy, about())
    assert [(one.rule, one.policy, one.applies, one.why) for one in told] == [
        ("x", "a", False, "the repository acme/pay matches none of other/*"),
        ("v", "b", False, "the branch main is protected, and it applies to unprotected ones"),
        ("z", "c", False, "no environment is asked: it matches none of prod"),
    ]
    assert explain(policy, about(gate="unknown")) == ()
