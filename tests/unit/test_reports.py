"""Reports: what they say, and that nothing from outside acts in them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from devsecops_eda.model import Gap, Mode, RequirementState, Severity, Subject, Verdict
from devsecops_eda.reports import (
    FORMATS,
    plain,
    render_decision,
    render_decision_json,
    render_json,
    render_sarif,
    render_scan,
)
from devsecops_eda.reports.decision import STATES, VERDICTS
from devsecops_eda.reports.sarif import FINGERPRINT, LEVELS, SCORES
from tests.results import (
    FAILED,
    INJECTION,
    OLD_PACKAGE,
    SAFETY,
    SECRET,
    SEMGREP,
    Scanned,
    decision,
    requirement,
)

HOSTILE = "x\x1b[2J\r\n::error::y ##[group]z ##vso[task]\u202egnp\u200b\x00\x9b\udc80"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_the_text_says_what_was_found_where_and_how_to_mend_it() -> None:
    text = render_scan(Scanned())
    assert text == (
        """\
app/login page.py
✗    42  high      SQL injection  python-sql-injection  CWE-89
                   The query is put together from the request.
                   to mend: Use a parameterised query.
      3  medium    A key stands in the code.  python-hardcoded-secret  """
        """CWE-798: Use of Hard-coded Credentials

requirements.txt
      -  critical  A YAML document can run code  CVE-2020-14343  CWE-20
                   pyyaml 5.3: fixed in 5.4, 6.0

3 findings in 2 files: 1 critical, 1 high, 1 medium

  safety (safety 3.7.0): 1 finding, looked at 1 of 1 file, data of 2026-03-02
  semgrep (semgrep 1.182.0): 2 findings, looked at 11 of 12 files
    not looked at: app/huge.js: larger than 5 MB

DENY  gate merge: acme/app@3f1c9a4be07d into main
  ✗ failed          findings: 1 finding of severity high or above
                    since 2026-03-02 09:30 UTC
                    to mend: mend it, or ask for a waiver
  ✓ satisfied       scans [warn only]: all looked
  policy default (sha256:aaaaaaaaaaaa), decided 2026-03-02 09:30:20 UTC
