"""Which version of a package to go to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from packaging.version import InvalidVersion, Version


def smallest_upgrade(current: str, fixes: Collection[Sequence[str]]) -> str | None:
    """Return the smallest of all named versions above ``current`` that has every one of ``fixes``.

    Each of ``fixes`` are the versions in which one advisory is fixed, one per branch of releases.
    None where no named version has all, or where versions cannot be compared.
    """
    try:
        now = Version(current)
        known = [{Version(word) for word in fix} for fix in fixes]
        words = {Version(word): word for fix in fixes for word in sorted(fix, reverse=True)}
    except InvalidVersion:
        return None
    fitting = (one for one in words if one > now and all(_has(one, fix) for fix in known))
    found = min(fitting, default=None)
    return None if found is None else words[found]


def _has(version: Version, fix: Collection[Version]) -> bool:
    if version in fix or version >= max(fix):
        return True
    # A later release of a branch in which it was fixed. Another branch below the newest fix may
    # have been left as it was.
    branch = version.epoch, version.major, version.minor
    return any(one <= version and (one.epoch, one.major, one.minor) == branch for one in fix)
