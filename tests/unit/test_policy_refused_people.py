"""People, windows, other gates and terms in a policy: what is refused, and where."""

from __future__ import annotations

import re

import pytest

from tests.policy_files import PEOPLE, as_read_elsewhere, load, refused, schema

SEEN, OURS = True, False
"""Whether the schema sees that it is wrong, or the program alone."""

# What stands in the document; what it is changed to, what the refusal says, who sees it.
Rows = dict[str, list[tuple[str, str, bool]]]

SELECTORS: Rows = {
    "applies_to: {repositories: [acme/*],": [
        ("applies_to: {repositorys: [acme/*],", "did you mean repositories?", SEEN),
    ],
    "[acme/*]": [
        ("[]", "repositories: must name at least one of the patterns", SEEN),
        ("acme/*", "must be a list of patterns, not the text 'acme/*'", SEEN),
        ("['!acme/x']", "'!acme/x' is no pattern", SEEN),
        ("['acme/[x']", "'acme/[x' is no pattern", SEEN),
        ("['acme/{a,b}']", "'acme/{a,b}' is no pattern", SEEN),
        ("['a b']", "'a b' is no pattern", SEEN),
        ("[acme/*, acme/*]", "'acme/*' stands in this list a second time", SEEN),
        (f"[{201 * 'x'}]", "at most 200 letters", SEEN),
    ],
    "environments: [prod], branch": [
        ("environments: [on], branch", "'on' without quotes is true or false", OURS),
        ("environments: [Prod], branch", "matches nothing: environments are named in lower", OURS),
    ],
    "branch: protected": [
        ("branch: main", "there is no class of branches 'main'", SEEN),
        ("branch: unprotcted", "did you mean unprotected?", SEEN),
    ],
    "    applies_to: {environments: [prod]}": [
        ("    applies_to: {}", "rules[3].applies_to: must name at least one", SEEN),
        ("    applies_to: {branch: unprotected}", "applies to protected branches: this", OURS),
    ],
}
PREDICATES: Rows = {
    "f.severity ==": [
        ("f.severty ==", "18:15: rules[1].where: there is no name 'f.severty'; did", OURS),
    ],
    "where: 'f.severity == \"high\"'": [
        ("where: ''", "rules[1].where: must not be empty", SEEN),
        ("where: 'f.line'", "comes to a value of type int, not to true or false", OURS),
        ("where: true", "'true' without quotes is true or false", SEEN),
        ("where: [a]", "rules[1].where: must be text, not a list", SEEN),
        (f"where: 'f.path == {2042 * '1'}'", "at most 2048 characters, this has 2052", SEEN),
    ],
    "fix_available: true": [
        ("fix_available: yes", "must be true or false, not true or false ('yes')", SEEN),
        ("fix_available: 'true'", "fix_available: must be true or false", SEEN),
    ],
    "{critical: 7d, high: 30d}": [
        ("{}", "leeway: must name at least one of the severities", SEEN),
        ("{critical: 7}", "leeway.critical: must be a span of time", SEEN),
        ("{otherwise: 7d}", "there is no severity 'otherwise'", SEEN),
    ],
    "leeway: {critical: 7d, high: 30d}": [
        ("leeway: 7d", "must be severities with their values, not the text '7d'", SEEN),
    ],
}
APPROVALS: Rows = {
    "n: 2": [
        ("n: 0", "rules[2].n: 0 votes are no approval: at least 1", SEEN),
        ("n: true", "rules[2].n: must be a whole number", SEEN),
        ("n: two", "rules[2].n: must be a whole number", SEEN),
        ("n: 101", "101 people have to vote, at most 100", SEEN),
        ("n: 4", "24:8: rules[2].n: 4 have to vote, but 3 people are in appsec, owners", OURS),
    ],
    "    n: 2\n": [
        ("", "rules[2]: the key 'n' is missing", SEEN),
    ],
    "groups: [appsec, owners]": [
        ("groups: []", "must name at least one of the groups", SEEN),
        ("groups: [appsecc, owners]", "there is no group 'appsecc'; did you mean appsec?", OURS),
        ("groups: [appsec, appsec]", "'appsec' stands in this list a second time", SEEN),
        ("groups: [appsec, retired]", "nobody is in the group 'retired'", OURS),
    ],
    "at_least: {appsec: 1}": [
        ("at_least: {appsec: 0}", "0 of a group is no condition: leave it out", SEEN),
        ("at_least: {appsec: 2, owners: 1}", "3 seats are more than the 2 who have to vote", OURS),
        ("at_least: {oncall: 1}", "there is no group of this rule 'oncall'", OURS),
        ("at_least: {}", "at_least: must name at least one of the groups", SEEN),
    ],
    "[author, requester]": [
        ("[author, author]", "'author' stands in this list a second time", SEEN),
        ("[authors]", "there is no exclusion 'authors'; did you mean author?", SEEN),
        ("[]", "exclude: to let everybody vote write nobody, without brackets", SEEN),
        ("[nobody]", "exclude: to let everybody vote write nobody, without brackets", SEEN),
        ("none", "must be a list of author, committers, requester, or nobody, not 'none'", SEEN),
        ("no", "exclude: 'no' without quotes is true or false", SEEN),
    ],
    "unknown_author: deny": [
        ("unknown_author: no", "there is no answer 'no'", SEEN),
        ("unknown_author: refuse", "there is no answer 'refuse'", SEEN),
    ],
    "    deadline: 24h\n": [
        ("", "rules[2]: the key 'deadline' is missing", SEEN),
    ],
    "deadline: 24h": [
        ("deadline: 22:00", "rules[2].deadline: must be a span of time", SEEN),
    ],
    "    unknown_author": [
        ("    check: semgrep\n    unknown_author", "rules[2].check: there is no such key", SEEN),
    ],
}
WINDOWS: Rows = {
    "Europe/Paris": [
        ("Europe/Pariss", "no time zone 'Europe/Pariss'; did you mean Europe/Paris?", OURS),
        ("CEST", "there is no time zone 'CEST'", OURS),
        ("localtime", "there is no time zone 'localtime'", OURS),
        ("../Paris", "there is no time zone '../Paris'", OURS),
    ],
    "    zone: Europe/Paris\n": [
        ("", "the key 'zone' is missing", SEEN),
    ],
    'from: "09:00"': [
        ("from: 09:00", 'of day in quotes, as "09:00", not a number to the base 60', OURS),
        ('from: "9:00"', "must be a time of day in quotes, as \"09:00\", not '9:00'", SEEN),
        ('from: "24:00"', 'only until may be "24:00"', SEEN),
    ],
    'until: "17:00"': [
        ("until: 22:00", "must be a time of day in quotes", OURS),
        ('until: "24:01"', "must be a time of day", SEEN),
        ('until: "09:00"', "37:47: rules[3].open[0].until: is from: no hour, or all of", OURS),
        ('until: "17:00:00"', "must be a time of day", SEEN),
    ],
    "days: mon-fri": [
        ("days: mon-fry", "there is no day of the week 'fry'; did you mean fri?", SEEN),
        ("days: Mon", "there is no day of the week 'Mon'; did you mean mon?", SEEN),
        ("days: mon-mon", "one day, or a week? write mon, or mon-sun", SEEN),
        ("days: [mon-wed, tue]", "tue stands here a second time", OURS),
        ("days: []", "must name at least one of the days", SEEN),
    ],
    "days: mon-fri, ": [
        ("", "the key 'days' is missing", SEEN),
        ("day: mon, ", "there is no such key; did you mean days?", SEEN),
    ],
    '["2026-12-20", "2027-01-03"]': [
        ("[2026-12-20, 2027-01-03]", 'in quotes, as "2026-12-24", not a date', SEEN),
        ('"2026-02-30"', "must be a day in quotes, as \"2026-12-24\", not '2026-02-30'", OURS),
        ('["2027-01-03", "2026-12-20"]', "the last day is before the first", OURS),
        ('["2026-12-20", "2027-01-03", "2027-01-04"]', "dates are the first day and the", SEEN),
        ("[]", "must name at least one of the days", SEEN),
    ],
}
OTHER_GATES: Rows = {
    "    gate: merge": [
        ("    gate: merg", "rules[4].gate: there is no gate 'merg'; did you mean merge?", OURS),
        ("    gate: deploy", "43:11: rules[4].gate: gates that wait for each other", OURS),
    ],
    "    gate: merge\n": [
        ("", "rules[4]: the key 'gate' is missing", SEEN),
    ],
    "of: built_from": [
        ("of: changed_files", "there is no subject 'changed_files'", SEEN),
        ("of: build_from", "there is no subject 'build_from'; did you mean built_from?", SEEN),
    ],
    "target: main": [
        ("target: refs/heads/", "is no name of a branch", OURS),
        ("target: ''", "rules[4].target: must not be empty", SEEN),
    ],
    "max_age: 30d": [
        ("max_age: 30", "rules[4].max_age: must be a span of time", SEEN),
    ],
}
TERMS: Rows = {
    "granters: [appsec]": [
        ("granters: [appsek]", "granters[0]: there is no group 'appsek'; did you mean app", OURS),
        ("granters: []", "waivers.granters: must name at least one of the groups", SEEN),
        ("granters: [retired]", "nobody is in the group 'retired'", OURS),
    ],
    "  granters: [appsec]\n": [
        ("", "waivers: the key 'granters' is missing", SEEN),
    ],
    ", otherwise: 90d": [
        ("", "waivers.max: the key 'otherwise' is missing", SEEN),
    ],
    "{critical: 14d,": [
        ("{criticl: 14d,", "there is no severity 'criticl'; did you mean critical?", SEEN),
        ("{critical: 14,", "waivers.max.critical: must be a span of time", SEEN),
    ],
    "announce: [14d, 3d, 1d]": [
        ("announce: []", "must name at least one of the spans", SEEN),
        ("announce: [1d, 24h]", "1d stands in this list a second time", OURS),
        ("anounce: [14d]", "did you mean announce?", SEEN),
    ],
    "groups: [oncall], max: 8h": [
        ("groups: [oncal], max: 8h", "groups[0]: there is no group 'oncal'; did you mean", OURS),
    ],
    "max: 8h": [
        ("max: 24h1s", "break_glass.max: an override lasts at most 24h", OURS),
    ],
    "max: 8h, ": [
        ("", "break_glass: the key 'max' is missing", SEEN),
    ],
    ", review_within: 3d": [
        ("", "break_glass: the key 'review_within' is missing", SEEN),
    ],
    "[deployment.requested]": [
        ("[deployment.request]", "no event 'deployment.request'; did you mean depl", SEEN),
        ("[scan.completed]", "there are: commit.pushed, deployment.requested", SEEN),
    ],
}

REFUSED = [
    (old, *row)
    for rows in (SELECTORS, PREDICATES, APPROVALS, WINDOWS, OTHER_GATES, TERMS)
    for old, changes in rows.items()
    for row in changes
]


def test_the_document_itself_is_taken() -> None:
    load(PEOPLE)
    assert list(schema().iter_errors(as_read_elsewhere(PEOPLE))) == []


@pytest.mark.parametrize(
    ("old", "new", "words", "in_schema"),
    REFUSED,
    ids=[f"{new.strip()[:40]!r} for {old.strip()[:20]!r}" for old, new, *_ in REFUSED],
)
def test_what_is_wrong_is_refused_with_a_sentence(
    old: str, new: str, words: str, in_schema: bool
) -> None:
    assert PEOPLE.count(old) >= 1
    text = PEOPLE.replace(old, new, 1)
    message = refused(text)
    assert words in message
    assert re.match(r"p\.yaml:\d+:\d+: ", message)
    assert bool(list(schema().iter_errors(as_read_elsewhere(text)))) == in_schema
