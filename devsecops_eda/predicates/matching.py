"""Facts with what came of the policy's predicates."""

from __future__ import annotations

from dataclasses import replace

from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.model import Policy
from devsecops_eda.policy.wanting import predicates_wanted
from devsecops_eda.predicates.evaluator import Evaluator


def with_matches(policy: Policy, facts: Facts, evaluator: Evaluator) -> Facts:
    """Return ``facts`` with the matches of each predicate that ``policy`` needs, and no others.

    Raises:
        UnavailableError: nothing can be evaluated now.
    """
    wanted = predicates_wanted(policy, facts)
    return replace(facts, matches=evaluator.matches(wanted, facts) if wanted else ())
