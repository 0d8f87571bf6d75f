"""Cases beside a policy: read, judged, and refused where they say something nobody knows."""

from textwrap import dedent

import pytest

from devsecops_eda.cases import Checked, check_case, read_cases
from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.model import People, Person
from devsecops_eda.policy import Policy, load_policy

CHECKS = ("commit", "safety", "semgrep")
PEOPLE = People(
    persons=(
        Person("ada", users=("ada",), emails=("ada@example.org",)),
        Person("grace", users=("grace",)),
        Person("linus", users=("linus",), emails=("linus@example.org",)),
    ),
    groups={"appsec": frozenset({"ada", "grace"}), "owners": frozenset({"linus"})},
)
POLICY = """\
version: 1
name: cased
within: 30m
gates: {merge: {}, deploy: {}}
waivers: {granters: [appsec], max: {critical: 14d, high: 30d, otherwise: 90d}}
rules:
  - {id: read, kind: scan, gates: [merge], check: commit}
  - {id: code, kind: findings, gates: [merge], check: semgrep, at_most: {high: 0}, new_only: true}
  - {id: parts, kind: findings, gates: [merge], check: safety, at_most: {high: 0}}
  - {id: seen, kind: coverage, gates: [merge], check: semgrep, of: changed_files, mode: warn}
  - {id: merged, kind: decision, gates: [deploy], gate: merge}
  - {id: hours, kind: window, gates: [deploy], zone: Europe/Paris,
     open: [{days: [mon, tue, wed, thu], from: "09:00", until: "17:00"}]}
  - {id: people, kind: approvals, gates: [deploy], n: 2, groups: [appsec, owners],
     exclude: [author, requester], deadline: 24h}
"""


def policy() -> Policy:
    return load_policy(POLICY, file="cased.yaml", checks=CHECKS, groups=PEOPLE.groups)


def checked(cases: str) -> list[Checked]:
    made = policy()
    text = dedent(cases)
    found = read_cases(text, file="cased.test.yaml", policy=made, checks=CHECKS, people=PEOPLE)
    return [check_case(case, made, CHECKS, lambda _, facts: facts) for case in found]


GOOD = """\
    cases:
      - name: a push that brings nothing in is let through
        given: {gate: merge}
        expect: {verdict: allow, requirements: {code: satisfied, seen: satisfied}}
      - name: a new serious finding stops it
        given:
          gate: merge
          outcomes: [{check: semgrep, findings: [{severity: high}]}]
        expect: {verdict: deny, requirements: {code: failed, parts: satisfied}}
      - name: an old one does not
        given:
          gate: merge
          outcomes: [{check: semgrep, findings: [{severity: high, new: false}]}]
        expect: {verdict: allow}
      - name: a waiver of another person holds
        given:
          gate: merge
          outcomes: [{check: semgrep, findings: [{name: sql, severity: high}]}]
          waivers: [{finding: sql, requested_by: linus, granted_by: ada, expires: 7d}]
        expect: {verdict: allow, requirements: {code: waived}}
      - name: one that ended does not, and that is said
        given:
          gate: merge
          outcomes: [{check: semgrep, findings: [{name: sql, severity: high}]}]
          waivers:
            - {finding: sql, requested_by: linus, granted_by: ada, granted: 2d, expired: 1d}
        expect: {verdict: deny, requirements: {code: failed}}
      - name: one's own does not
        given:
          gate: merge
          outcomes: [{check: semgrep, findings: [{name: sql, severity: high}]}]
          waivers: [{finding: sql, requested_by: ada, granted_by: ada, expires: 7d}]
        expect: {verdict: deny}
      - name: a failed scan is nobody's fault and no allow
        given:
          gate: merge
          outcomes: [{check: semgrep, failed: timeout}]
        expect: {verdict: error, requirements: {code: errored}}
      - name: a silent check is waited for
        given:
          gate: merge
          outcomes: [{check: semgrep, silent: true}]
        expect: {verdict: pending, requirements: {code: running}}
      - name: and not for ever
        given:
          gate: merge
          pushed: 31m
          outcomes: [{check: semgrep, silent: true}]
        expect: {verdict: error, requirements: {code: missing}}
      - name: a removed manifest is told from none
        given:
          gate: merge
          outcomes: [{check: safety, nothing: true, nothing_before: false}]
        expect: {verdict: deny, requirements: {parts: not_applicable}}
      - name: two people let it go out
        given:
          gate: deploy
          environment: prod
          author: linus@example.org
          requesters: [ci]
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada, age: 5m}, {by: grace, age: 1m}]
          pushed: 10m
        expect: {verdict: allow, requirements: {people: satisfied, hours: satisfied}}
      - name: a job asked for what is to go somewhere, if nothing else is said
        given:
          gate: deploy
          environment: prod
          author: linus@example.org
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada}, {by: grace}]
        expect: {verdict: allow}
      - name: whoever asked for it is none of them
        given:
          gate: deploy
          environment: prod
          author: linus@example.org
          requesters: [ada]
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada}, {by: grace}]
        expect: {verdict: deny, requirements: {people: failed}}
      - name: what nobody asked for is not voted on
        given:
          gate: deploy
          environment: prod
          author: linus@example.org
          requesters: nobody
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada}, {by: grace}]
        expect: {requirements: {people: failed}}
      - name: the author is none of them
        given:
          gate: deploy
          author: linus@example.org
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada}, {by: linus}]
        expect: {verdict: pending, requirements: {people: running}}
      - name: a veto ends it
        given:
          gate: deploy
          author: linus@example.org
          decisions: [{gate: merge, verdict: allow}]
          votes: [{by: ada, vote: reject}]
        expect: {verdict: deny, requirements: {people: failed}}
      - name: not on a Friday
        given:
          gate: deploy
          now: "2026-01-09T12:00:00Z"
          decisions: [{gate: merge, verdict: allow}]
        expect: {verdict: deny, requirements: {hours: failed}}
      - name: a decision about the commit is none about the artifact built from it
        given:
          gate: deploy
          subject: artifact
          decisions: [{gate: merge, verdict: deny}]
        expect: {verdict: pending, requirements: {merged: running}}
"""


