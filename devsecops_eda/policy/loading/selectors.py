"""Reading ``applies_to``: which repositories, environments and branches something is about."""

from __future__ import annotations

from devsecops_eda.policy.loading.frame import unique
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.model import BranchClass, Selector

_KEYS = ("repositories", "environments", "branch")


def read_selector(at: At) -> Selector:
    """Return what stands in ``applies_to``; an empty one is refused, as it would say nothing.

    Patterns are sorted: their order has no meaning.
    """
    fields = at.fields(_KEYS)
    at.entries("kinds of things")
    return Selector(
        repositories=_patterns(fields["repositories"]) if "repositories" in fields else (),
        environments=_environments(fields["environments"]) if "environments" in fields else (),
        branch=fields["branch"].word(BranchClass, "class of branches")
        if "branch" in fields
        else None,
    )


def _patterns(at: At) -> tuple[str, ...]:
    return tuple(sorted(unique(at, "patterns", At.pattern, None, "pattern")))


def _environments(at: At) -> tuple[str, ...]:
    for item in at.items("patterns"):
        pattern = item.pattern()
        if pattern != pattern.lower():
            raise item.refusal(
                f"{pattern!r} matches nothing: environments are named in lower case,"
                f" write {pattern.lower()!r}"
            )
    return _patterns(at)
