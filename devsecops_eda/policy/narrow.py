"""The part of a policy that matches what is judged."""

from __future__ import annotations

from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.model import Policy


def applied(policy: Policy, facts: Facts) -> Policy | None:
    """Return the policy."""
    return policy
