"""The adapter of semgrep: which files, which call, what its report means."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.checks import CheckSettings, Plan
from devsecops_eda.checks.semgrep import MAX_TARGET_BYTES, Semgrep
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Confidence, Gap, Severity
from tests.scantree import DATA, plan, recorded, tree

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FILES = {
    "app.py": 'def f(x):\n    eval(x)\n    password = "hunter2"\n',
    "broken.py": "eval(x)\ny = (\n",
    "bin/tool": "#!/usr/bin/env python3\neval(1)\n",
    "clean.py": "",
    "README": "#!/usr/bin/env python3 is how a program begins",
}


@pytest.fixture
def settings(tmp_path: Path) -> CheckSettings:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "r.yaml").write_bytes((DATA / "semgrep/rules.yaml").read_bytes())
    return CheckSettings("semgrep", rules=(rules,))


@pytest.fixture
def planned(tmp_path: Path, settings: CheckSettings) -> Plan:
    check = Semgrep()
    selection = check.select(tree({k: v for k, v in FILES.items() if k != "README"}), settings)
    return plan(tmp_path, selection, check.inputs(settings, now=NOW), settings)


def changed(planned: Plan, **parts: Any) -> bytes:
    document = json.loads(recorded("semgrep/findings.json", planned))
    return json.dumps({**document, **parts}).encode()


def test_a_report_becomes_findings_and_an_account_of_files(planned: Plan) -> None:
    report = Semgrep().parse(recorded("semgrep/findings.json", planned), planned)

    assert report.version == "1.182.0"
    assert {(f.rule, f.path, f.line, f.column) for f in report.findings} == {
        ("py-eval", "/scan/tree/app.py", 2, 5),
        ("py-secret", "/scan/tree/app.py", 3, 5),
        ("py-eval", "/scan/tree/broken.py", 1, 1),
        ("py-eval", "/scan/tree/bin/tool", 2, 1),
    }
    assert report.scanned == frozenset({f"/scan/tree/{name}" for name in FILES if name != "README"})
    assert report.gaps == (Gap("/scan/tree/broken.py", "parsed only in part (line 2)"),)


def test_what_a_finding_says_comes_from_the_rule(planned: Plan) -> None:
    report = Semgrep().parse(recorded("semgrep/findings.json", planned), planned)
    code, secret = (
        next(f for f in report.findings if f.rule == rule) for rule in ("py-eval", "py-secret")
    )

    assert (code.message, code.title, code.fix) == ("eval of $X", "Eval of input", "Parse it.")
    assert (code.severity, code.confidence) == (Severity.HIGH, Confidence.HIGH)
    assert code.cwe == ("CWE-95",)
    assert secret.message == "the secret is $X"
    assert secret.severity is Severity.CRITICAL
    assert "hunter2" not in repr(report)


def test_nothing_found_is_not_nothing_looked_at(planned: Plan) -> None:
    report = Semgrep().parse(recorded("semgrep/nothing.json", planned), planned)

    assert report.findings == ()
    assert report.scanned == frozenset({"/scan/tree/clean.py"})


def test_a_rule_that_semgrep_cannot_run_is_the_operators_to_mend(planned: Plan) -> None:
    with pytest.raises(CheckError, match="rule r: rule parse error") as raised:
        Semgrep().parse(recorded("semgrep/bad-rule.json", planned), planned)

    assert raised.value.reason is FailureReason.MISCONFIGURED


def error(kind: object, **more: object) -> dict[str, object]:
    return {"code": 2, "level": "warn", "type": kind, "message": "m", **more}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"errors": [error("A new kind", path="/scan/tree/app.py")]}, FailureReason.BAD_OUTPUT),
        ({"errors": [error("Fatal error")]}, FailureReason.CRASHED),
        ({"errors": [error("Out of memory")]}, FailureReason.CRASHED),
        ({"errors": [error(["PatternParseError", []])]}, FailureReason.MISCONFIGURED),
        ({"skipped_rules": [{"rule_id": "r"}]}, FailureReason.MISCONFIGURED),
        ({"results": [{"check_id": "unknown"}]}, FailureReason.BAD_OUTPUT),
        ({"results": None}, FailureReason.BAD_OUTPUT),
        ({"paths": {}}, FailureReason.BAD_OUTPUT),
        ({"errors": [{}]}, FailureReason.BAD_OUTPUT),
    ],
)
def test_a_word_we_do_not_know_stops_us(
    planned: Plan, parts: dict[str, Any], reason: FailureReason
) -> None:
    with pytest.raises(CheckError) as raised:
        Semgrep().parse(changed(planned, **parts), planned)

    assert raised.value.reason is reason


@pytest.mark.parametrize("output", [b"", b"Traceback", b"[]", b"\xff", b"{}", b"[" * 100_000])
def test_what_is_no_report_is_bad_output(planned: Plan, output: bytes) -> None:
    with pytest.raises(CheckError) as raised:
        Semgrep().parse(output, planned)

    assert raised.value.reason is FailureReason.BAD_OUTPUT


@pytest.mark.parametrize("kind", ["Timeout", "Syntax error", "Stack overflow", "Out of memory"])
def test_a_file_that_semgrep_gave_up_is_a_gap_that_reads_the_same_every_time(
    planned: Plan, kind: str
) -> None:
    broken = changed(planned, errors=[error(kind, path="/scan/tree/app.py")] * 2)

    (gap,) = Semgrep().parse(broken, planned).gaps

    assert gap.path == "/scan/tree/app.py"
    assert "/scan" not in gap.reason


def test_no_file_of_the_repository_has_a_say_in_the_call(planned: Plan) -> None:
    argv = Semgrep().command(planned)

    assert {
        "--disable-nosem",
        "--x-ignore-semgrepignore-files",
        "--no-git-ignore",
        "--metrics=off",
        "--disable-version-check",
        "--no-rewrite-rule-ids",
        f"--max-target-bytes={MAX_TARGET_BYTES}",
    } <= set(argv)
    assert argv[argv.index("--") + 1 :] == [
        "/scan/tree",
        str(planned.generated / "script-000000.py"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "eligible", "gap"),
    [
        ("a.py", "x", True, None),
        ("a.js", "x", False, None),
        ("README", "text", False, None),
        ("tool", "#!/usr/bin/python3\n", True, None),
        ("tool", "#! /usr/bin/env -S python3.12 -u\n", True, None),
        ("tool", "#!/bin/bash\n", False, None),
        (".hidden", "#!/usr/bin/python\n", True, None),
        ("tool.txt", "#!/usr/bin/python\n", False, None),
        ("a.py", "x" * (MAX_TARGET_BYTES + 1), False, "larger than 1000000 bytes"),
        ("a.py", "version https://git-lfs.github.com/spec/v1\n", True, "a git LFS pointer: "),
        ("a.py", "# coding: utf-7\n", True, "declared_coding: utf-7"),
        ("a.py", "#!/usr/bin/python\n# vim: set fileencoding=cp037 :\n", True, "declared_coding"),
        ("a.py", "\ufeff# coding=shift_jis\n", True, "declared_coding: shift-jis"),
        ("a.py", "\r\n# coding: UTF_7\r\n", True, "declared_coding: utf-7"),
        ("tool", "#!/usr/bin/python\n# coding: utf-7\n", True, "declared_coding"),
        ("a.py", "# coding: Latin-1\n", True, None),
        ("a.py", "# a coding: hunter2-horse\n", True, "declared_coding: unknown"),
        ("a.py", "# -*- coding: utf-8-unix -*-\n", True, "declared_coding"),
        ("a.py", "x = 1\n# coding: utf-7\n", True, None),
        ("a.py", "\n\n# coding: utf-7\n", True, None),
    ],
)
def test_what_is_eligible_and_what_is_a_gap(
    settings: CheckSettings, name: str, content: str, eligible: bool, gap: str | None
) -> None:
    selection = Semgrep().select(tree({name: content}), settings)

    assert selection.eligible == ((name,) if eligible else ())
    assert len(selection.gaps) == (gap is not None)
    assert gap is None or selection.gaps[0].reason.startswith(gap)


def test_a_minified_script_is_a_gap_where_scripts_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "rules: [{id: a, languages: [javascript], severity: LOW, message: m, pattern: f()}]"
    )
    settings = CheckSettings("semgrep", rules=(tmp_path,))

    selection = Semgrep().select(tree({"a.min.js": "", "b.js": "", "c.py": ""}), settings)

    assert selection.eligible == ("b.js",)
    assert selection.gaps == (Gap("a.min.js", "minified: semgrep passes over it"),)


def test_inputs_are_equal_exactly_when_the_rules_are(settings: CheckSettings) -> None:
    first = Semgrep().inputs(settings, now=NOW)
    assert first == Semgrep().inputs(settings, now=datetime(2030, 1, 1, tzinfo=UTC))

    (settings.rules[0] / "more.yaml").write_text(
        "rules: [{id: more, languages: [python], severity: LOW, message: m, pattern: f()}]"
    )

    assert Semgrep().inputs(settings, now=NOW).rules_digest != first.rules_digest
