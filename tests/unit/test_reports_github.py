"""The summary and the annotations of GitHub: within its limits, and foreign words only words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from devsecops_eda.model import (
    ChangedFile,
    CommitFacts,
    Finding,
    Outcome,
    RequirementState,
    Severity,
    Signature,
    Tool,
    Verdict,
)
from devsecops_eda.reports import (
    Context,
    render_annotations,
    render_github,
)
from devsecops_eda.reports.github import MAX_ANNOTATIONS, MAX_BYTES
from tests.results import (
    INJECTION,
    NOW,
    SEMGREP,
    SUBJECT,
    Scanned,
    decision,
    requirement,
)

COMMIT = Outcome(
    check="commit",
    subject=SUBJECT,
    status=SEMGREP.status,
    cause="c",
    cause_time=NOW,
    tool=Tool("git", "2"),
    coverage=replace(SEMGREP.coverage, gaps=()),
    commit=CommitFacts(
        author=Signature("a", "a@example.org"),
        committers=(),
        parents=(),
        tree_digest="sha256:" + "1" * 64,
        changed_files=(ChangedFile("changed.py", "M"),),
    ),
)


def many(number: int) -> tuple[Finding, ...]:
    return tuple(
        replace(
            INJECTION,
            path=f"old/{at}.py",
            line=at + 1,
            fingerprint=f"f:1:{at:04x}",
            severity=Severity.HIGH if at % 2 else Severity.LOW,
        )
        for at in range(number)
    )


def test_ten_annotations_at_most_the_new_ones_in_the_diff_first_and_the_rest_counted() -> None:
    mine = replace(
        INJECTION, path="changed.py", severity=Severity.LOW, fingerprint="f:1:new", column=0
    )
    scanned = Scanned(
        decision(Verdict.DENY, ()),
        (replace(SEMGREP, findings=(*many(40), mine)), COMMIT),
        context=Context(bases={"semgrep": ()}),
    )
    told = render_annotations(scanned)
    assert len(told) == MAX_ANNOTATIONS
    assert told[0] == (
        "::notice file=changed.py,line=42,endLine=44,title=SQL injection::The query is put"
        " together from the request. To mend: Use a parameterised query."
    )
    assert all("old/" in one and one.startswith("::warning ") for one in told[1:-1])
    assert told[-1].startswith("::notice title=devsecops-eda::and 32 more")


def test_what_was_there_before_and_does_not_block_is_not_annotated() -> None:
    findings = many(3)
    scanned = Scanned(
        decision(Verdict.ALLOW, ()),
        (replace(SEMGREP, findings=findings),),
        context=Context(bases={"semgrep": findings}),
    )
    assert render_annotations(scanned) == ()


def test_a_requirement_without_findings_is_annotated_too() -> None:
    line = requirement(RequirementState.MISSING, "safety-ran")
    scanned = Scanned(decision(Verdict.ERROR, (line,)), outcomes=())
    assert render_annotations(scanned) == ("::error title=safety-ran::safety-ran: it is missing",)


def test_an_annotation_is_escaped_as_github_wants_it() -> None:
    bad = replace(
        INJECTION,
        path="a,b:c%.py",
        title="50%,x:y",
        message="100% sure\n::set-output name=x::y\r",
        fix=None,
        end_line=0,
    )
    told = render_annotations(
        Scanned(decision(Verdict.ALLOW, ()), (replace(SEMGREP, findings=(bad,)),))
    )
    assert told == (
        (
            "::warning file=a%2Cb%3Ac%25.py,line=42,col=9,title=50%25%2Cx%3Ay::"
            "100%25 sure ::set-output name=x::y"
        ),
    )


def test_the_summary_keeps_to_its_budget_and_counts_what_is_left_out() -> None:
    findings = tuple(replace(one, title="x" * 400) for one in many(4000))
    text = render_github(Scanned(outcomes=(replace(SEMGREP, findings=findings),)))
    assert len(text.encode()) <= MAX_BYTES
    shown = text.count("old&#47;") + text.count("| old/")
    (left_out,) = re.findall(r"^and (\d+) more rows$", text, re.MULTILINE)
    assert shown + int(left_out) == 4000


@pytest.mark.parametrize(
    "word",
    [
        "[a](https://evil.example/)", "<img src=x>", "a | b", "`code`", "@acme/team", "#12",
        "**b**", "_i_", "~~s~~", "https://evil.example", "www.evil.example", "&lt;", "\\|",
        "$x$", "GH-1!",
    ],
)  # fmt: skip
def test_foreign_words_are_nothing_but_words_in_the_summary(word: str) -> None:
    bad = replace(INJECTION, title=word)
    text = render_github(Scanned(outcomes=(replace(SEMGREP, findings=(bad,)),)))
    (row,) = (line for line in text.splitlines() if "login page" in line and "42" in line)
    cells = row.split(" | ")
    assert len(cells) == 5
    assert not re.search(r"[\[\]<>`@#*_~:\\|$!]", re.sub(r"&#\d+;", "", cells[3]))
    shown = re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), cells[3])
    assert shown == word
