"""The built-in check ``commit`` shapes what git says."""

from dataclasses import replace

from devsecops_eda.checks.commit import (
    MAX_CHANGED_FILES,
    MAX_COMMITTERS,
    MAX_NAME_CHARS,
    Commit,
)
from devsecops_eda.model import ChangedFile, CommitFacts, Gap, Signature, Tool

FACTS = CommitFacts(
    author=Signature("Ann", "ann@example.org"),
    committers=(Signature("Carl", "carl@example.org"),),
    parents=("a" * 40,),
    tree_digest="sha256:" + "b" * 64,
    changed_files=(ChangedFile("a.py", "M"),),
)


def test_what_is_plain_stays_as_it_is() -> None:
    report = Commit().report(FACTS, version="2.39.5")
    assert report.facts == FACTS
    assert report.tool == Tool("git", "2.39.5")
    assert report.coverage.complete


def test_names_cannot_write_over_a_terminal() -> None:
    facts = replace(FACTS, author=Signature("A\x1b[2J\u202en\nn\x00 ", "x" * 1000))
    author = Commit().report(facts, version="").facts.author
    assert author == Signature("A[2Jnn", "x" * MAX_NAME_CHARS)


def test_the_same_committer_is_told_once() -> None:
    carl, dora = Signature("Carl", "c@example.org"), Signature("Dora", "d@example.org")
    facts = replace(FACTS, committers=(carl, dora, Signature("Carl\n", "c@example.org")))
    assert Commit().report(facts, version="").facts.committers == (carl, dora)


def test_what_is_cut_is_a_gap() -> None:
    facts = replace(
        FACTS,
        changed_files=tuple(ChangedFile(str(n), "A") for n in range(MAX_CHANGED_FILES + 1)),
        committers=tuple(Signature(str(n), "") for n in range(MAX_COMMITTERS + 1)),
    )
    report = Commit().report(facts, version="")
    assert len(report.facts.changed_files) == MAX_CHANGED_FILES
    assert len(report.facts.committers) == MAX_COMMITTERS
    assert report.coverage.gaps == (
        Gap("", "too_many_changed_files"),
        Gap("", "too_many_committers"),
    )
    assert not report.coverage.complete


def test_as_many_as_there_may_be_are_no_gap() -> None:
    facts = replace(
        FACTS, changed_files=tuple(ChangedFile(str(n), "A") for n in range(MAX_CHANGED_FILES))
    )
    assert Commit().report(facts, version="").coverage.complete
