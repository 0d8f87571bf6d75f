"""Several documents are one policy; and how a file or a folder becomes one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from devsecops_eda.cli.policy_source import configured_policy, policy_texts
from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.model import EventType, People
from devsecops_eda.policy import PolicyText, default_policy_text, load_policies, load_policy
from devsecops_eda.policy.loading.document import MAX_POLICY_BYTES
from devsecops_eda.policy.loading.policies import MAX_DOCUMENTS, MAX_RULES
from devsecops_eda.settings import GateSettings, Settings
from tests.judging import CHECKS
from tests.policy_files import FRAME, GROUPS, PEOPLE, load_all, refused_all

SCAN = "version: 1\nname: {name}\nwithin: 5m\n{more}gates: {gates}\nrules:\n{rules}"


def document(name: str, *rules: str, gates: str = "{merge: {}}", more: str = "") -> str:
    """A document with the rules, each written as the inside of a flow map."""
    lines = "".join(f"  - {{{rule}}}\n" for rule in rules)
    return SCAN.format(name=name, more=more, gates=gates, rules=lines)


def scan(name: str, more: str = "") -> str:
    return f"id: {name}, kind: scan, gates: [merge], check: semgrep{more}"


def waits(gate: str, other: str) -> str:
    return f"id: {gate}-{other}, kind: decision, gates: [{gate}], gate: {other}"


def test_all_documents_are_one_policy_by_the_names_they_have() -> None:
    policy = load_all(document("b", scan("two")), document("a", scan("one")))
    assert policy.name == "a + b"
    assert [(one.id, one.policy) for one in policy.rules] == [("one", "a"), ("two", "b")]
    assert load_all(document("a", scan("one"))).name == "a"


def test_the_name_of_many_documents_is_short_enough_to_be_told() -> None:
    names = [f"{at:03}-{60 * 'x'}" for at in range(9)]
    policy = load_all(*(document(name, scan(name)) for name in names))
    assert policy.name == f"{names[0]} + 8 more"
    assert load_all(*(document(f"d{at:02}", scan(f"r{at}")) for at in range(30))).name.endswith(
        " + 10 more"
    )


def test_a_gate_is_asked_by_whatever_any_document_says() -> None:
    asked = document("a", scan("one"), gates="{merge: {asked_by: [commit.pushed]}}")
    policy = load_all(asked, document("b", scan("two")))
    assert policy.gate_names == ("merge",)
    assert policy.asked_by(EventType.COMMIT_PUSHED) == ("merge",)


def test_a_rule_may_name_the_gates_of_another_document() -> None:
    deploys = document("b", waits("deploy", "merge"), gates="{deploy: {}}")
    policy = load_all(document("a", scan("one")), deploys)
    assert policy.gate_names == ("deploy", "merge")
    # A gate that one names is judged by the rules of another.
    load_all(document("a", scan("one")), document("b", scan("two"), gates="{merge: {}}"))


ONLY_ACME = "applies_to: {repositories: [acme/*]}\n"
BESIDE = ", applies_to: {environments: [prod]}"
BOTH = ", applies_to: {repositories: [acme/*], environments: [prod]}"
REFUSED = [
    (
        (document("a", scan("x")), document("a", scan("v"))),
        "1.yaml:2:7: name: 'a' is the name of the policy in 0.yaml already: one name, one document",
    ),
    (
        (document("a", scan("x")), document("b", scan("v"), scan("x"))),
        "1.yaml:7:5: rules[1]: the policy 'a' has a rule 'x' that applies to the same (0.yaml:6)",
    ),
    (
        (document("a", scan("x"), more=ONLY_ACME), document("b", scan("x"), more=ONLY_ACME)),
        "rules[0]: the policy 'a' has a rule 'x' that applies to the same",
    ),
    (
        # What the one document says at its top, the other says in the rule.
        (
            document("a", scan("x", BESIDE), more=ONLY_ACME),
            document("b", scan("x", BOTH)),
        ),
        "the policy 'a' has a rule 'x' that applies to the same",
    ),
    (
        (
            document("a", waits("merge", "deploy")),
            document("b", waits("deploy", "merge"), gates="{deploy: {}}"),
        ),
        "wait for each other are never decided: merge waits for deploy, deploy waits for merge",
    ),
    (
        (document("a", scan("x")), document("b", scan("v"), gates="{merge: {}, mrege: {}}")),
        "1.yaml:4:20: gates.mrege: no rule judges this gate",
    ),
    (
        (document("a", scan("x")), document("b", scan("v").replace("[merge]", "[mrege]"))),
        "1.yaml:6:33: rules[0].gates[0]: there is no gate 'mrege'; did you mean merge?",
    ),
    (
        (PEOPLE, PEOPLE.replace("name: people", "name: other").replace("acme/*", "other/*")),
        "0.yaml:7:3: waivers: the policy 'other' has terms for waivers already",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "words"), REFUSED, ids=[words[:60] for _, words in REFUSED])
def test_documents_that_do_not_go_together_are_refused(texts: tuple[str, ...], words: str) -> None:
    assert words in refused_all(*texts)


def test_the_same_id_is_fine_for_something_else() -> None:
    load_all(document("a", scan("x")), document("b", scan("x"), more=ONLY_ACME))
    load_all(document("a", scan("x")), document("b", scan("x", BESIDE)))


def test_a_longer_circle_of_gates_is_refused_and_a_long_way_is_taken() -> None:
    gates = [f"g{at}" for at in range(200)]
    named = "{" + ", ".join(f"{gate}: {{}}" for gate in (*gates, "merge")) + "}"
    ways = [waits(gate, other) for gate, other in pairwise(gates)]
    load_all(document("a", *ways, waits("g199", "merge"), scan("x"), gates=named))
    message = refused_all(document("a", *ways, waits("g199", "g150"), scan("x"), gates=named))
    assert "gates that wait for each other are never decided: " in message
    assert "g199 waits for g150" in message


def test_a_gate_has_as_many_rules_as_a_decision_has_lines() -> None:
    half = [scan(f"r{at}") for at in range(MAX_RULES // 2)]
    rest = [scan(f"s{at}") for at in range(MAX_RULES // 2)]
    load_all(document("a", *half), document("b", *rest))
    # Rules of one id share a line.
    load_all(document("a", *half), document("b", *half, *rest, more=ONLY_ACME))
    message = refused_all(document("a", *half), document("b", *rest, scan("one-more")))
    assert f"the gate 'merge' has more than {MAX_RULES} rules" in message


def test_documents_are_some_and_not_too_many() -> None:
    with pytest.raises(InvalidPolicyError, match="there is no policy document"):
        load_policies((), checks=CHECKS, groups=GROUPS)
    texts = [PolicyText(f"{at}", document(f"d{at}", scan(f"r{at}"))) for at in range(257)]
    load_policies(texts[:MAX_DOCUMENTS], checks=CHECKS, groups=GROUPS)
    with pytest.raises(InvalidPolicyError, match=f"at most {MAX_DOCUMENTS}"):
        load_policies(texts, checks=CHECKS, groups=GROUPS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "state", people=People(groups=GROUPS))


def test_a_folder_holds_a_document_in_each_file(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    (folder / "more").mkdir(parents=True)
    for name, text in (
        ("b.yaml", document("one", scan("x"))),
        ("a.yaml", document("two", scan("v"))),
        ("a.test.yaml", "cases: []"),
        (".hidden.yaml", "no policy"),
        ("README.md", "words"),
        ("more/c.yaml", "no policy"),
    ):
        (folder / name).write_text(text)
    texts = policy_texts(settings, folder)
    assert [Path(one.file).name for one in texts] == ["a.yaml", "b.yaml"]
    named = replace(settings, gate=GateSettings(folder))
    assert configured_policy(named) == configured_policy(settings, folder)
    assert configured_policy(named).name == "one + two"


def test_a_file_is_one_document_and_knows_the_groups(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(PEOPLE)
    assert policy_texts(settings, file) == (PolicyText(str(file), PEOPLE),)
    assert configured_policy(settings, file).name == "people"
    nobody = Settings(tmp_path)
    with pytest.raises(InvalidPolicyError, match=r"no group 'appsec'; there are none: \[groups\]"):
        configured_policy(nobody, file)


def test_without_a_file_it_is_the_built_in_policy(settings: Settings) -> None:
    assert policy_texts(settings) == (PolicyText("the built-in policy", default_policy_text()),)
    assert configured_policy(settings).name == "default"


def test_what_cannot_be_read_is_refused_by_its_name(settings: Settings, tmp_path: Path) -> None:
    empty, mixed = tmp_path / "empty", tmp_path / "mixed"
    for folder in (empty, mixed):
        folder.mkdir()
    (mixed / "a.yaml").write_text(FRAME)
    (mixed / "b.yml").write_text(FRAME)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    (tmp_path / "large.yaml").write_bytes(MAX_POLICY_BYTES * b"#" + b"\xc3\xa4")
    for source, words in (
        (tmp_path / "none.yaml", "none.yaml: cannot be read: No such file"),
        (empty, r"empty: there is no policy document \(\*\.yaml\) in it"),
        (mixed, r"b\.yml: the documents of a folder end in \.yaml"),
        (tmp_path / "latin.yaml", "cannot be read: it is no UTF-8"),
        (tmp_path / "large.yaml", f"large.yaml: has more than {MAX_POLICY_BYTES} bytes"),
    ):
        with pytest.raises(InvalidPolicyError, match=words):
            configured_policy(settings, source)


def test_the_short_form_is_the_long_one() -> None:
    text = PolicyText("p.yaml", PEOPLE)
    short = load_policy(PEOPLE, file="p.yaml", checks=CHECKS, groups=GROUPS)
    assert short == load_policies((text,), checks=CHECKS, groups=GROUPS)
