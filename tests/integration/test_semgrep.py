"""The real semgrep in the real sandbox, on trees that try to fool it."""

import json
import os
import subprocess

import pytest

from devsecops_eda.checks import CheckSettings
from devsecops_eda.checks.semgrep import Semgrep
from devsecops_eda.checks.targets import Targets
from devsecops_eda.errors import FailureReason
from devsecops_eda.model import OutcomeStatus, Severity
from devsecops_eda.scanners import environment, program
from tests.scanlab import NOW, Lab, found

RULES = {
    "py.yaml": """
rules:
  - id: py-eval
    languages: [python]
    severity: ERROR
    message: eval of $X
    pattern: eval($X)
    fix: literal_eval($X)
    metadata: {cwe: "CWE-95: Eval", confidence: HIGH, title: eval, fix: Parse it.}
  - id: py-secret
    languages: [python]
    severity: HIGH
    message: the secret is $X
    pattern: password = "$X"
    metadata: {cwe: ["CWE-798"]}
""",
    "others.yaml": """
rules:
  - {id: js-eval, languages: [js, ts], severity: HIGH, message: m, pattern: eval($X)}
  - {id: rx, languages: [regex], severity: LOW, message: m, pattern-regex: BEGIN KEY,
     paths: {include: ["*.conf", "/etc/*.ini", "secrets/"], exclude: ["*.sample.conf"]}}
  - {id: gen, languages: [generic], severity: LOW, message: m, pattern: server_tokens on,
     paths: {include: ["*.nginx"]}}
  - {id: docker, languages: [dockerfile], severity: LOW, message: m, pattern: "ADD http://... $X"}
  - {id: yaml, languages: [yaml], severity: MEDIUM, message: m, pattern: "debug: true"}
  - {id: json, languages: [json], severity: WARNING, message: m, pattern: '"debug": true'}
""",
}


@pytest.fixture
def semgrep_lab(lab: Lab) -> Lab:
    rules = lab.write("rules", RULES)
    lab.checks = {"semgrep": CheckSettings("semgrep", rules=(rules,), timeout_s=120)}
    return lab


def test_nothing_in_the_repository_blinds_semgrep(semgrep_lab: Lab) -> None:
    bad = "eval(x)\n"
    outcome = semgrep_lab.scan(
        Semgrep(),
        {
            "app.py": bad,
            "nosem.py": "eval(x)  # nosemgrep\n",
            "tests/t.py": bad,
            "node_modules/m.js": bad,
            "vendor/v.py": bad,
            ".semgrepignore": "*\n",
            ".gitignore": "*\n",
            "inner/HEAD": "ref: refs/heads/main\n",
            "inner/config": "[core]\n\tbare = true\n\tfsmonitor = touch /tmp/owned\n",
            "--config=evil.py": bad,
            "-r.py": bad,
            "tab\there\nnewline.py": bad,
        },
    )

    assert {path for _, path, _ in found(outcome)} == {
        "app.py",
        "nosem.py",
        "tests/t.py",
        "node_modules/m.js",
        "vendor/v.py",
        "--config=evil.py",
        "-r.py",
        r"tab\x09here\x0anewline.py",
    }
    assert outcome.coverage.complete
    assert outcome.tool.version == "1.182.0"


def test_what_semgrep_cannot_read_is_a_gap(semgrep_lab: Lab) -> None:
    outcome = semgrep_lab.scan(
        Semgrep(),
        {
            "good.py": "eval(x)\n",
            "broken.py": "eval(x)\ny = (\n",
            "utf7.py": "#!/usr/bin/python\n# -*- coding: utf-7 -*-\neval(x)\n",
            "big.py": "# " + "x" * 1_100_000 + "\neval(x)\n",
            "lfs.py": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "lib.min.js": "eval(x)\n",
            "deep.py": "x = " + "(" * 3000 + ")" * 3000 + "\neval(x)\n",
        },
    )

    assert {("py-eval", "good.py", 1), ("py-eval", "broken.py", 1)} <= found(outcome)
    gaps = {gap.path: gap.reason for gap in outcome.coverage.gaps}
    assert gaps.pop("deep.py", None) is None or ("py-eval", "deep.py", 2) in found(outcome)
    assert gaps.keys() == {"broken.py", "utf7.py", "big.py", "lfs.py", "lib.min.js"}
    assert gaps["broken.py"] == "parsed only in part (line 2)"
    assert gaps["utf7.py"] == "declared_coding: utf-7"
    assert not outcome.coverage.complete


