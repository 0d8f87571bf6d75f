"""From the text of a file of cases to cases, or to an error that names the place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from devsecops_eda.cases.given import (
    Case,
    Expected,
    Given,
    GivenDecision,
    GivenFinding,
    GivenOutcome,
    GivenVote,
    GivenWaiver,
)
from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    Ballot,
    Package,
    People,
    RequirementState,
    Severity,
    SubjectKind,
    Verdict,
)
from devsecops_eda.policy import Policy
from devsecops_eda.policy.loading.document import read_yaml
from devsecops_eda.policy.loading.reading import At

VERSION = 1
_NOBODY = "nobody"
MAX_CASES = 1000

_GIVEN = (
    *("gate", "subject", "repository", "known", "target", "protected", "environment", "now"),
    *("pushed", "base", "author", "committers", "changed", "requesters", "outcomes", "votes"),
    *("waivers", "decisions"),
)
_OUTCOME = ("check", "findings", "failed", "silent", "nothing", "nothing_before", "gaps", "age")
_FINDING = ("name", "severity", "rule", "path", "line", "new", "package", "fix", "cwe")
_PACKAGE = ("name", "version", "ecosystem", "advisory", "aliases", "fixed_versions", "published")
_WAIVER = (
    *("finding", "advisory", "package", "requirement", "requested_by", "granted_by", "granted"),
    *("expires", "expired", "revoked"),
)


@dataclass(frozen=True, slots=True)
class _Frame:
    policy: Policy
    checks: Collection[str]
    people: People


def read_cases(
    text: str, *, file: str, policy: Policy, checks: Collection[str], people: People
) -> tuple[Case, ...]:
    """Return the cases in ``text``; names in them are those of ``policy``, checks and people.

    Raises:
        InvalidPolicyError: with file, line, column, key path and the nearest valid name.
    """
    frame = _Frame(policy, checks, people)
    top = At(read_yaml(text, file=file), "").fields(("version", "cases"), required=("cases",))
    if "version" in top and top["version"].number() != VERSION:
        raise top["version"].refusal(f"this program reads version {VERSION} only")
    items = top["cases"].items("cases")
    if len(items) > MAX_CASES:
        raise items[MAX_CASES].refusal(f"a file has at most {MAX_CASES} cases")
    return tuple(_case(item, frame) for item in items)


def _case(at: At, frame: _Frame) -> Case:
    fields = at.fields(("name", "given", "expect"), required=("name", "given", "expect"))
    place = at.node.place
    return Case(
        name=fields["name"].text(),
        place=f"{place.file}:{place.line}",
        given=_given(fields["given"], frame),
        expected=_expected(fields["expect"], frame),
    )


def _given(at: At, frame: _Frame) -> Given:
    fields = at.fields(_GIVEN, required=("gate",))
    values: dict[str, Any] = {"gate": _known(fields["gate"], "gate", frame.policy.gate_names)}
    values["people"] = frame.people
    for key in ("repository", "target", "environment", "author"):
        if key in fields:
            values[key] = fields[key].text()
    for key in ("known", "protected", "base"):
        if key in fields:
            values[key] = fields[key].flag()
    for key in ("committers", "changed"):
        if key in fields:
            values[key] = _texts(fields[key], key)
    if "requesters" in fields:
        values["requesters"] = _requesters(fields["requesters"])
    if "subject" in fields:
        values["kind"] = fields["subject"].word(SubjectKind, "kind of subject")
    if "now" in fields:
        values["at"] = fields["now"].instant()
    if "pushed" in fields:
        values["pushed"] = fields["pushed"].duration()
    values["outcomes"] = _each(fields, "outcomes", _outcome, frame)
    values["votes"] = _each(fields, "votes", _vote, frame)
    values["waivers"] = _each(fields, "waivers", _waiver, frame)
    values["decisions"] = _each(fields, "decisions", _decision, frame)
    return Given(**values)


def _texts(at: At, noun: str) -> tuple[str, ...]:
    return tuple(item.text() for item in at.items(noun))


def _requesters(at: At) -> tuple[str, ...]:
    if at.is_list():
        return _texts(at, "requesters")
    if at.text() != _NOBODY:
        raise at.refusal(f"must be a list of requesters, or {_NOBODY}, not {at.text()!r}")
    return ()


def _each(fields: Mapping[str, At], key: str, read: Any, frame: _Frame) -> tuple[Any, ...]:
    if key not in fields:
        return ()
    return tuple(read(item, frame) for item in fields[key].items(key))


def _outcome(at: At, frame: _Frame) -> GivenOutcome:
    fields = at.fields(_OUTCOME, required=("check",))
    values: dict[str, Any] = {"check": _known(fields["check"], "check", frame.checks)}
    for key in ("silent", "nothing", "nothing_before"):
        if key in fields:
            values[key] = fields[key].flag()
    if "failed" in fields:
        values["failed"] = fields["failed"].word(FailureReason, "reason")
    if "gaps" in fields:
        values["gaps"] = tuple(item.text() for item in fields["gaps"].items("paths"))
    if "age" in fields:
        values["age"] = fields["age"].duration()
    if "findings" in fields:
        items = fields["findings"].items("findings")
        values["findings"] = tuple(_finding(item, number) for number, item in enumerate(items, 1))
    return GivenOutcome(**values)


def _finding(at: At, number: int) -> GivenFinding:
    fields = at.fields(_FINDING, required=("severity",))
    values: dict[str, Any] = {"name": f"finding-{number}"}
    for key in ("name", "rule", "path", "fix"):
        if key in fields:
            values[key] = fields[key].text()
    words = {severity.word: severity for severity in Severity}
    values["severity"] = words[_known(fields["severity"], "severity", words)]
    if "line" in fields:
        values["line"] = fields["line"].number()
    if "new" in fields:
        values["new"] = fields["new"].flag()
    if "cwe" in fields:
        values["cwe"] = tuple(item.text() for item in fields["cwe"].items("weaknesses"))
    if "package" in fields:
        values["package"] = _package(fields["package"])
    return GivenFinding(**values)


def _package(at: At) -> Package:
    fields = at.fields(_PACKAGE, required=("name", "version"))
    values: dict[str, Any] = {}
    for key in ("name", "version", "ecosystem", "advisory"):
        if key in fields:
            values[key] = fields[key].text()
    for key in ("aliases", "fixed_versions"):
        if key in fields:
            values[key] = tuple(item.text() for item in fields[key].items(key))
    if "published" in fields:
        values["published"] = fields["published"].instant()
    return Package(**values)


def _vote(at: At, frame: _Frame) -> GivenVote:
    fields = at.fields(("by", "vote", "age"), required=("by",))
    return GivenVote(
        by=_person(fields["by"], frame),
        vote=fields["vote"].word(Ballot, "vote") if "vote" in fields else Ballot.APPROVE,
        age=fields["age"].duration() if "age" in fields else timedelta(seconds=1),
    )


def _waiver(at: At, frame: _Frame) -> GivenWaiver:
    fields = at.fields(_WAIVER)
    values: dict[str, Any] = {}
    for key in ("finding", "advisory", "package", "requirement"):
        if key in fields:
            values[key] = fields[key].text()
    for key in ("requested_by", "granted_by"):
        if key in fields:
            values[key] = _person(fields[key], frame)
    for key in ("granted", "expires", "expired"):
        if key in fields:
            values[key] = fields[key].duration()
    if "revoked" in fields:
        values["revoked"] = fields["revoked"].flag()
    if {"expires", "expired"} <= fields.keys():
        raise fields["expired"].refusal("it expires or it expired: name one of them")
    if len({"finding", "advisory", "requirement"} & fields.keys()) != 1:
        raise at.refusal("names one of finding, advisory (with package) or requirement")
    if ("advisory" in fields) != ("package" in fields):
        raise at.refusal("an advisory is waived for one package: name both")
    return GivenWaiver(**values)


def _decision(at: At, frame: _Frame) -> GivenDecision:
    fields = at.fields(("gate", "verdict", "target", "age"), required=("gate", "verdict"))
    return GivenDecision(
        gate=_known(fields["gate"], "gate", frame.policy.gate_names),
        verdict=fields["verdict"].word(Verdict, "verdict"),
        target=fields["target"].text() if "target" in fields else "main",
        age=fields["age"].duration() if "age" in fields else timedelta(seconds=1),
    )


def _expected(at: At, frame: _Frame) -> Expected:
    fields = at.fields(("verdict", "requirements", "absent"))
    if not fields:
        raise at.refusal("expects nothing: name a verdict or requirements")
    ids = {rule.id for rule in frame.policy.rules}
    states: dict[str, RequirementState] = {}
    if "requirements" in fields:
        entries = fields["requirements"].entries("requirements")
        for key in fields["requirements"].key_words():
            name = _known(key, "rule", ids)
            states[name] = entries[name].word(RequirementState, "state")
    absent: tuple[str, ...] = ()
    if "absent" in fields:
        absent = tuple(_known(item, "rule", ids) for item in fields["absent"].items("rules"))
    verdict = fields["verdict"].word(Verdict, "verdict") if "verdict" in fields else None
    return Expected(verdict, states, absent)


def _known(at: At, noun: str, known: Collection[str]) -> str:
    word = at.text()
    if word not in known:
        raise at.unknown(word, noun, known)
    return word


def _person(at: At, frame: _Frame) -> str:
    return _known(at, "person", [one.name for one in frame.people.persons])
