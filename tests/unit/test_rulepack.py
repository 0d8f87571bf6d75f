"""The rule pack: what it refuses, what its digest means, and what each of our rules carries."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import Confidence, Severity
from devsecops_eda.rulepack import RulePack, build_pack, pack_of, shipped_rules

RULES = Path(str(shipped_rules()))
OURS = sorted(p for p in RULES.glob("*/*.yaml") if not p.name.endswith(".test.yaml"))

ONE = """\
rules:
  - id: one
    languages: [python]
    severity: ERROR
    message: Not so.
    pattern: f()
    metadata: {cwe: "CWE-89: SQL", confidence: HIGH, title: One, help: Why., fix: How.}
"""
TWO = ONE.replace("id: one", "id: two")


def _rule(path: Path) -> dict[str, object]:
    (rule,) = YAML(typ="safe", pure=True).load(path.read_text())["rules"]
    return rule  # type: ignore[no-any-return]


def _fixture(path: Path) -> Path:
    (fixture,) = (p for p in path.parent.glob(f"{path.stem}.*") if p != path)
    return fixture


def test_two_rules_with_one_id_are_refused_by_the_names_of_both_files() -> None:
    with pytest.raises(ConfigurationError, match=r"rule one stands in a\.yaml and in b\.yaml"):
        pack_of([("a.yaml", ONE), ("b.yaml", ONE)])


def test_the_digest_does_not_depend_on_order_layout_or_notation() -> None:
    as_json = json.dumps(YAML(typ="safe", pure=True).load(TWO), indent=4)
    first = pack_of([("a.yaml", ONE), ("b.yaml", TWO)])
    second = pack_of([("z.json", as_json), ("y.yaml", "# a comment\n" + ONE)])
    assert first == second
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", first.digest)


def test_the_digest_changes_when_a_rule_does() -> None:
    assert (
        pack_of([("a.yaml", ONE)]).digest != pack_of([("a.yaml", ONE.replace("f()", "g()"))]).digest
    )


def test_the_pack_is_json_that_holds_every_rule() -> None:
    pack = pack_of([("b.yaml", TWO), ("a.yaml", ONE)])
    assert [r["id"] for r in json.loads(pack.json)["rules"]] == ["one", "two"]
    assert [r.id for r in pack.rules] == ["one", "two"]


def test_a_rule_is_told_in_our_words() -> None:
    (info,) = pack_of([("a.yaml", ONE)]).rules
    assert (info.title, info.help, info.fix) == ("One", "Why.", "How.")
    assert (info.severity, info.confidence) == (Severity.HIGH, Confidence.HIGH)
    assert info.cwe == ("CWE-89",)


def test_an_operators_rule_without_our_metadata_is_taken() -> None:
    bare = {"id": "x", "languages": ["python"], "severity": "ODD", "message": "m"}
    (info,) = pack_of([("x.json", json.dumps({"rules": [bare]}))]).rules
    assert (info.title, info.help, info.fix, info.cwe) == ("x", "m", "", ())
    assert (info.severity, info.confidence) == (Severity.UNKNOWN, Confidence.UNKNOWN)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "rules: [", "line 1"),
        ("a.yaml", "", "no list `rules:`"),
        ("a.yaml", "rules: []", "no list `rules:`"),
        ("a.yaml", "rules:\n  - severity: HIGH\n", "needs an `id`"),
        ("a.yaml", "rules:\n  - id: a\n", "needs `message` and `severity`"),
        ("a.yaml", ONE.replace("f()", "2026-01-01"), "cannot be read"),
        ("a.yaml", ONE + "    pattern: g()\n", "duplicate key"),
        ("a.yaml", ONE.split("metadata")[0] + "metadata: odd\n", "not a mapping"),
        ("a.json", "{", "cannot be read"),
        ("a.json", "[" * 100_000, "cannot be read"),
    ],
)
def test_a_broken_rule_file_is_refused_by_name(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(name)) as refusal:
        pack_of([(name, text)])
    assert said in str(refusal.value)


def test_a_folder_without_rules_or_without_being_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(ConfigurationError, match="holds no rule files"):
        build_pack([tmp_path])
    with pytest.raises(ConfigurationError, match="No such file"):
        build_pack([tmp_path / "missing"])


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"rules: \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        build_pack([tmp_path])


def test_a_pack_without_rules_cannot_be_made() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        pack_of([])
    with pytest.raises(ConfigurationError, match="empty"):
        RulePack(json=b"{}", digest="sha256:", rules=())


def test_folders_are_read_to_their_depth_without_test_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.yaml").write_text(ONE)
    (tmp_path / "deep" / "one.test.yaml").write_text("not: a rule")
    (tmp_path / ".hidden.yaml").write_text("not: a rule")
    own = tmp_path / "own"
    own.mkdir()
    (own / "two.json").write_text(json.dumps(YAML(typ="safe", pure=True).load(TWO)))
    assert [r.id for r in build_pack([tmp_path]).rules] == ["one", "two"]


def test_an_operators_folder_joins_ours(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(ONE)
    ours = build_pack([shipped_rules()])
    both = build_pack([shipped_rules(), tmp_path])
    assert len(ours.rules) >= 40
    assert {r.id for r in both.rules} - {r.id for r in ours.rules} == {"one"}


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.stem)
def test_each_of_our_rules_is_complete(path: Path) -> None:
    rule = _rule(path)
    assert rule["id"] == path.stem
    assert re.fullmatch(r"(python|javascript|config)(-[a-z0-9]+)+", path.stem)
    assert path.stem.split("-")[0] == path.parent.name
    assert rule["severity"] in {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
    metadata = rule["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["category"] == "security"
    assert metadata["confidence"] in {"HIGH", "MEDIUM", "LOW"}
    assert metadata["cwe"]
    assert all(re.fullmatch(r"CWE-\d+: \S.+", c) for c in metadata["cwe"])
    assert len(metadata["title"]) <= 70
    assert metadata["help"].endswith(".")
    assert metadata["fix"].endswith(".")


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.stem)
def test_no_message_carries_matched_text(path: Path) -> None:
    # semgrep would put the code in the place of `$X`: with it the secret a rule is about.
    rule = _rule(path)
    assert "$" not in str(rule["message"])
    assert "$" not in str(rule["metadata"]["title"])  # type: ignore[index]


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.stem)
def test_each_of_our_rules_has_positive_and_negative_lines_beside_it(path: Path) -> None:
    text = _fixture(path).read_text()
    assert len(re.findall(rf"\bruleid: {path.stem}$", text, re.MULTILINE)) >= 2
    assert len(re.findall(rf"\bok: {path.stem}$", text, re.MULTILINE)) >= 2


def test_no_test_file_lacks_its_rule() -> None:
    stems = {p.stem for p in OURS}
    others = {p for p in RULES.glob("*/*") if p.is_file() and p not in OURS}
    assert {p.name.removesuffix(".test.yaml").split(".")[0] for p in others} == stems
