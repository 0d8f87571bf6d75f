"""Judgement: pure, no files, no clock."""

from devsecops_eda.policy.baseline import baseline_candidates, commit_facts
from devsecops_eda.policy.deadlines import next_deadline
from devsecops_eda.policy.decide import decide
from devsecops_eda.policy.effective import findings_of
from devsecops_eda.policy.facts import (
    COMMIT_CHECK,
    Baseline,
    BaselineWanted,
    Cause,
    Facts,
    Matches,
    OtherDecision,
    PredicateWanted,
    Request,
    Round,
    Seen,
    Vote,
    Waiver,
)
from devsecops_eda.policy.loading.policies import (
    PolicyText,
    default_policy_text,
    load_policies,
    load_policy,
)
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
from devsecops_eda.policy.selecting import Selected, applied, explain
from devsecops_eda.policy.voting.rounds import approvals_wanted, rounds_closing, tally
from devsecops_eda.policy.voting.views import view_of
from devsecops_eda.policy.waiving import covers, waiver_state
from devsecops_eda.policy.wanting import predicates_wanted, wanted_baselines

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
    "Matches",
    "OtherDecision",
    "Policy",
    "PolicyText",
    "PredicateWanted",
    "Request",
    "Round",
    "Rule",
    "ScanRule",
    "Scope",
    "Seen",
    "Selected",
    "Vote",
    "Waiver",
    "applied",
    "approvals_wanted",
    "baseline_candidates",
    "commit_facts",
    "covers",
    "decide",
    "default_policy_text",
    "explain",
    "findings_of",
    "load_policies",
    "load_policy",
    "next_deadline",
    "predicates_wanted",
    "rounds_closing",
    "tally",
    "view_of",
    "waiver_state",
    "wanted_baselines",
]