def test_programs_without_an_ending_are_scanned_under_their_own_names(semgrep_lab: Lab) -> None:
    outcome = semgrep_lab.scan(
        Semgrep(),
        {
            "bin/tool": "#!/usr/bin/env python3\n\neval(x)\n",
            "bin/old": "#!/usr/bin/python2.7 -u\neval(x)\n",
            "bin/web": "#!/usr/bin/env -S node --harmony\neval(x)\n",
            "bin/shell": "#!/bin/sh\neval x\n",
            "README": "eval(x)\n",
        },
    )

    assert found(outcome) == {
        ("py-eval", "bin/tool", 3),
        ("py-eval", "bin/old", 2),
        ("js-eval", "bin/web", 2),
    }
    assert (outcome.coverage.eligible, outcome.coverage.scanned) == (3, 3)


NAMES = [
    *("a.py", "a.pyi", "a.pyw", "a.ipynb", "a.js", "a.jsx", "a.mjs", "a.cjs", "a.ts", "a.tsx"),
    *("a.mts", "a.cts", "a.vue", "a.min.js", "a.d.ts", "A.PY", "Dockerfile", "dockerfile"),
    *("web.Dockerfile", "web.dockerfile", "Dockerfile.dev", "Containerfile", "aDockerfile"),
    *("a.yml", "a.yaml", "a.json", "a.conf", "a.sample.conf", "deep/a.conf", "etc/a.ini"),
    *("x/etc/a.ini", "secrets/key", "x/secrets/y/key", "a.nginx", "a.txt", "plain", ".yml"),
]


def test_eligible_are_exactly_the_files_semgrep_takes(semgrep_lab: Lab) -> None:
    files = dict.fromkeys(NAMES, "x\n")
    plan_tree = semgrep_lab.write("tree", files)
    rules = Semgrep().inputs(semgrep_lab.checks["semgrep"], now=NOW).files["rules.json"]
    config = semgrep_lab.tmp / "rules.json"
    config.write_bytes(rules)
    done = subprocess.run(
        [
            program("semgrep", state_dir=semgrep_lab.state_dir),
            *("scan", "--experimental", "--json", "--quiet", "--metrics=off"),
            *("--disable-version-check", "--x-ignore-semgrepignore-files", "--no-git-ignore"),
            *(f"--config={config}", "--", plan_tree),
        ],
        capture_output=True,
        check=True,
        cwd=semgrep_lab.tmp,
        env={**os.environ, **environment("semgrep", state_dir=semgrep_lab.state_dir)},
    )

    scanned = {os.path.relpath(p, plan_tree) for p in json.loads(done.stdout)["paths"]["scanned"]}
    targets = Targets.of(json.loads(rules)["rules"])
    assert {name for name in NAMES if targets.takes(name)} == scanned


def test_a_finding_says_what_the_rule_says_and_no_code(semgrep_lab: Lab) -> None:
    outcome = semgrep_lab.scan(
        Semgrep(), {"a.py": 'def f():\n    password = "hunter2"\n    eval(1)\n'}
    )

    by_rule = {finding.rule: finding for finding in outcome.findings}
    assert by_rule["py-eval"].message == "eval of $X"
    assert by_rule["py-eval"].title == "eval"
    assert by_rule["py-eval"].severity is Severity.HIGH
    assert by_rule["py-eval"].cwe == ("CWE-95",)
    assert by_rule["py-eval"].fix == "Parse it."
    assert by_rule["py-secret"].line == 2
    assert "hunter2" not in repr(outcome)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("{id: r, languages: [python], severity: LOW, message: m, pattern: 'f('}", "r"),
        ("{id: r, languages: [klingon], severity: LOW, message: m, pattern: f()}", "r"),
        ("{id: r, languages: [python], severity: LOW, message: m}", "r"),
    ],
)
def test_a_rule_that_cannot_run_is_no_verdict(semgrep_lab: Lab, rule: str, word: str) -> None:
    good = "{id: good, languages: [python], severity: LOW, message: m, pattern: eval(...)}"
    rules = semgrep_lab.write("own", {"r.yaml": f"rules: [{good}, {rule}]"})
    semgrep_lab.checks["semgrep"] = CheckSettings("semgrep", rules=(rules,))

    outcome = semgrep_lab.scan(Semgrep(), {"a.py": "eval(x)\n"})

    assert outcome.failure is not None, outcome
    assert outcome.failure.reason is FailureReason.MISCONFIGURED
    assert word in outcome.failure.detail


def test_the_shipped_rules_run(semgrep_lab: Lab) -> None:
    semgrep_lab.checks.clear()

    outcome = semgrep_lab.scan(
        Semgrep(), {"a.py": "import os\n\n\ndef f(x):\n    eval(x)\n", "b.js": "1\n"}
    )

    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    assert outcome.coverage.complete
    assert outcome.rules_digest


def test_a_tree_without_source_is_not_applicable(semgrep_lab: Lab) -> None:
    assert not semgrep_lab.scan(Semgrep(), {"README.md": "x"}).applicable