"""
    )


def test_a_check_without_verdict_never_reads_like_a_clean_one() -> None:
    text = render_scan(Scanned(outcomes=(FAILED,)))
    assert "! no verdict  safety (safety 3.7.0): no_data: there is no vulnerability" in text
    assert "0 findings" not in text
    assert "no findings; no verdict from safety" in text


def test_a_decision_by_itself_lists_the_blocking_findings_and_counts_the_rest() -> None:
    text = render_decision(decision(blocking_total=60), colour=False)
    assert "high app/login page.py:42 python-sql-injection: SQL injection" in text
    assert "and 59 more blocking findings" in text


def test_code_is_shown_from_the_readers_own_checkout_but_no_line_that_may_hold_a_secret() -> None:
    asked: list[tuple[str, int]] = []

    def line_of(path: str, line: int) -> str:
        asked.append((path, line))
        return "    cursor.execute(query)\x1b[2J"

    nameless = replace(INJECTION, cwe=(), line=7, fingerprint="f:1:3")
    outcome = replace(SEMGREP, findings=(INJECTION, SECRET, nameless))
    text = render_scan(Scanned(outcomes=(outcome, SAFETY)), line_of=line_of)
    assert "| cursor.execute(query)\\x1b[2J" in text
    assert asked == [(INJECTION.path, INJECTION.line)]


@pytest.mark.parametrize("state", RequirementState)
def test_only_what_is_satisfied_is_green(state: RequirementState) -> None:
    green = "\x1b[32m" in render_decision(
        decision(Verdict.PENDING, (requirement(state),)), colour=True
    )
    assert green is (state is RequirementState.SATISFIED)


def test_every_state_and_verdict_has_a_look_of_its_own() -> None:
    assert set(STATES) == set(RequirementState)
    assert len({look.symbol for look in STATES.values()}) == len(STATES)
    assert set(VERDICTS) == set(Verdict)


def test_a_rule_that_does_not_block_is_not_red() -> None:
    shown = render_decision(
        decision(Verdict.ALLOW, (requirement(RequirementState.FAILED, mode=Mode.WARN),)),
        colour=True,
    )
    assert "\x1b[31m" not in shown
    assert "[warn only]" in shown


def test_without_colour_there_is_no_escape_and_with_it_the_same_words() -> None:
    scanned = Scanned(notes=("a note",))
    bare = render_scan(scanned, colour=False)
    assert "\x1b" not in bare
    assert COLOUR.sub("", render_scan(scanned, colour=True)) == bare


def hostile() -> Scanned:
    bad = replace(
        INJECTION,
        rule=HOSTILE,
        path=HOSTILE,
        message=HOSTILE + "m",
        title=HOSTILE,
        help=HOSTILE,
        fix=HOSTILE,
        cwe=(HOSTILE,),
    )
    package = replace(
        OLD_PACKAGE,
        package=replace(
            OLD_PACKAGE.package,  # type: ignore[type-var]
            name=HOSTILE,
            version=HOSTILE,
            fixed_versions=(HOSTILE,),
        ),
    )
    blocked = requirement(RequirementState.FAILED, id_=HOSTILE, blocking=(bad,), solution=HOSTILE)
    outcome = replace(
        SEMGREP,
        findings=(bad, package),
        coverage=replace(SEMGREP.coverage, gaps=(Gap(HOSTILE, HOSTILE),)),
    )
    failed = replace(
        FAILED,
        failure=replace(FAILED.failure, detail=HOSTILE),  # type: ignore[type-var]
    )
    about = Subject.commit(HOSTILE, "a" * 40)
    judged = replace(
        decision(requirements=(blocked,), subject=about),
        message=HOSTILE,
        target=HOSTILE,
        environment=HOSTILE,
        policy=HOSTILE,
        gate=HOSTILE,
    )
    return Scanned(judged, (outcome, failed), about, (HOSTILE,))


def test_nothing_from_outside_acts_in_a_terminal_or_a_ci_log() -> None:
    scanned = hostile()
    for text in (
        render_scan(scanned, line_of=lambda _path, _line: HOSTILE),
        render_decision(scanned.decision, colour=False),
    ):
        for line in lines(text):
            assert line.isprintable(), line
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line
            assert "##vso[" not in line
    assert FORMATS.keys() == {"text", "json", "sarif", "junit", "gitlab", "github"}


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_documents_are_ascii_without_control_characters(name: str) -> None:
    text = FORMATS[name](hostile())
    assert text.isascii()
    assert all(line.isprintable() for line in lines(text))
    json.loads(text)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a/b c.py", "a/b c.py"),
        ("ünïcode ✓", "ünïcode ✓"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202eabc", "\\u202eabc"),
        ("::set-output name=x::y", "\\x3a:set-output name=x::y"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("a::b", "a::b"),
        ("a ##[x]", "a \\x23#[x]"),
        ("##vso[x]", "\\x23#vso[x]"),
        ("## title", "## title"),
    ],
)
def test_what_cannot_be_seen_or_would_act_is_spelled_out(given: str, shown: str) -> None:
    assert plain(given) == shown


def test_the_json_has_a_version_and_every_finding_with_its_check() -> None:
    document = json.loads(render_json(Scanned(notes=("n",))))
    assert document["version"] == 1
    assert document.keys() == {
        *("version", "subject", "decision", "checks", "findings", "notes", "incomplete"),
    }
    assert document["subject"] == {
        "kind": "commit",
        "repo": "acme/app",
        "revision": "3f1c9a4be07d5526c1a8e92b7d64f0a3158ce9d2",
    }
    assert [(f["check"], f["rule"], f["severity"]) for f in document["findings"]] == [
        ("safety", "CVE-2020-14343", "critical"),
        ("semgrep", "python-hardcoded-secret", "medium"),
        ("semgrep", "python-sql-injection", "high"),
    ]
    assert document["decision"]["verdict"] == "deny"
    assert document["decision"]["evaluated_at"] == "2026-03-02T09:30:20Z"
    assert document["decision"]["requirements"][0]["blocking"][0]["line"] == 42
    assert document["checks"][1]["coverage"] == {
        "eligible": 12,
        "scanned": 11,
        "left_out": 0,
        "gaps": [{"path": "app/huge.js", "reason": "larger than 5 MB"}],
    }
    assert json.loads(render_decision_json(decision()))["decision"] == document["decision"]


def test_a_sarif_result_carries_place_level_and_both_fingerprints() -> None:
    run = json.loads(render_sarif(Scanned()))["runs"][1]
    assert run["tool"]["driver"]["name"] == "semgrep"
    result = next(r for r in run["results"] if r["ruleId"] == "python-sql-injection")
    assert result["level"] == "error"
    assert result["partialFingerprints"][FINGERPRINT] == INJECTION.fingerprint
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "app/login%20page.py"
    assert place["region"] == {"startLine": 42, "startColumn": 9, "endLine": 44}
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == "python-sql-injection"
    assert rule["help"]["text"].endswith("To mend: Use a parameterised query.")
    assert rule["properties"]["security-severity"] == "8.0"
    assert rule["properties"]["tags"] == ["security", "CWE-89", "external/cwe/cwe-089"]


def test_a_sarif_result_about_a_whole_file_has_no_region() -> None:
    run = json.loads(render_sarif(Scanned()))["runs"][0]
    assert "region" not in run["results"][0]["locations"][0]["physicalLocation"]


def test_a_failed_check_is_a_sarif_run_that_was_not_successful() -> None:
    (run,) = json.loads(render_sarif(Scanned(outcomes=(FAILED,))))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["message"]["text"].startswith("no_data: ")


def test_a_gap_is_a_sarif_notification_with_the_files_place() -> None:
    (run,) = json.loads(render_sarif(Scanned(outcomes=(SEMGREP,))))["runs"]
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["descriptor"] == {"id": "gap"}
    location = notification["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "app/huge.js"


def test_foreign_words_make_no_link_in_a_sarif_message() -> None:
    bad = replace(INJECTION, message="see [here](https://evil.example/)")
    outcome = replace(SEMGREP, findings=(bad,))
    assert "](" not in render_sarif(Scanned(outcomes=(outcome,)))


def test_every_severity_has_a_level_and_a_score_that_rise_with_it() -> None:
    assert set(LEVELS) == set(SCORES) == set(Severity)
    rated = [float(SCORES[s]) for s in sorted(Severity) if s is not Severity.UNKNOWN]
    assert rated == sorted(rated)
    assert LEVELS[Severity.UNKNOWN] == "error"


def test_the_order_of_findings_and_checks_changes_no_report() -> None:
    turned = (SAFETY, replace(SEMGREP, findings=SEMGREP.findings[::-1]))
    assert render_sarif(Scanned()) == render_sarif(Scanned(outcomes=turned))
    assert render_scan(Scanned()) == render_scan(Scanned(outcomes=turned))
