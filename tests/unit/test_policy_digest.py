"""The digest of a policy: everything it means is in it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from devsecops_eda.model import EventType, Mode, Severity
from devsecops_eda.policy import GateSpec, IfNothing, Policy, PolicyText, Rule, load_policies
from devsecops_eda.policy.digest import digest_of
from devsecops_eda.policy.model import (
    AnyRule,
    BranchClass,
    BreakGlass,
    Freeze,
    Of,
    OpenHours,
    Scope,
    Selector,
    WaiverTerms,
    Weekday,
)
from tests.judging import CHECKS
from tests.policy_files import FRAME, GROUPS, PEOPLE, load

SPAN = timedelta(seconds=7)
AT = datetime(2027, 1, 31, tzinfo=UTC)
# Another value for each field there is, by its name.
OTHER: dict[str, Any] = {
    "id": "another",
    "gates": frozenset({"another"}),
    "mode": Mode.WARN,
    "message": "words",
    "solution": "words",
    "begins": AT,
    "ends": AT,
    "selectors": (Selector(repositories=("x",)),),
    "policy": "another",
    "check": "commit",
    "within": SPAN,
    "max_age": SPAN,
    "if_nothing": IfNothing.DENY,
    "at_most": ((Severity.LOW, 3),),
    "new_only": True,
    "where": "true",
    "fix_available": False,
    "leeway": ((Severity.LOW, SPAN),),
    "n": 1,
    "groups": ("appsec",),
    "deadline": SPAN,
    "at_least": (("owners", 1),),
    "exclude": frozenset[object](),
    "unknown_author": True,
    "zone": "UTC",
    "opens": (OpenHours(frozenset({Weekday.SUN}), 0, 1),),
    "freezes": (Freeze(date(2026, 1, 1), date(2026, 1, 2)),),
    "gate": "another",
    "target": "other",
    "granters": ("owners",),
    "longest": SPAN,
    "otherwise": SPAN,
    "announce": (SPAN,),
    "review_within": SPAN,
    "repositories": ("other",),
    "environments": ("other",),
    "branch": BranchClass.UNPROTECTED,
    "days": frozenset({Weekday.SUN}),
    "from_min": 1,
    "until_min": 2,
    "first": date(2026, 1, 1),
    "last": date(2026, 1, 1),
    "reason": "other",
}
COVERAGE = "  - {id: seen, kind: coverage, gates: [merge], check: semgrep}\n"


def rules() -> tuple[AnyRule, ...]:
    return load(PEOPLE + COVERAGE).rules


def changed(value: Any) -> Iterator[tuple[str, Any]]:
    """Every value that differs from a dataclass in one field, with the name of the field."""
    for field in fields(value):
        other: Any = OTHER.get(field.name)
        if field.name == "of":
            other = next(
                one for one in (*Scope, *Of) if type(one) is type(value.of) and one is not value.of
            )
        assert other != getattr(value, field.name), field.name
        yield field.name, replace(value, **{field.name: other})


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.kind)
def test_every_field_of_every_rule_is_in_the_digest(rule: Rule) -> None:
    digests = {"as it is": digest_of(rule)}
    digests |= {name: digest_of(other) for name, other in changed(rule)}
    assert len(set(digests.values())) == len(fields(rule)) + 1


def test_every_kind_of_rule_is_looked_at() -> None:
    assert {type(one) for one in rules()} == set(AnyRule.__args__)


def test_every_field_of_terms_and_of_what_stands_in_rules_is_in_the_digest() -> None:
    policy = load(PEOPLE)
    hours: Any = policy.rules[3]
    for value in (
        policy.waivers,
        policy.break_glass,
        policy.rules[0].selectors[0],
        hours.opens[0],
        hours.freezes[0],
    ):
        digests = {digest_of(value), *(digest_of(other) for _, other in changed(value))}
        assert len(digests) == len(fields(value)) + 1  # type: ignore[arg-type]


def test_every_field_of_a_policy_is_in_its_digest() -> None:
    policy = load(PEOPLE)
    assert isinstance(policy.waivers, WaiverTerms)
    assert isinstance(policy.break_glass, BreakGlass)
    others = [
        replace(policy, name="another"),
        replace(policy, gates=(*policy.gates, GateSpec("another"))),
        replace(
            policy, gates=(GateSpec("merge", frozenset({EventType.COMMIT_PUSHED})), policy.gates[1])
        ),
        replace(policy, rules=policy.rules[:-1]),
        replace(policy, rules=policy.rules[::-1]),
        replace(policy, waivers=None),
        replace(policy, break_glass=None),
        replace(policy, waivers=replace(policy.waivers, otherwise=SPAN)),
        replace(policy, break_glass=replace(policy.break_glass, longest=SPAN)),
    ]
    assert [field.name for field in fields(policy)] == [
        "name",
        "gates",
        "rules",
        "waivers",
        "break_glass",
    ]
    assert len({policy.digest, *(one.digest for one in others)}) == len(others) + 1


SAME = [
    ("[author, requester]", "[requester, author]"),
    ("groups: [appsec, owners]", "groups: [owners, appsec]"),
    ("{critical: 14d, high: 30d, otherwise: 90d}", "{otherwise: 90d, critical: 336h, high: 30d}"),
    ("announce: [14d, 3d, 1d]", "announce: [1d, 3d, 14d]"),
    ("  announce: [14d, 3d, 1d]\n", ""),
    ("days: mon-fri", "days: [fri, tue-thu, mon]"),
    ("target: main", "target: refs/heads/main"),
    ("    unknown_author: deny\n", ""),
    ("{critical: 7d, high: 30d}", "{high: 30d, critical: 7d}"),
    ("where: 'f.severity == \"high\"'", 'where: |\n      f.severity == "high"\n'),
    ("where: 'f.severity == \"high\"'", 'where: "f.severity == \\"high\\""'),
    ("applies_to: {repositories: [acme/*], ", "applies_to: {repositories: ['acme/*'], "),
    ("version: 1", "# why\nversion: 1"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_means_the_same_has_the_same_digest(old: str, new: str) -> None:
    assert old in PEOPLE
    assert load(PEOPLE.replace(old, new, 1)).digest == load(PEOPLE).digest


def together(*texts: tuple[str, str]) -> Policy:
    return load_policies(
        [PolicyText(file, text) for file, text in texts], checks=CHECKS, groups=GROUPS
    )


def test_names_and_order_of_files_are_not_in_the_digest() -> None:
    first = together(("a.yaml", FRAME), ("b.yaml", PEOPLE))
    second = together(("z/x.yaml", PEOPLE), ("y.yaml", FRAME))
    assert first == second
    assert first.digest == second.digest
    assert first.name == "people + strict"


def test_no_digest_leaves_out_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="no digest covers a float"):
        digest_of((1.5,))
    with pytest.raises(TypeError, match="no digest covers a object"):
        digest_of(object())