def test_each_case_comes_out_as_it_says() -> None:
    wrong = {one.case.name: one.wrong for one in checked(GOOD) if not one.passed}
    assert not wrong


def test_what_is_not_as_expected_is_said_in_a_sentence() -> None:
    (one,) = checked(
        """\
        cases:
          - name: wrong on purpose
            given: {gate: merge, outcomes: [{check: semgrep, findings: [{severity: high}]}]}
            expect:
              verdict: allow
              requirements: {code: satisfied, hours: satisfied}
              absent: [parts]
        """
    )
    assert not one.passed
    verdict, code, hours, parts = one.wrong
    assert verdict.startswith("the verdict is deny, expected was allow: deny")
    assert code.startswith("code is failed, expected was satisfied: ")
    assert hours == "hours gives no line here, expected was satisfied"
    assert parts == "parts is satisfied, expected was no line of it"
    assert one.case.place == "cased.test.yaml:2"


def test_of_a_verdict_that_is_another_it_is_said_what_is_in_the_way() -> None:
    (one,) = checked(
        """\
        cases:
          - name: wrong on purpose
            given: {gate: merge, outcomes: [{check: semgrep, findings: [{severity: high}]}]}
            expect: {verdict: allow}
        """
    )
    verdict, code = one.wrong
    assert verdict.startswith("the verdict is deny, expected was allow: deny")
    assert code.startswith("code is failed: 1 ")


@pytest.mark.parametrize(
    ("case", "place", "words"),
    [
        ("given: {gate: mergo}, expect: {verdict: allow}", ":1:", "did you mean merge?"),
        ("given: {gate: merge}, expect: {}", ":1:", "expects nothing"),
        ("given: {gate: merge}, expect: {verdict: allowed}", ":1:", "did you mean allow?"),
        (
            "given: {gate: merge}, expect: {requirements: {cod: failed}}",
            ":1:",
            "did you mean code?",
        ),
        (
            "given: {gate: merge, outcomes: [{check: semgrap}]}, expect: {verdict: allow}",
            ":1:",
            "did you mean semgrep?",
        ),
        (
            "given: {gate: merge, requesters: ada}, expect: {verdict: allow}",
            "cases[0].given.requesters",
            "must be a list of requesters, or nobody, not 'ada'",
        ),
        (
            "given: {gate: merge, votes: [{by: adda}]}, expect: {verdict: allow}",
            ":1:",
            "did you mean ada?",
        ),
        (
            "given: {gate: merge, waivers: [{granted_by: ada}]}, expect: {verdict: allow}",
            ":1:",
            "names one of finding, advisory",
        ),
        (
            "given: {gate: merge, now: 2026-01-01}, expect: {verdict: allow}",
            ":1:",
            "must be an instant in quotes",
        ),
    ],
)
def test_what_nobody_knows_is_refused_with_its_place(case: str, place: str, words: str) -> None:
    with pytest.raises(InvalidPolicyError) as refused:
        checked(f"cases: [{{name: wrong, {case}}}]")
    assert place in str(refused.value)
    assert words in str(refused.value)


def test_a_file_without_cases_is_refused() -> None:
    with pytest.raises(InvalidPolicyError, match="must name at least one"):
        checked("cases: []")
