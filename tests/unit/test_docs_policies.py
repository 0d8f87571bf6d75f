"""What the pages on policies tell to write and to run is written and run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from devsecops_eda.cli import run
from devsecops_eda.evidence import open_evidence
from devsecops_eda.ledger import open_ledger
from devsecops_eda.settings import Settings
from tests.governed import governed
from tests.judged import POLICY, commit_told, decisions, pushed, semgrep_told, take
from tests.rig.pages import ROOT, Block, blocks, named

WRITING, TESTING = "docs/writing-a-policy.md", "docs/policy-tests.md"
DEFAULT = ROOT / "devsecops_eda" / "policy" / "default.yaml"

Follow = Callable[..., list[str]]


@pytest.fixture
def follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Follow:
    """Run the commands of an example in a folder with the policy; return what each printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVSECOPS_EDA_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DEVSECOPS_EDA_GATE_POLICY", "policy.yaml")
    Path("policy.yaml").write_bytes(DEFAULT.read_bytes())

    def follow(block: Block, *codes: int, **instead: str) -> list[str]:
        said = []
        for argv, code in zip(block.commands, codes, strict=True):
            assert run([instead.get(word, word) for word in argv]) == code, argv
            said.append(capsys.readouterr().out)
        return said

    return follow


def write_cases(page: str) -> int:
    cases = named(page, "cases").text
    Path("policy.test.yaml").write_text(cases)
    return len(YAML(typ="safe").load(cases)["cases"])


def narrow() -> None:
    """Change the built-in policy as the page says."""
    yaml = YAML()
    policy = yaml.load(Path("policy.yaml"))
    (changed,) = yaml.load(named(WRITING, "changed-rule").text)
    at = [rule["id"] for rule in policy["rules"]].index(changed["id"])
    policy["rules"][at] = changed
    policy["rules"] += yaml.load(named(WRITING, "added-rule").text)
    yaml.dump(policy, Path("policy.yaml"))


