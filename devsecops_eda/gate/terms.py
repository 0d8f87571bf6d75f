"""On what terms waivers of a repository hold."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from devsecops_eda.policy import Policy, Waiver
from devsecops_eda.policy.model import WaiverTerms


def terms_of(policy: Policy, repo: str, environment: str | None) -> WaiverTerms | None:
    """Return the terms for a waiver in ``repo`` and ``environment`` (None: in any).

    None where the policy has none for it. Whether they hold on a branch is seen when one is judged.
    """
    terms = policy.waivers
    if terms is None:
        return None
    for one in terms.selectors:
        if not _fits(one.repositories, repo):
            return None
        if environment is not None and not _fits(one.environments, environment):
            return None
    return terms


def entitled(waiver: Waiver, terms: WaiverTerms | None) -> bool:
    """Return whether the grant of ``waiver`` is by somebody who may grant it."""
    return (
        terms is not None
        and waiver.granter is not None
        and waiver.requester not in (None, waiver.granter)
        and bool(waiver.granter_groups & frozenset(terms.granters))
    )


def _fits(patterns: Sequence[str], name: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
