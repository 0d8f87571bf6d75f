"""What is judged by comparison with a base: policies, facts, and what has to be asked for."""

from __future__ import annotations

from datetime import datetime

from devsecops_eda.model import Outcome
from devsecops_eda.policy import Baseline, BaselineWanted, Cause, Facts
from tests.judging import BASE, DATA, NOW, RULES, commit, facts, minutes, policy

NEW = policy("kind: findings, check: semgrep, at_most: {high: 0}, new_only: true")
SCAN = policy("kind: scan, check: semgrep")
OTHER = "sha256:" + "9" * 64
WANTED = (BaselineWanted("semgrep", BASE, RULES, DATA),)
ASKED = Cause("asked", "semgrep", NOW + minutes(1), NOW + minutes(1))


def known(
    head: Outcome,
    *baselines: Baseline,
    git: Outcome | None = None,
    requested_at: datetime | None = None,
) -> Facts:
    """Return the facts about ``head`` with baselines, and when one of the base was asked for."""
    asked = [Baseline("semgrep", BASE, (), requested_at)] if requested_at else []
    return facts(head, git or commit(), baselines=[*baselines, *asked])