def decided() -> str:
    """Let a gate decide of two commits just now; return the id of the first decision."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    ledger = open_ledger(Settings(state_dir=Path.cwd()).gate.database)
    gate = governed(
        POLICY, ledger=ledger, evidence=open_evidence(Path("evidence").resolve().as_uri())
    )
    push = pushed()
    messages = take(gate, push, commit_told(push), semgrep_told(push), now=now)
    ledger.close()
    decision = decisions(messages)[-1]
    return decision.id


def test_the_cases_of_the_page_on_tests_hold_for_the_built_in_policy(follow: Follow) -> None:
    number = write_cases(TESTING)
    checked, tested = follow(named(TESTING, "tried"), 0, 0)
    assert checked.startswith("default: 7 rules")
    assert tested.endswith(f"{number} cases, 0 not as expected\n")


def test_the_page_leads_from_the_built_in_policy_to_a_narrower_one(follow: Follow) -> None:
    narrow()
    number = write_cases(WRITING)
    _, tested = follow(named(WRITING, "tried"), 0, 0)
    assert tested.endswith(f"{number} cases, 0 not as expected\n")
    (explained,) = follow(named(WRITING, "explained"), 0)
    assert "applies no-critical-dependencies" in explained


def test_without_the_change_the_cases_of_that_page_fail(follow: Follow) -> None:
    write_cases(WRITING)
    # The rule that is added is not there yet: a case that names it is refused.
    follow(named(WRITING, "tried"), 0, 2)
    policy = Path("policy.yaml")
    added = named(WRITING, "added-rule").text
    policy.write_text(policy.read_text() + "".join(f"  {line}\n" for line in added.splitlines()))
    _, tested = follow(named(WRITING, "tried"), 0, 1)
    assert "FAIL in a test it does not" in tested
    assert tested.endswith("1 not as expected\n")


def test_the_page_on_tests_shows_which_rules_apply(follow: Follow) -> None:
    (explained,) = follow(named(TESTING, "explained"), 0)
    rules = YAML(typ="safe").load(DEFAULT)["rules"]
    assert [line.split()[:2] for line in explained.splitlines()] == [
        ["applies", rule["id"]] for rule in rules
    ]


def test_a_decision_is_shown_and_made_again_and_history_judged_by_the_new_policy(
    follow: Follow,
) -> None:
    id_ = decided()
    Path("new.yaml").write_text(POLICY)
    shown, again, judged = follow(named(TESTING, "replayed"), 0, 0, 0, ID=id_)
    assert shown.startswith("ALLOW  gate merge: acme/app@aaaa")
    assert again == f"{id_}: the same, bit for bit\n"
    assert judged.startswith("1 decision judged again under test: 0 flip")
    (told,) = follow(named(WRITING, "replayed"), 1)
    assert "allow" in told


def case(name: str, given: str, expect: str) -> str:
    return f"  - name: {name}\n    given: {{{given}}}\n    expect: {{{expect}}}\n"


DEPLOYED = (
    "gate: deploy, environment: prod, subject: artifact, author: alan@example.org,"
    " committers: [alan@example.org], decisions: [{gate: merge, verdict: allow}]"
)
BOTH = "votes: [{by: ada, vote: approve}, {by: linus, vote: approve}]"
FOUND = "gate: merge, outcomes: [{check: semgrep, findings: [{severity: high, name: f, path: %s}]}]"
WAIVED = ", waivers: [{finding: f, requested_by: linus, granted_by: ada, expires: %s}]"
SAID_OF_THE_LARGE_ONE = "version: 1\ncases:\n" + "".join(
    (
        case("two people", f"{DEPLOYED}, {BOTH}", "verdict: allow"),
        case("one alone", f"{DEPLOYED}, votes: [{{by: ada, vote: approve}}]", "verdict: pending"),
        case(
            "nobody of appsec",
            f"{DEPLOYED}, votes: [{{by: linus, vote: approve}}, {{by: alan, vote: approve}}]",
            "verdict: pending",
        ),
        case(
            "the end of the year",
            f'{DEPLOYED}, {BOTH}, now: "2026-12-24T12:00:00Z"',
            "verdict: deny, requirements: {deployment-hours: failed}",
        ),
        case("elsewhere", DEPLOYED.replace("prod", "test"), "verdict: allow, absent: [two-people]"),
        case(
            "a new one in a test",
            FOUND % "tests/a.py",
            "verdict: allow",
        ),
        case(
            "a new one elsewhere",
            FOUND % "a.py",
            "verdict: deny",
        ),
        case(
            "waived for so long",
            FOUND % "a.py" + WAIVED % "20d",
            "verdict: allow, requirements: {no-new-high-findings: waived}",
        ),
        case(
            "waived for too long",
            FOUND % "a.py" + WAIVED % "40d",
            "verdict: deny",
        ),
    )
)
CONFIGURATION = """\
[gate]
policy = "policies"
[people]
ada.users = ["ada"]
grace.users = ["grace"]
linus.users = ["linus"]
alan.emails = ["alan@example.org"]
[groups]
appsec = ["ada", "grace"]
owners = ["linus", "alan"]
oncall = ["grace"]
"""


@pytest.fixture
def documents(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both documents of the page on the policy file, and a configuration of it."""
    monkeypatch.delenv("DEVSECOPS_EDA_GATE_POLICY")
    Path("devsecops-eda.toml").write_text(CONFIGURATION)
    folder = Path("policies")
    folder.mkdir()
    for block in blocks("docs/policy.md", "yaml"):
        name = YAML(typ="safe").load(block.text)["name"]
        (folder / f"{name}.yaml").write_text(block.text)
    return folder


def test_what_the_page_on_the_file_says_of_its_large_example_is_so(
    documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "payments.yaml").unlink()
    (documents / "organisation.test.yaml").write_text(SAID_OF_THE_LARGE_ONE)
    code = run(["policy", "test"])
    said = capsys.readouterr()
    assert code == 0, said
    assert said.out.endswith("9 cases, 0 not as expected\n")


def test_the_exception_of_the_page_stands_in_place_of_one_rule_and_beside_all_others(
    documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = {}
    for repo in ("acme/payments", "acme/shop"):
        assert run(["policy", "explain", "--gate", "merge", "--repo", repo]) == 0
        lines = capsys.readouterr().out.splitlines()
        rules[repo] = {line.partition(": ")[0]: line for line in lines}
    shop, payments = rules["acme/shop"], rules["acme/payments"]
    own = ("vulnerable-dependencies (payments)", "everything-looked-at (payments)")
    assert {f"not     {one}" for one in own} <= set(shop)
    assert {f"applies {one}" for one in own} <= set(payments)
    assert {one for one in shop if one.startswith("applies")} <= set(payments)
    # Until the old findings are gone, and then without a gap.
    assert "holds until 2027-01-31" in payments["applies vulnerable-dependencies (payments)"]
    assert "holds from 2027-01-31" in payments["applies vulnerable-dependencies (organisation)"]
