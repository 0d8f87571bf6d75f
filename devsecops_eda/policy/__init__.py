"""Judgement: pure, no files, no clock."""

from devsecops_eda.policy.baseline import baseline_candidates, commit_facts
from devsecops_eda.policy.deadlines import next_deadline
from devsecops_eda.policy.decide import decide
from devsecops_eda.policy.facts import COMMIT_CHECK, Baseline, BaselineWanted, Cause, Facts
from devsecops_eda.policy.load import default_policy_text, load_policy
from devsecops_eda.policy.model import (
    CheckRule,
    CoverageRule,
    FindingsRule,
    GateSpec,
    IfNothing,
    Policy,
    Rule,
    ScanRule,
    Scope,
)
from devsecops_eda.policy.wanting import wanted_baselines

__all__ = [
    "COMMIT_CHECK",
    "Baseline",
    "BaselineWanted",
    "Cause",
    "CheckRule",
    "CoverageRule",
    "Facts",
    "FindingsRule",
    "GateSpec",
    "IfNothing",
    "Policy",
    "Rule",
    "ScanRule",
    "Scope",
    "baseline_candidates",
    "commit_facts",
    "decide",
    "default_policy_text",
    "load_policy",
    "next_deadline",
    "wanted_baselines",
]
