"""Facts and policies for hypothesis: most often complete ones, so that many allow."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from devsecops_eda.errors import FailureReason
from devsecops_eda.model import (
    ChangedFile,
    Gap,
    Outcome,
    Severity,
    Subject,
)
from devsecops_eda.policy import (
    Baseline,
    Cause,
    Facts,
)
from tests.judging import (
    BASE,
    DATA,
    HEAD,
    NOW,
    OLDER,
    PUSH,
    commit,
    completed,
    facts,
    failed,
    finding,
    minutes,
    policy,
)

OTHER = "sha256:" + "9" * 64
CHECKS = ("commit", "semgrep", "safety")
RULES_TO_CHOOSE = (
    "kind: scan, check: commit",
    "kind: scan, check: semgrep, max_age: 1h",
    "kind: scan, check: safety, if_nothing: allow",
    "kind: scan, check: semgrep, mode: warn",
    "kind: findings, check: semgrep, at_most: {high: 0}, new_only: true",
    "kind: findings, check: semgrep, at_most: {critical: 0, low: 2}, within: 10m",
    "kind: findings, check: safety, at_most: {unknown: 0, medium: 1}, new_only: true",
    "kind: coverage, check: semgrep",
    "kind: coverage, check: safety, of: all_files, if_nothing: deny",
    'kind: scan, check: safety, from: "2026-03-02T09:20:00Z", until: "2026-03-02T10:10:00Z"',
)

instants = st.sampled_from([-60, -5, 0, 0, 5, 10, 19, 20, 29, 30, 45, 60, 70, 90]).map(
    lambda minute: NOW + minutes(minute)
)
findings_ = st.builds(
    lambda name, severity, path: finding(name, severity, path=path),
    st.sampled_from(["a:0", "a:1", "b:0"]),
    st.sampled_from(list(Severity)),
    st.sampled_from(["app.py", "new.py", "old.py"]),
)
gaps_ = st.sampled_from([Gap("app.py", "timeout"), Gap("lib.py", "syntax"), Gap("", "cut")])


@st.composite
def causes_(draw: st.DrawFn) -> Cause:
    name = draw(st.sampled_from(["again", "more"]))
    return Cause(name, draw(st.sampled_from([None, *CHECKS])), draw(instants), draw(instants))


@st.composite
def outcomes_(
    draw: st.DrawFn, check: str, *, subject: Subject = HEAD, name: str = "push"
) -> Outcome:
    cause = replace(PUSH, event_id=name)
    if draw(st.integers(0, 9)) == 9:
        reason = draw(st.sampled_from(list(FailureReason)[:3]))
        return failed(check=check, cause=cause, subject=subject, reason=reason)
    if check == "commit":
        return commit(
            *draw(st.lists(st.sampled_from(CHANGES), max_size=3)),
            merge_base=draw(st.sampled_from([BASE.revision, BASE.revision, HEAD.revision, None])),
            parents=draw(st.sampled_from([(OLDER.revision,), ()])),
            history=draw(st.sampled_from([(HEAD.revision, BASE.revision, OLDER.revision), ()])),
            cause=cause,
            subject=subject,
        )
    return completed(
        *draw(st.lists(findings_, max_size=3)),
        check=check,
        cause=cause,
        subject=subject,
        gaps=draw(st.lists(gaps_, max_size=1)),
        data=draw(st.sampled_from([DATA, DATA, DATA, OTHER])),
        applicable=draw(st.integers(0, 6)) < 6,
    )


@st.composite
def strays_(draw: st.DrawFn, subject: Subject = HEAD) -> Outcome:
    """One more outcome, of a slot that has one or of another, known or not."""
    name = draw(st.sampled_from(["push", "again", "more", "stray"]))
    return draw(outcomes_(draw(st.sampled_from(CHECKS)), subject=subject, name=name))


CHANGES = (
    ChangedFile("app.py", "M"),
    ChangedFile("lib.py", "D"),
    ChangedFile("new.py", "R", "old.py"),
)


@st.composite
def baselines_(draw: st.DrawFn, check: str) -> Baseline:
    subject = draw(st.sampled_from([BASE, BASE, OLDER]))
    recorded = [draw(outcomes_(check, subject=subject)), *draw(st.lists(strays_(subject)))[:1]]
    causes = [PUSH, *draw(st.lists(causes_(), max_size=1))]
    return Baseline(check, subject, tuple(recorded), draw(st.none() | instants), tuple(causes))


@st.composite
def facts_strategy(draw: st.DrawFn) -> Facts:
    """Most often a push that all checks answered, and a base they looked at; then some more."""
    usual = [check for check in CHECKS if draw(st.integers(0, 9)) < 9]
    outcomes = [draw(outcomes_(check)) for check in usual]
    based = [check for check in CHECKS[1:] if draw(st.integers(0, 9)) < 7]
    return facts(
        *outcomes,
        *draw(st.lists(strays_(), max_size=2)),
        # Each event is recorded once; that an id comes with other times is refused before.
        causes=[PUSH, *draw(st.lists(causes_(), max_size=1))],
        baselines=[draw(baselines_(check)) for check in based],
    )


facts_ = facts_strategy()
parsed = cache(policy)
policies_ = st.lists(st.sampled_from(RULES_TO_CHOOSE), min_size=1, max_size=3, unique=True).map(
    lambda rules: parsed(*rules)
)
# Each event is recorded once; that an id comes with other times is refused before.
