"""Our rules on their test files, with the real scanner, both of its engines, line by line.

semgrep's own test runner says "passed" about rules it did not test. So we say ourselves which
lines must be found: a comment ``ruleid: X`` speaks of the next line that is code, ``ok: X`` of one
that must be left alone, and a line without a comment must be left alone too.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devsecops_eda.rulepack import build_pack, shipped_rules
from devsecops_eda.scanners import environment, pinned_version, program

RULES = Path(str(shipped_rules()))
MARK = re.compile(r"^\s*(?:#|//)\s*(ruleid|ok):\s*(\S+)\s*$")
DEADLINE_S = 240.0
FLAGS = (
    "--json",
    "--quiet",
    "--metrics=off",
    "--disable-version-check",
    "--no-rewrite-rule-ids",
    "--disable-nosem",
    "--x-ignore-semgrepignore-files",
    "--no-git-ignore",
    "--timeout=30",
    "--jobs=2",
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One rule at one line of one test file."""

    rule: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What one engine said."""

    version: str
    findings: frozenset[Place]
    errors: tuple[str, ...]
    scanned: frozenset[str]


def rule_tests() -> tuple[Path, ...]:
    """Every file beside a rule that is no rule."""
    return tuple(
        path
        for path in sorted(RULES.glob("*/*.*"))
        if path.name.endswith(".test.yaml") or path.suffix not in {".yaml", ".yml"}
    )


def marks(file: str, text: str) -> Iterator[tuple[str, Place]]:
    """The marks of a test file, each with the place it speaks of."""
    waiting: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if mark := MARK.match(line):
            waiting.append((mark[1], mark[2]))
        elif line.strip():
            yield from ((word, Place(rule, file, number)) for word, rule in waiting)
            waiting = []
    assert not waiting, f"{file} ends with a mark that speaks of nothing"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test files alone: the rules themselves are YAML too."""
    tree = tmp_path_factory.mktemp("tree")
    for path in rule_tests():
        shutil.copy(path, tree / path.name)
    return tree


@pytest.fixture(scope="module", params=["classic", "experimental"])
def scan(
    request: pytest.FixtureRequest,
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
    scanner_state: Path,
) -> Scan:
    """The whole pack over all test files in one run, with the flags the product uses."""
    empty = tmp_path_factory.mktemp("empty")
    pack = tmp_path_factory.mktemp("pack") / "rules.json"
    pack.write_bytes(build_pack([shipped_rules()]).json)
    engine = ["--experimental"] if request.param == "experimental" else []
    done = subprocess.run(
        [
            program("semgrep", state_dir=scanner_state),
            "scan",
            *engine,
            *FLAGS,
            "--config",
            pack,
            tree,
        ],
        cwd=empty,
        env={
            **os.environ,
            **environment("semgrep", state_dir=scanner_state),
            "HOME": str(empty),
        },
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[:2000] + done.stderr.decode()[-2000:]
    said = json.loads(done.stdout)
    return Scan(
        version=said["version"],
        findings=frozenset(
            Place(r["check_id"], Path(r["path"]).name, r["start"]["line"]) for r in said["results"]
        ),
        errors=tuple(str(e["message"]) for e in said["errors"]),
        scanned=frozenset(Path(p).name for p in said["paths"]["scanned"]),
    )


def test_a_mark_speaks_of_the_next_line_that_is_code() -> None:
    text = "# ruleid: a\n\n# ok: b\nbad()\n  // ok: a\ngood()\n"
    assert list(marks("f", text)) == [
        ("ruleid", Place("a", "f", 4)),
        ("ok", Place("b", "f", 4)),
        ("ok", Place("a", "f", 6)),
    ]


def test_every_rule_is_tested_both_ways() -> None:
    said = [m for path in rule_tests() for m in marks(path.name, path.read_text())]
    for word in ("ruleid", "ok"):
        rules = {place.rule for kind, place in said if kind == word}
        assert rules == {info.id for info in build_pack([shipped_rules()]).rules}


def test_the_scanner_read_every_test_file_without_a_complaint(scan: Scan) -> None:
    assert scan.version == pinned_version("semgrep")
    assert scan.errors == ()
    assert scan.scanned == {path.name for path in rule_tests()}


def test_each_rule_finds_what_it_must_and_nothing_else(scan: Scan) -> None:
    must = {
        place
        for path in rule_tests()
        for word, place in marks(path.name, path.read_text())
        if word == "ruleid"
    }
    # Another rule may rightly speak of a line in a file that is not its own.
    own = {place for place in scan.findings if place.file.split(".")[0] == place.rule}
    assert sorted(must - own) == [], "not found"
    assert sorted(own - must) == [], "found and should not be"
