"""Coverage: whether the files that matter were looked at."""

import pytest

from devsecops_eda.model import ChangedFile, Gap, Outcome
from tests.judging import HEAD, NOW, commit, completed, facts, failed, line, minutes, policy

COVERAGE = "kind: coverage, check: semgrep"
GAP = Gap("app.py", "syntax error")


@pytest.mark.parametrize(
    ("scope", "changed", "state"),
    [
        ("changed_files", ["app.py"], "failed"),
        ("changed_files", ["other.py"], "satisfied"),
        ("changed_files", [], "satisfied"),
        ("all_files", ["other.py"], "failed"),
    ],
)
def test_a_gap_counts_where_the_rule_looks(scope: str, changed: list[str], state: str) -> None:
    outcomes = completed(gaps=[GAP]), commit(*(ChangedFile(path, "M") for path in changed))
    only = line(policy(f"{COVERAGE}, of: {scope}"), facts(*outcomes))
    assert only.state == state
    if state == "failed":
        assert "app.py (syntax error)" in only.message


def test_a_deleted_file_is_no_changed_file() -> None:
    outcomes = completed(gaps=[GAP]), commit(ChangedFile("app.py", "D"))
    assert line(policy(COVERAGE), facts(*outcomes)).state == "satisfied"


@pytest.mark.parametrize(
    "git",
    [
        pytest.param(commit(merge_base=None), id="no base"),
        pytest.param(commit(cut=True), id="list cut off"),
        pytest.param(commit(merge_base=HEAD.revision), id="against itself"),
    ],
)
def test_where_the_changed_files_are_not_known_every_gap_counts(git: Outcome) -> None:
    assert line(policy(COVERAGE), facts(completed(gaps=[GAP]), git)).state == "failed"


def test_a_file_nobody_names_and_a_gap_without_a_path_count_as_changed() -> None:
    one = policy(COVERAGE)
    uncounted = completed(eligible=10, scanned=9)
    assert line(one, facts(uncounted, commit())).state == "failed"
    nameless = completed(gaps=[Gap("", "too many files")])
    assert line(one, facts(nameless, commit())).state == "failed"


def test_with_gaps_coverage_waits_for_what_git_says() -> None:
    one = policy(COVERAGE)
    gaps = completed(gaps=[GAP])
    assert line(one, facts(gaps)).state == "running"
    assert line(one, facts(gaps), NOW + minutes(30)).state == "missing"
    assert line(one, facts(gaps, failed(check="commit"))).state == "errored"
    assert line(one, facts(completed())).state == "satisfied"
